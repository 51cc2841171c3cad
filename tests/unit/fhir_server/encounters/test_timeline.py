"""What a list of movements comes to, where the messages of the contract tests do not go."""

import itertools
from typing import Any

import pytest

from fhir_server.encounters import movements
from fhir_server.encounters.movements import MOVEMENT
from fhir_server.encounters.timeline import EFFECTS, retell

ATTENDING = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ATND"}]}]


def movement(id_: str, event: str, start: str, **values: Any) -> dict[str, Any]:
    parts = {"id": id_, "event": event, "start": start, **values}
    return {"url": MOVEMENT, "extension": [{"url": name, "valueString": value} for name, value in parts.items()]}


def said(id_: str, recorded: str, start: str, kind: str = "") -> dict[str, Any]:
    """A movement of a sender without ZBE: its event is its number, with the time where there are several of it."""
    told = movement(id_, id_[:3], f"2026-03-02T{start}:00Z", recorded=f"2026-03-02T{recorded}:00Z")
    told["extension"] += [{"url": "class", "valueCoding": {"code": kind}}] if kind else []
    return told


def visit(*told: dict[str, Any], **elements: Any) -> dict[str, Any]:
    encounter = {"resourceType": "Encounter", "status": "unknown", "class": {"code": "AMB"}, **elements}
    encounter["extension"] = [*elements.get("extension", ()), *told]
    retell(encounter)
    return encounter


@pytest.mark.parametrize("event", EFFECTS)
def test_an_event_undoes_only_events_that_are_known_or_do_nothing(event: str) -> None:
    undone = set(EFFECTS[event].cancels)

    assert undone <= EFFECTS.keys() | {"A09", "A15", "A16", "A54"}
    assert not [one for one in undone & EFFECTS.keys() if EFFECTS[one].cancels or EFFECTS[one].deletes]


def test_a_visit_nobody_told_by_movements_stays_as_it_is() -> None:
    encounter = {"resourceType": "Encounter", "status": "planned", "location": [{"location": {"display": "URG"}}]}
    before = dict(encounter)
    retell(encounter)

    assert encounter == before


@pytest.mark.parametrize("start", ["", "yesterday"])
def test_a_movement_without_a_time_that_can_be_read_is_none(start: str) -> None:
    encounter = visit(movement("1", "A03", start))

    assert (encounter["status"], len(encounter["extension"])) == ("unknown", 1)


def test_other_extensions_and_participants_stay() -> None:
    other = {"url": "http://example.org/x", "valueString": "1"}
    referrer = {"individual": {"display": "Dr REF"}, "type": [{"coding": [{"code": "REF"}]}]}
    former = {"individual": {"display": "Dr OLD"}, "type": ATTENDING}
    told = movement("1", "A01", "2026-03-02T08:00:00+01:00")
    encounter = visit(told, extension=[other], participant=[referrer, former])

    assert encounter["extension"] == [other, told]
    assert encounter["participant"] == [referrer]


def test_movements_stand_by_their_time() -> None:
    late, early = (movement(*one) for one in (("2", "A02", "2026-03-02T10:00:00Z"), ("9", "A01", "2026-03-02")))

    assert visit(late, early)["extension"] == [early, late]


def test_a_discharge_before_the_admission_gives_no_period_that_ends_before_it_starts() -> None:
    told = (movement("1", "A01", "2026-03-02T08:00:00Z"), movement("2", "A03", "2026-03-02T07:00:00Z"))

    assert visit(*told)["status"] == "in-progress"
    assert visit(*told)["period"] == {"start": "2026-03-02T08:00:00Z"}


def test_a_wrong_admission_time_is_left_out() -> None:
    told = movement("2", "A03", "2026-03-02T07:00:00Z", admitted="2026-03-02T08:00:00Z")

    assert visit(told)["period"] == {"end": "2026-03-02T07:00:00Z"}


def test_an_event_nobody_knows_tells_who_and_where_only() -> None:
    place = {"url": "place", "valueReference": {"display": "URG"}}
    told = movement("1", "Z01", "2026-03-02T08:00:00Z")
    told["extension"].append(place)
    encounter = visit(told)

    assert (encounter["status"], encounter["location"]) == (
        "in-progress",
        [{"location": {"display": "URG"}, "status": "active"}],
    )


@pytest.mark.parametrize(
    ("first", "second"), [("INSERT", "UPDATE"), ("INSERT", "CANCEL"), ("UPDATE", "CANCEL"), ("", "CANCEL")]
)
def test_of_two_words_at_the_same_time_the_stronger_stands(first: str, second: str) -> None:
    weak, strong = (movement("1", "A02", "2026-03-02", action=action) for action in (first, second))

    assert movements.rank(weak) < movements.rank(strong)


ADMITTED, ARRIVED = said("A01", "08:00", "07:00", "IMP"), said("A04", "08:01", "07:00", "AMB")
MOVED, MOVED_LATER = said("A02 1", "08:02", "07:00", "ACUTE"), said("A02 2", "08:02", "07:30")
UNDONE = said("A11", "08:03", "07:00", "EMER")
UNDONE_AT_ONCE, MOVE_UNDONE = said("A11", "08:00", "07:00", "EMER"), said("A12 1", "08:02", "07:00")


@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [
        pytest.param((ADMITTED, UNDONE), "cancelled", "EMER", id="nothing stands: the class said last"),
        pytest.param((ADMITTED, ARRIVED, UNDONE), "in-progress", "IMP", id="two at the same time: the later said goes"),
        pytest.param((ADMITTED, UNDONE_AT_ONCE), "cancelled", "EMER", id="in the same second: undone"),
        pytest.param((UNDONE, said("A01", "08:04", "07:00", "IMP")), "in-progress", "IMP", id="said again after"),
        pytest.param((MOVED, MOVED_LATER, MOVE_UNDONE), "in-progress", "ACUTE", id="the one at that time goes"),
        pytest.param((MOVED_LATER, MOVE_UNDONE, ADMITTED), "in-progress", "IMP", id="none at that time: the last goes"),
        pytest.param(
            (ADMITTED, ARRIVED, UNDONE, said("A23", "08:05", "08:05")), "entered-in-error", "EMER", id="error"
        ),
    ],
)
def test_without_numbers_what_stands_does_not_depend_on_the_order(
    told: tuple[dict[str, Any], ...], status: str, kind: str
) -> None:
    first, *others = (visit(*some) for some in itertools.permutations(told))

    assert (first["status"], first["class"]["code"]) == (status, kind)
    assert [one for one in others if one != first] == []
