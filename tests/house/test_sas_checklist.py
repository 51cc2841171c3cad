"""Every item of the checklist of SAS, 1 to 27, is a test named by its number, where docs/sas.md says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ITEMS = range(1, 28)
_TEST = re.compile(r"^def test_(?:sas_)?item_(\d+)_", re.MULTILINE)
_ROW = re.compile(r"^\| ([\d–, ]+) \|.*\| `(tests/[\w/]+\.py)` \|$", re.MULTILINE)
_DOCUMENT = (ROOT / "docs" / "sas.md").read_text()


def _numbers(cell: str) -> set[int]:
    """The items that a cell names: `1–17, 19`."""
    spans = [[int(bound) for bound in part.split("–")] for part in cell.split(", ")]
    return {number for span in spans for number in range(span[0], span[-1] + 1)}


def _rows() -> list[tuple[set[int], str]]:
    section = _DOCUMENT[_DOCUMENT.index("### Our own checklist") :].split("\n## ")[0]
    return [(_numbers(cell), path) for cell, path in _ROW.findall(section)]


def test_the_table_names_every_item_once() -> None:
    assert sorted(number for numbers, _ in _rows() for number in numbers) == list(ITEMS)


def test_every_item_has_a_test_where_the_table_says() -> None:
    found = {path: {int(number) for number in _TEST.findall((ROOT / path).read_text())} for _, path in _rows()}

    assert [(number, path) for numbers, path in _rows() for number in sorted(numbers - found[path])] == []
