"""The commands of docs/mappings.md that change a row, pasted into a shell, print what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.tours import MARK, blocks, script

BLOCKS = blocks("docs/mappings.md", "Change a row and see the effect")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block prints, in one shell in an empty folder."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    finished = subprocess.run(
        ["bash", "-c", script(BLOCKS)],
        env=environment,
        cwd=tmp_path_factory.mktemp("tour"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout.split(f"{MARK}\n")


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[block.title for block in BLOCKS])
def test_a_block_prints_what_the_document_says(printed: list[str], number: int) -> None:
    assert BLOCKS[number].keeps_its_promise(printed[number]), printed[number]
