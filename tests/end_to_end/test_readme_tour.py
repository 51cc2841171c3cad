"""The five minutes of the README, pasted into a shell beside a running demonstration, print what it says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.supervise import creneau, wait_until_ready
from tests.end_to_end.conftest import free_port

ROOT = Path(__file__).parents[2]
#: Between the outputs of two blocks.
_MARK = "=== end of block ==="
_PATIENCE = 120


@dataclass(frozen=True)
class Block:
    """What is pasted, and what is promised to be printed."""

    title: str
    commands: str
    promised: str


def _blocks() -> list[Block]:
    text = (ROOT / "README.md").read_text("utf-8")
    tour = text.split("\n## Five minutes\n")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(.+?)\*\*(?:(?!```).)*?```sh\n(.*?)```\n\n```text\n(.*?)```", tour, re.DOTALL)
    assert len(re.findall("^```sh$", tour, re.MULTILINE)) == len(found)
    return [Block(*parts) for parts in found]


BLOCKS = _blocks()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block prints, in one shell that stops at the first command that fails."""
    if shutil.which("curl") is None:
        pytest.skip("the tour needs curl, which is not installed here")
    folder = tmp_path_factory.mktemp("tour")
    http, hospital, samu, nobody = (free_port() for _ in range(4))
    url = f"sqlite:///{folder}/tour.db"
    options = ["--http-port", http, "--hospital-port", hospital, "--samu-port", samu, "--database-url", url]
    environment = os.environ | {
        "CRENEAU_FEED_HOSPITAL_SEND_PORT": str(nobody),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(folder),
    }
    command = creneau("demo", *map(str, options), "--no-play")
    demo = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)
    try:
        ports = [("127.0.0.1", hospital), ("127.0.0.1", samu)]
        assert wait_until_ready([f"http://127.0.0.1:{http}/ready"], ports, lambda: demo.poll() is not None, _PATIENCE)
        script = "set -euo pipefail\n" + "".join(f"{block.commands}\necho '{_MARK}'\n" for block in BLOCKS)
        for said, meant in (("127.0.0.1:8080", f"127.0.0.1:{http}"), ("--port 2575", f"--port {hospital}")):
            script = script.replace(said, meant)
        script = script.replace("sqlite:///creneau-demo.db", url)
        shell = ["bash", "-c", script]
        finished = subprocess.run(
            shell, env=environment, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        yield finished.stdout.split(f"{_MARK}\n")
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)
    assert demo.returncode == 0


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[block.title for block in BLOCKS])
def test_a_block_of_the_tour_prints_what_the_readme_says(printed: list[str], number: int) -> None:
    pattern = ".*".join(re.escape(part) for part in BLOCKS[number].promised.split("…"))

    assert re.fullmatch(pattern, printed[number]), printed[number]
