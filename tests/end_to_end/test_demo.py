"""`creneau demo --once` lives its day on free ports and keeps every promise, twice on one database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.demo.play import STEPS
from tests.end_to_end.conftest import free_ports

#: Seconds for loading, starting, the day itself and a graceful stop.
_PATIENCE = 180


def live(database: Path) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run the demonstration to its end; also the HTTP port it was told to use."""
    http, hospital, samu = free_ports(3)
    options = ["--http-port", http, "--hospital-port", hospital, "--samu-port", samu, "--once"]
    command = [sys.executable, "-m", "adapters.cli", "demo", *map(str, options)]
    finished = subprocess.run(
        [*command, "--database-url", f"sqlite:///{database}"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=database.parent,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return finished, http


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[subprocess.CompletedProcess[str], int]]:
    """Two days lived one after the other on the same database."""
    database = tmp_path_factory.mktemp("demo") / "creneau.db"
    return [live(database) for _ in range(2)]


@pytest.mark.parametrize("number", [0, 1], ids=["first-day", "again"])
def test_every_promise_of_the_day_holds(days: list[tuple[subprocess.CompletedProcess[str], int]], number: int) -> None:
    finished, http = days[number]
    lines = finished.stdout.splitlines()

    assert [line for line in lines if "BROKEN" in line] == []
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"ready http://127.0.0.1:{http}/fhir" in lines
    assert "Every promise held" in finished.stdout


def test_the_day_shows_its_steps_in_order(days: list[tuple[subprocess.CompletedProcess[str], int]]) -> None:
    finished, _ = days[0]
    numbers = [line.split(".")[0] for line in finished.stdout.splitlines() if line.split(".")[0].isdigit()]

    assert [str(number) for number in range(1, len(STEPS) + 1)] == numbers
