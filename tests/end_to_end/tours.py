"""Blocks of a document that can be pasted into a shell, and what it promises that they print."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.supervise import creneau, wait_until_ready
from tests.end_to_end.conftest import free_ports

ROOT = Path(__file__).parents[2]
#: Between the outputs of two blocks.
MARK = "=== end of block ==="
#: Seconds that a demonstration may take to start, and its tour to be walked.
PATIENCE = 120


@dataclass(frozen=True)
class Block:
    """What is pasted, and what is promised to be printed; `…` stands for anything."""

    title: str
    commands: str
    promised: str

    def keeps_its_promise(self, printed: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.promised.split("…"))
        return re.fullmatch(pattern, printed) is not None


def blocks(document: str, heading: str) -> list[Block]:
    """The blocks of a section, each with a bold title before it and its output behind it."""
    section = (ROOT / document).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(.+?)\*\*(?:(?!```).)*?```sh\n(.*?)```\n\n```text\n(.*?)```", section, re.DOTALL)
    assert len(re.findall("^```sh$", section, re.MULTILINE)) == len(found)
    return [Block(*parts) for parts in found]


def script(pasted: list[Block]) -> str:
    """One shell script of all blocks, which stops at the first command that fails."""
    return "set -euo pipefail\n" + "".join(f"{block.commands}\necho '{MARK}'\n" for block in pasted)


@contextmanager
def printed(pasted: list[Block], folder: Path) -> Iterator[list[str]]:
    """What each block prints, beside a running demonstration, in one shell that stops at the first that fails."""
    http, hospital, samu, nobody = free_ports(4)
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
        assert wait_until_ready([f"http://127.0.0.1:{http}/ready"], ports, lambda: demo.poll() is not None, PATIENCE)
        text = script(pasted)
        for said, meant in (("127.0.0.1:8080", f"127.0.0.1:{http}"), ("--port 2575", f"--port {hospital}")):
            text = text.replace(said, meant)
        text = text.replace("sqlite:///creneau-demo.db", url)
        finished = subprocess.run(
            ["bash", "-c", text],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        yield finished.stdout.split(f"{MARK}\n")
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)
    assert demo.returncode == 0
