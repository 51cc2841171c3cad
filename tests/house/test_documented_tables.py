"""What the documentation says of the life of an appointment is what the code does."""

import re
from pathlib import Path

from fhir_server.registry.resources import RESOURCES
from fhir_server.scheduling.lifecycle import AMENDABLE, MOVABLE, NEW, TRANSITIONS

_TEXT = (Path(__file__).parents[2] / "docs" / "fhir.md").read_text()
_LIFE = _TEXT[_TEXT.index("## The life of an appointment") : _TEXT.index("## Patch")]


def _codes(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def _after(beginning: str) -> set[str]:
    """The codes of a list that begins so."""
    return set(_codes(_LIFE[_LIFE.index(beginning) + len(beginning) :].split(".\n")[0].split(": the patient")[0]))


def test_the_transitions_are_as_written() -> None:
    rows = [line.strip("| ").split(" |") for line in _LIFE.splitlines() if line.startswith(("| `", "| (new)"))]
    written = {(_codes(cells[0]) or [NEW])[0]: tuple(_codes(cells[2])) for cells in ([*row, ""] for row in rows)}

    assert written == dict(TRANSITIONS)


def test_what_may_be_amended_and_moved_is_as_written() -> None:
    assert _after("these may change: ") == AMENDABLE - {"id"}
    assert _after("to another slot or time may change ") == MOVABLE


def test_who_sees_what_is_as_written() -> None:
    """Every type stands in the row of its audience; Slot and the audit trail have rows of their own."""
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    cells = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    for audience in ("own", "catalogue"):
        (row,) = [cell for cell in cells if cell.startswith(f"`{audience}`: ")]
        rows = {name for name, one in RESOURCES.items() if one.audience == audience and not one.is_ledger}
        assert set(row.partition(": ")[2].split(", ")) == rows - {"Slot"}
    assert {"Slot", "AuditEvent"} <= cells
