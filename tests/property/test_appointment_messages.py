"""In whatever order the messages of an appointment arrive, and however often, they mean the same in the end."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from adapters.service import build_house
from fhir_server import settings as settings_module
from tests.contract.siu import PID, Desk, open_agenda, sch

#: Event, SCH values and the segments behind PID.
Told = tuple[str, dict[str, str], tuple[str, ...]]

TIMES = (("0900", "0915"), ("0905", "0920"), ("0930", "0945"), ("", ""))
PLACE = "AIL|1||BOX1^^^CH-DEMO"
_numbers = count(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Iterator[Desk]:
    path = tmp_path_factory.mktemp("messages") / "test.db"
    path.write_bytes(sqlite_template.read_bytes())
    house = build_house(settings_module.load({}, database_url=f"sqlite:///{path}", demo=True), pool_size=4)
    yield Desk(house)
    house.services.close()


@st.composite
def told(draw: st.DrawFn) -> Told:
    event = draw(st.sampled_from(("S12", "S13", "S14", "S15", "S18", "S20", "S26", "S27")))
    start, end = draw(st.sampled_from(TIMES[: 3 if event in ("S12", "S13") else 4]))
    values = {
        "start": start,
        "end": end,
        "status": draw(st.sampled_from(("", "Booked", "Pending", "Cancelled", "Started"))),
        "f7": draw(st.sampled_from(("", "CHECKUP", "FOLLOWUP", '""'))),
        "f6": draw(st.sampled_from(("", "PAT^Patient"))),
    }
    action = {"S18": "A", "S20": "D"}.get(event, "")
    doctor, place = f"AIP|1|{action}|DOCTOR", PLACE.replace("AIL|1|", f"AIL|1|{action}")
    segments = draw(st.sampled_from(((), (doctor,), (doctor, place), (place,))))
    return event, values, segments


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Told], list[int]]:
    """A booking and what becomes of it, and the order of arrival: every message at least once."""
    booking = ("S12", {"start": "0900", "end": "0915", "status": ""}, ("AIP|1||DOCTOR",))
    story = [booking, *draw(st.lists(told(), min_size=1, max_size=4))]
    numbers = list(range(len(story)))
    again = draw(st.lists(st.sampled_from(numbers), max_size=2))
    return story, draw(st.permutations(numbers + again))


def outcome(desk: Desk, story: Sequence[Told], order: Sequence[int]) -> tuple[Any, ...]:
    """What is left of an appointment of its own, of a doctor of its own, after these arrivals."""
    number = next(_numbers)
    agenda, rpps = f"d{number}", f"1{number:010d}"
    open_agenda(desk, agenda, rpps)
    for name, start, end in (("a", "09:00", "09:15"), ("b", "09:15", "09:30"), ("c", "09:30", "09:45")):
        desk.publish(f"{agenda}-{name}", start, end, agenda)
    waiting = list(order)
    for _ in range(len(order)):
        # What is refused for want of something else comes again.
        waiting = [index for index in waiting if not _is_taken(desk, story[index], index, number, rpps)]
    made = desk.appointment(f"F{number}")
    slots = {name: status for name, status in desk.slots().items() if name.startswith(f"{agenda}-")}
    return _substance(made, f"{agenda}-"), [slots[name] for name in sorted(slots)]


def _is_taken(desk: Desk, one: Told, index: int, number: int, rpps: str) -> bool:
    event, values, segments = one
    told_of = [text.replace("DOCTOR", f"{rpps}^EXEMPLE^^^^^^^ASIP-SANTE-PS^D^^^RPPS") for text in segments]
    return desk.send(event, sch(number=f"F{number}", **values), PID, "RGS|1", *told_of, minute=index + 1).code == "AA"


def _substance(appointment: dict[str, Any], agenda: str) -> dict[str, Any]:
    """The resource without what differs between two appointments with the same fate."""
    kept = {name: value for name, value in appointment.items() if name not in ("id", "meta", "identifier")}
    kept["participant"] = sorted(
        (one["actor"]["reference"].split("/")[0], one["status"]) for one in kept["participant"]
    )
    if "slot" in kept:
        kept["slot"] = [one["reference"].removeprefix(f"Slot/{agenda}") for one in kept["slot"]]
    return kept


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_so=stories())
def test_order_and_repetition_do_not_matter(desk: Desk, told_so: tuple[list[Told], list[int]]) -> None:
    story, order = told_so
    note(f"{story} in the order {order}")

    assert outcome(desk, story, order) == outcome(desk, story, range(len(story)))
