"""The five minutes of the README, pasted into a shell beside a running demonstration, print what it says."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.supervise import creneau, wait_until_ready
from tests.end_to_end.conftest import free_port
from tests.end_to_end.tours import MARK, blocks, script

_PATIENCE = 120

BLOCKS = blocks("README.md", "Five minutes")


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
        pasted = script(BLOCKS)
        for said, meant in (("127.0.0.1:8080", f"127.0.0.1:{http}"), ("--port 2575", f"--port {hospital}")):
            pasted = pasted.replace(said, meant)
        pasted = pasted.replace("sqlite:///creneau-demo.db", url)
        shell = ["bash", "-c", pasted]
        finished = subprocess.run(
            shell, env=environment, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        yield finished.stdout.split(f"{MARK}\n")
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)
    assert demo.returncode == 0


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[block.title for block in BLOCKS])
def test_a_block_of_the_tour_prints_what_the_readme_says(printed: list[str], number: int) -> None:
    assert BLOCKS[number].keeps_its_promise(printed[number]), printed[number]
