"""The table of summary elements is that of the definitions."""

from pathlib import Path

from fhir_server.validation import generate, subsets
from fhir_server.validation.subsets import kept_elements, summary_elements

HERE = Path(subsets.__file__)


def test_the_table_is_current() -> None:
    definitions = generate.read(HERE.with_name("definitions.json.gz"))

    assert subsets.render(definitions) == HERE.with_name("subsets.csv").read_text(encoding="utf-8")


def test_what_is_kept_is_part_of_every_summary() -> None:
    for name, elements in kept_elements().items():
        assert elements <= summary_elements()[name], name
