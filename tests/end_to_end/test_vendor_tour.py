"""The vendors' guide, from nothing to a booked slot: pasted into a shell beside a running demonstration."""

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.end_to_end import tours

_GUIDE = "docs/integrate-vendor.md"
BLOCKS = tours.blocks(_GUIDE, "From nothing to a booked slot")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block prints."""
    if shutil.which("curl") is None:
        pytest.skip("the tour needs curl, which is not installed here")
    folder = tmp_path_factory.mktemp("tour")
    section = (tours.ROOT / _GUIDE).read_text("utf-8").split("\n## In Python\n")[1]
    (program,) = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    (folder / "book.py").write_text(program, "utf-8")
    with tours.printed(BLOCKS, folder) as found:
        yield found


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[block.title for block in BLOCKS])
def test_a_block_of_the_tour_prints_what_the_guide_says(printed: list[str], number: int) -> None:
    assert BLOCKS[number].keeps_its_promise(printed[number]), printed[number]
