"""The messages of a visit, in any order and some of them twice, end in the same Encounter and the same Patient."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.service import House, build_house
from fhir_server import settings as settings_module
from tests.visits import Told, movement, stored, tell

#: Events that insert a movement, and what cancels each.
CANCELLED_BY = {
    "A01": "A11", "A02": "A12", "A03": "A13", "A04": "A11", "A05": "A38", "A21": "A52", "A22": "A53", "A54": "A55",
}  # fmt: skip
CLASS_CHANGES = ("A06", "A07")
PLACES = ("", "URG^1^1^CH-DEMO", "CHIR^2^1^CH-DEMO", "MED^^^CH-DEMO")
DOCTORS = ("", "10100002459^AIT^Karim^^^^^^^^^^RPPS", "10100001238^MEDARD^Anne^^^^^^^^^^RPPS")
NAMES = ("ESSAI^Camille^^^^^L", "ESSAI^Camille^^^^^L~AUTRE^Camille^^^^^D")

numbers = itertools.count(1)


class Hospital:
    """The house under a name that prints short: a counterexample tells its arguments."""

    def __init__(self, house: House) -> None:
        self.house = house


@pytest.fixture(scope="module")
def hospital(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    path = tmp_path_factory.mktemp("movements") / "test.db"
    shutil.copy(sqlite_template, path)
    built = build_house(settings_module.load({}, database_url=f"sqlite:///{path}", demo=True), pool_size=1)
    yield Hospital(built)
    built.services.close()


def at(minute: int) -> str:
    """A minute of a day, as senders write it."""
    return f"20260302{minute // 60:02d}{minute % 60:02d}00"


@st.composite
def visits(draw: st.DrawFn) -> list[Told]:
    """What a hospital says about one visit, in the order in which it says it: inserts, corrections, cancellations."""
    has_movements = draw(st.booleans())
    told: list[Told] = []
    inserted: list[tuple[str, str, str]] = []
    for minute in sorted(draw(st.sets(st.integers(480, 1200), min_size=2, max_size=7))):
        event, start = (
            draw(st.sampled_from([*CANCELLED_BY, *CLASS_CHANGES, "A08", "A31"])),
            at(draw(st.integers(420, minute))),
        )
        named: dict[str, Any] = {
            "place": draw(st.sampled_from(PLACES)),
            "doctor": draw(st.sampled_from(DOCTORS)),
            "kind": draw(st.sampled_from("IEO")),
            "name": draw(st.sampled_from(NAMES)),
            "admitted": draw(st.sampled_from(("", at(450)))),
        }
        action = draw(st.sampled_from(("INSERT", "INSERT", "UPDATE", "CANCEL"))) if inserted else "INSERT"
        if event == "A31":
            told.append(Told("A31", at(minute), name=named["name"], visit=""))
        elif event == "A08" or not has_movements:
            if action == "CANCEL" and inserted[-1][1] in CANCELLED_BY:
                _, event, start = inserted[-1]
                event = CANCELLED_BY[event]
            else:
                inserted.append(("", event, start))
            told.append(Told(event, at(minute), start, **named))
        elif action == "INSERT":
            inserted.append((f"M{minute}", event, start))
            historic = draw(st.sampled_from("YN"))
            told.append(movement(event, at(minute), f"M{minute}", start, historic=historic, **named))
        else:
            number, event, start = draw(st.sampled_from([one for one in inserted if one[0]] or [("M0", "A02", start)]))
            trigger = "Z99" if action == "UPDATE" else CANCELLED_BY.get(event, "A07")
            told.append(movement(trigger, at(minute), number, start, action=action, original=event, **named))
    return told


def after(house: House, messages: list[Told]) -> tuple[Any, Any]:
    """Patient and Encounter that these messages make of a new person, without what differs between two persons."""
    number = str(next(numbers))
    mine = [
        replace(one, ipp=f"P{number}", visit=one.visit and f"V{number}", control_id=f"{number}-{index}")
        for index, one in enumerate(messages)
    ]
    assert {answer.code for answer in tell(house, *mine)} == {"AA"}
    patient = next(one for one in stored(house, "Patient") if one["identifier"][0]["value"] == f"P{number}")
    subject = {"reference": f"Patient/{patient['id']}"}
    encounter = next((one for one in stored(house, "Encounter") if one.get("subject") == subject), None)
    return _substance(patient), encounter and _substance(encounter)


def _substance(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without its names and stamps."""
    return {name: value for name, value in resource.items() if name not in ("id", "meta", "identifier", "subject")}


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Told], list[Told]]:
    """A visit as it is told, and the same messages in another order, some of them twice."""
    told = draw(visits())
    places = range(len(told))
    again = draw(st.lists(st.sampled_from(places), max_size=3))
    return told, [told[place] for place in draw(st.permutations([*places, *again]))]


@settings(max_examples=40, deadline=None)
@given(story=stories())
def test_any_order_with_repetitions_ends_in_the_same_visit(
    hospital: Hospital, story: tuple[list[Told], list[Told]]
) -> None:
    told, shuffled = story

    assert after(hospital.house, told) == after(hospital.house, shuffled)
