"""docs/mappings.md lists every cell."""

from pathlib import Path

import pytest

from adapters.mapping.cells_in import CELLS
from adapters.mapping.cells_out import CELLS_OUT

TEXT = (Path(__file__).parents[4] / "docs" / "mappings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*CELLS, *CELLS_OUT}))
def test_cell_is_documented(name: str) -> None:
    assert f"`{name}`" in TEXT or f"`{name}:TYPE`" in TEXT
