"""docs/figures.md tells every figure as its row does."""

from pathlib import Path

from fhir_server.registry.figures import FIGURES

TEXT = (Path(__file__).parents[2] / "docs" / "figures.md").read_text(encoding="utf-8")


def test_the_table_has_every_figure_in_order() -> None:
    told = [line for line in TEXT.splitlines() if line.startswith("| `")]

    assert told == [
        f"| `{row.code}` | {row.title} | {row.title_fr} | {row.definition} | {' + '.join(row.denominator)} |"
        for row in FIGURES.values()
    ]
