"""Every event that others may be told of: the message it becomes, and that it never goes back where it came from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.feeds import load
from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.hl7v2.parse import parse
from adapters.receive import Receiver
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.scheduling.events import EVENTS
from fhir_server.settings import Settings
from fhir_server.storage.resources import Stored
from tests import builders
from tests.conftest import StandingClock
from tests.contract.outbound import TABLES, VENDOR, Office, office
from tests.contract.siu import DOCTOR as RESOURCE
from tests.contract.siu import sch
from tests.mllp_peer import Peer, listening

LATER = {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"}
DOCTOR = {
    "identifier": [{"system": "https://rpps.esante.gouv.fr", "value": "10100000011"}],
    "name": [{"family": "EXEMPLE"}],
}


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as found:
        yield found


@pytest.fixture
def desk(settings: Settings, clock: StandingClock, peer: Peer) -> Iterator[Office]:
    with office(settings, clock, peer.port, has_all_referrals=True) as made:
        yield made


def agenda(desk: Office) -> str:
    doctor = desk.make(SYSTEM, "Practitioner", **DOCTOR)
    return desk.make(SYSTEM, "Schedule", actor=[{"reference": doctor.reference}]).reference


def slot(desk: Office, actor: Actor, status: str) -> Stored:
    return desk.make(actor, "Slot", **builders.slot(schedule={"reference": agenda(desk)}, status=status))


def referral(desk: Office, actor: Actor = SYSTEM) -> Stored:
    patient = desk.make(actor, "Patient", **builders.patient())
    subject = {"reference": patient.reference}
    return desk.make(actor, "ServiceRequest", status="active", intent="order", subject=subject)


def task(desk: Office, status: str = "requested") -> Stored:
    focus = {"reference": referral(desk).reference}
    return desk.make(SYSTEM, "Task", status=status, intent="order", focus=focus)


def booked_for(desk: Office, actor: Actor) -> None:
    desk.book(actor, basedOn=[{"reference": referral(desk).reference}])


@dataclass(frozen=True)
class Case:
    """One way to an event."""

    event: str
    trigger: str
    #: What stands before, made in a name that tells of it too.
    before: Callable[[Office], Stored | None]
    #: The change itself.
    change: Callable[[Office, Actor, Stored], object]

    def __str__(self) -> str:
        return f"{self.event}-{self.trigger}"


def nothing(desk: Office) -> None:
    return None


def status(to: str) -> Callable[[Office, Actor, Stored], object]:
    return lambda desk, actor, one: desk.change(actor, one, status=to)


def blocked(desk: Office) -> Stored:
    return slot(desk, SYSTEM, "busy-unavailable")


CASES = [
    Case("appointment-booked", "SIU^S12", nothing, lambda desk, actor, _: desk.book(actor)),
    Case("appointment-booked", "SIU^S12", lambda desk: desk.book(VENDOR, status="pending"), status("booked")),
    Case("appointment-moved", "SIU^S13", Office.book, lambda desk, actor, one: desk.change(actor, one, **LATER)),
    Case("appointment-changed", "SIU^S14", Office.book, lambda desk, actor, one: desk.change(actor, one, comment="!")),
    Case("appointment-changed", "SIU^S14", Office.book, status("arrived")),
    Case("appointment-cancelled", "SIU^S15", Office.book, status("cancelled")),
    Case("appointment-deleted", "SIU^S17", Office.book, status("entered-in-error")),
    Case("appointment-missed", "SIU^S26", Office.book, status("noshow")),
    Case("slot-blocked", "SIU^S23", nothing, lambda desk, actor, _: slot(desk, actor, "busy-unavailable")),
    Case("slot-blocked", "SIU^S23", lambda desk: slot(desk, SYSTEM, "free"), status("busy-unavailable")),
    Case("slot-unblocked", "SIU^S24", blocked, status("free")),
    Case("slot-unblocked", "SIU^S24", blocked, status("entered-in-error")),
    Case("slot-unblocked", "SIU^S24", blocked, lambda desk, actor, one: desk.remove(actor, one)),
    Case("slot-unblocked", "SIU^S24", nothing, lambda desk, actor, _: slot(desk, actor, "entered-in-error")),
    Case("referral-waiting", "RRI^I13", task, status("received")),
    Case("referral-accepted", "RRI^I12", task, status("accepted")),
    Case("referral-rejected", "RRI^I12", task, status("rejected")),
    Case("referral-cancelled", "RRI^I14", task, status("cancelled")),
    Case("referral-completed", "RRI^I13", task, status("completed")),
    Case("referral-booked", "RRI^I12", nothing, lambda desk, actor, _: booked_for(desk, actor)),
    Case("request-on-hold", "RRI^I13", referral, status("on-hold")),
    Case("request-revoked", "RRI^I14", referral, status("revoked")),
    Case("request-completed", "RRI^I13", referral, status("completed")),
]


def told(desk: Office, case: Case, actor: Actor) -> list[str]:
    """The events that the change of a case owes, and no earlier one."""
    before = case.before(desk)
    known = len(desk.deliveries)
    case.change(desk, actor, before)  # type: ignore[arg-type]
    return [one.event for one in desk.deliveries[known:]]


def triggers(peer: Peer) -> list[str]:
    messages = [parse(octets) for octets in peer.received]
    return [f"{message['MSH-9.1']}^{message['MSH-9.2']}" for message in messages]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_event_becomes_its_message(desk: Office, peer: Peer, case: Case) -> None:
    events = told(desk, case, SYSTEM)
    desk.deliver()

    assert case.event in events
    assert triggers(peer)[-len(events) :][events.index(case.event)] == case.trigger
    assert set(desk.states) == {"delivered"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_news_never_goes_back_where_it_came_from(desk: Office, case: Case) -> None:
    assert told(desk, case, desk.partner) == []


def test_every_event_has_a_case() -> None:
    assert {case.event for case in CASES} == EVENTS


def test_every_event_has_a_plan_and_is_documented() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")

    planned = {event: f"{plan.events[event]}`" for plan in TABLES.outbound for event in plan.events}
    assert planned.keys() == EVENTS
    assert [event for event in EVENTS if not _row(documented, event).count(planned[event])] == []


def _row(text: str, event: str) -> str:
    return next((line for line in text.splitlines() if line.startswith(f"| `{event}` |")), "")


def test_an_appointment_changed_several_times_keeps_order(desk: Office, peer: Peer) -> None:
    one = desk.book()
    for number in range(3):
        one = desk.change(SYSTEM, one, comment=f"note {number}")
    desk.change(SYSTEM, one, status="cancelled")
    desk.deliver()

    messages = [parse(octets) for octets in peer.received]
    assert [message["MSH-9.2"] for message in messages] == ["S12", "S14", "S14", "S14", "S15"]
    # Each tells of the state it was written for, not of the one that stood when it left.
    assert [message["NTE-3"] for message in messages] == [None, "note 0", "note 1", "note 2", "note 2"]
    assert [message["SCH-25.1"] for message in messages] == ["Booked"] * 4 + ["Cancelled"]


def test_what_says_nothing_new_owes_nothing(desk: Office) -> None:
    one = desk.change(SYSTEM, desk.book(), description="said differently")
    desk.change(SYSTEM, desk.change(SYSTEM, one, status="cancelled"), comment="too late")

    assert [one.event for one in desk.deliveries] == ["appointment-booked", "appointment-cancelled"]


def test_what_nobody_was_told_of_is_not_taken_back(desk: Office) -> None:
    desk.change(SYSTEM, desk.book(status="proposed"), status="cancelled")

    assert desk.deliveries == []


def test_a_block_that_moves_frees_its_old_time_first(desk: Office, peer: Peer) -> None:
    desk.change(SYSTEM, slot(desk, SYSTEM, "busy-unavailable"), **LATER)
    desk.deliver()

    messages = [parse(octets) for octets in peer.received]
    assert [(message["MSH-9.2"], message["TQ1-7"]) for message in messages] == [
        ("S23", "20260303090000"),
        ("S24", "20260303090000"),
        ("S23", "20260303100000"),
    ]
    assert [message["AIP-3.1"] for message in messages] == ["10100000011"] * 3


def test_a_slot_booked_or_given_back_is_no_block(desk: Office) -> None:
    free = slot(desk, SYSTEM, "free")
    one = desk.book(SYSTEM, slot=[{"reference": free.reference}])
    desk.change(SYSTEM, one, status="cancelled")

    assert {one.event for one in desk.deliveries} == {"appointment-booked", "appointment-cancelled"}


def test_a_time_that_one_feed_blocks_is_told_once_to_the_other(desk: Office, peer: Peer) -> None:
    """The slots that the block covers are withdrawn with it, and not told one by one."""
    schedule = agenda(desk)
    for start, end in (("09:00", "09:15"), ("09:15", "09:30")):
        times = {"start": f"2099-03-03T{start}:00+01:00", "end": f"2099-03-03T{end}:00+01:00"}
        desk.make(SYSTEM, "Slot", **builders.slot(schedule={"reference": schedule}, **times))
    (samu,) = (feed for feed in load(desk.settings) if feed.name == "samu")
    receiver = Receiver(desk.store, samu, samu.mapping(), TABLES)
    for minute, event in enumerate(("S23", "S24")):
        header = rf"MSH|^~\&|LRM|SAMU-DEMO|CRENEAU|CPTS-DEMO|202603020{minute}0000||SIU^{event}^SIU_S12|B{minute}|P|2.5"
        told = "\r".join([header, sch("0800", "1200"), "RGS|1", f"AIP|1||{RESOURCE}", ""])
        assert read_acknowledgement(receiver.receive(told.encode())).code == "AA"
    desk.deliver()

    assert [one.event for one in desk.deliveries] == ["slot-blocked", "slot-unblocked"]
    messages = [parse(octets) for octets in peer.received]
    assert [(one["MSH-9.2"], one["TQ1-7"], one["TQ1-8"]) for one in messages] == [
        ("S23", "20990303080000", "20990303120000"),
        ("S24", "20990303080000", "20990303120000"),
    ]


def test_a_referral_is_told_to_whom_it_came_from_alone(settings: Settings, clock: StandingClock, peer: Peer) -> None:
    with office(settings, clock, peer.port) as desk:
        own, other = referral(desk, desk.partner), referral(desk, SYSTEM)
        for one in (own, other):
            focus = {"reference": one.reference}
            task = desk.make(SYSTEM, "Task", status="requested", intent="order", focus=focus)
            desk.change(SYSTEM, task, status="accepted")

        assert [(one.event, one.stream) for one in desk.deliveries] == [("referral-accepted", own.reference)]


def test_all_news_of_a_referral_keep_one_order(desk: Office, peer: Peer) -> None:
    request = referral(desk)
    focus = {"reference": request.reference}
    desk.change(SYSTEM, desk.make(SYSTEM, "Task", status="requested", intent="order", focus=focus), status="accepted")
    desk.book(VENDOR, basedOn=[focus])
    desk.change(SYSTEM, request, status="completed")

    of_referral = [one for one in desk.deliveries if one.event != "appointment-booked"]
    assert [one.event for one in of_referral] == ["referral-accepted", "referral-booked", "request-completed"]
    assert {one.stream for one in of_referral} == {request.reference}
    desk.deliver()
    numbers = {parse(octets)["RF1-6.1"] for octets in peer.received if b"RF1|" in octets}
    assert numbers == {request.id}


def test_version_and_offsets_are_the_partners_wish(settings: Settings, clock: StandingClock, peer: Peer) -> None:
    with office(settings, clock, peer.port, version="2.3", with_offset=True) as desk:
        desk.book()
        desk.deliver()

    (message,) = (parse(octets) for octets in peer.received)
    assert (message["MSH-12"], message["MSH-9.3"], message["TQ1-7"]) == ("2.3", None, None)
    assert message["SCH-11.4"] == "20260303090000+0100"
