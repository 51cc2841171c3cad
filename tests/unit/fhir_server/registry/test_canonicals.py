"""Canonicals that FrCore renamed: either name leads to the other."""

import pytest

from fhir_server.registry.canonicals import FIRST, SECOND, generation_of, latest, renamed, spellings

OLD, NEW = "http://interopsante.org/fhir/", "https://hl7.fr/ig/fhir/core/"
AVAILABILITY = f"{NEW}StructureDefinition/fr-core-schedule-availability-time"


@pytest.mark.parametrize("generation", [FIRST, SECOND])
def test_every_name_of_the_other_generation_is_renamed(generation: int) -> None:
    start, others = (OLD, NEW) if generation == FIRST else (NEW, OLD)

    assert all(one.startswith(others) and name.startswith(start) for one, name in renamed(generation).items())
    assert {generation_of(name) for name in renamed(generation).values()} == {generation}


def test_what_was_misspelt_is_the_same_thing() -> None:
    names = [f"{OLD}StructureDefinition/FrScheduleAvailab{end}" for end in ("iltyTime", "ilityTime")]

    assert spellings(AVAILABILITY) == (AVAILABILITY, *names)
    assert {latest(name) for name in names} == {AVAILABILITY}
    assert renamed(FIRST)[AVAILABILITY] == names[0]


def test_going_there_and_back_is_the_newest_name() -> None:
    assert all(renamed(SECOND)[first] == second for second, first in renamed(FIRST).items())


@pytest.mark.parametrize(
    ("url", "generation"),
    [
        (f"{OLD}StructureDefinition/FrSlot", FIRST),
        (f"{NEW}StructureDefinition/fr-core-slot|2.1.0", SECOND),
        ("http://hl7.org/fhir/StructureDefinition/Slot", None),
        ("", None),
    ],
)
def test_the_generation_of_a_canonical(url: str, generation: int | None) -> None:
    assert generation_of(url) == generation
    assert generation is not None or spellings(url) == (url,)
