"""The five minutes of the README, pasted into a shell beside a running demonstration, print what it says."""

import shutil
from collections.abc import Iterator

import pytest

from tests.end_to_end import tours

BLOCKS = tours.blocks("README.md", "Five minutes")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block prints."""
    if shutil.which("curl") is None:
        pytest.skip("the tour needs curl, which is not installed here")
    with tours.printed(BLOCKS, tmp_path_factory.mktemp("tour")) as found:
        yield found


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[block.title for block in BLOCKS])
def test_a_block_of_the_tour_prints_what_the_readme_says(printed: list[str], number: int) -> None:
    assert BLOCKS[number].keeps_its_promise(printed[number]), printed[number]
