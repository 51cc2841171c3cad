"""Programmes are compiled once, and what a sender makes up costs no place among them."""

from adapters.mapping.compiled import programme
from adapters.mapping.tables import load

TABLES = load()


def test_unknown_triggers_drive_out_no_programme() -> None:
    before = programme(TABLES, "SIU^S12")
    made_up = [programme(TABLES, f"SIU^Z{number}") for number in range(2_000)]

    assert made_up == [None] * 2_000
    assert programme(TABLES, "SIU^S12") is before
