"""A slot seen is a slot that can be taken: kept for some until its release, meant for some, on both stores."""

from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.search import search
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.audiences import R314
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.query import parse
from tests import builders
from tests.conftest import StandingClock

AGENDA = Actor("agenda", audiences=frozenset({"PRO"}))
SAMU = Actor("samu", direct_access=frozenset({"samu"}))
VENDOR = Actor("vendor")
PUBLIC = Actor("public", audiences=frozenset({"PUBLIC"}))
HOUR_MS = 3_600_000
#: Ten in the morning of the day before, two hours after the standing clock.
RELEASE = "2026-03-02T10:00:00+01:00"


def kept(*holders: str, release: str | None = RELEASE) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"url": "holder", "valueCode": holder} for holder in holders]
    parts += [] if release is None else [{"url": "release", "valueInstant": release}]
    return {"extension": [{"url": "urn:creneau:StructureDefinition:slot-direct-access", "extension": parts}]}


def meant(*codes: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": R314, "code": code} for code in codes]}}


class Desk:
    """The ways to a slot, for whoever asks."""

    def __init__(self, services: Services, slot: dict[str, Any]) -> None:
        self.store = services.store
        update(self.store, AGENDA, "Schedule", "csnp", builders.schedule(id="csnp"), None)
        self.id = create(self.store, AGENDA, "Slot", slot).id

    def is_found(self, actor: Actor) -> set[bool]:
        """What every way says; one answer when they agree."""
        return {
            self._is_read(actor),
            self._is_vread(actor),
            self._is_in(actor, "Slot", ("status", "free")),
            self._is_in(actor, "Slot", ("schedule", "Schedule/csnp"), ("_sort", "-_lastUpdated")),
            self._is_in(actor, "Slot", ("_id", self.id)),
            self._is_in(actor, "Slot", ("schedule.actor", "HealthcareService/csnp")),
            self._is_in(actor, "Schedule", ("_has:Slot:schedule:status", "free")),
            self._is_in(actor, "Schedule", ("_revinclude", "Slot:schedule"), type_name="Slot"),
            self._total(actor) == 1,
            self._is_told(actor, None),
            self._is_told(actor, self.id),
            self._is_booked(actor),
        }

    def is_told_to_be_gone(self, actor: Actor) -> set[bool]:
        """What every way says of a deleted one; one answer when they agree."""
        return {
            self._is_gone(lambda: read(self.store, actor, "Slot", self.id)),
            self._is_gone(lambda: vread(self.store, actor, "Slot", self.id, 2)),
            self._is_vread(actor),
            self._is_told(actor, None),
            self._is_told(actor, self.id),
        }

    def _is_gone(self, ask: Any) -> bool:
        with pytest.raises(FhirError) as refused:
            ask()
        return refused.value.category is Category.DELETED

    def _is_read(self, actor: Actor) -> bool:
        return self._is_there(lambda: read(self.store, actor, "Slot", self.id))

    def _is_vread(self, actor: Actor) -> bool:
        return self._is_there(lambda: vread(self.store, actor, "Slot", self.id, 1))

    def _is_in(self, actor: Actor, searched: str, *pairs: tuple[str, str], type_name: str | None = None) -> bool:
        found = json.load(search(self.store, actor, parse(searched, pairs), ""))
        wanted = type_name or searched
        return any(entry["resource"]["resourceType"] == wanted for entry in found.get("entry", ()))

    def _total(self, actor: Actor) -> int:
        return int(json.load(search(self.store, actor, parse("Slot", [("_summary", "count")]), ""))["total"])

    def _is_told(self, actor: Actor, id_: str | None) -> bool:
        return self._is_there(lambda: json.load(history(self.store, actor, "Slot", id_, [], ""))["entry"])

    def _is_booked(self, actor: Actor) -> bool:
        def book() -> None:
            made = create(self.store, actor, "Appointment", builders.appointment(self.id))
            update(
                self.store,
                actor,
                "Appointment",
                made.id,
                builders.appointment(self.id, **builders.CANCELLED),
                made.version,
            )

        return self._is_there(book)

    def _is_there(self, ask: Any) -> bool:
        try:
            ask()
        except KeyError:
            return False
        except FhirError as error:
            if error.category not in (Category.NOT_FOUND, Category.UNKNOWN_REFERENCE):
                raise
            return False
        return True


#: Slot, who asks, hours from now, and whether it is there.
CASES = (
    ({}, VENDOR, 0, True),
    (kept("samu"), VENDOR, 0, False),
    (kept("samu"), SAMU, 0, True),
    (kept("emergency"), SAMU, 0, False),
    (kept("emergency", "samu"), SAMU, 0, True),
    (kept("samu"), AGENDA, 0, True),
    (kept("samu"), SYSTEM, 0, True),
    (kept("samu"), VENDOR, 2, True),
    (kept("samu", release=None), VENDOR, 20, False),
    (kept("samu", release=None), SAMU, 20, True),
    (meant("PRO"), PUBLIC, 0, False),
    (meant("PRO", "PUBLIC"), PUBLIC, 0, True),
    (meant("SNP", "CPTS"), VENDOR, 0, True),
    (meant("SNP"), AGENDA, 0, True),
    ({**kept("samu"), **meant("PRO")}, PUBLIC, 2, False),
    ({**kept("samu"), **meant("PUBLIC")}, PUBLIC, 2, True),
)


@pytest.mark.parametrize(("slot", "actor", "hours", "is_there"), CASES)
def test_every_way_to_a_slot_says_the_same(
    services: Services, clock: StandingClock, slot: dict[str, Any], actor: Actor, hours: int, is_there: bool
) -> None:
    desk = Desk(services, builders.slot(**slot))
    clock.advance(hours * HOUR_MS)

    assert desk.is_found(actor) == {is_there}


def test_the_release_is_a_moment(services: Services, clock: StandingClock) -> None:
    desk = Desk(services, builders.slot(**kept("samu")))

    clock.advance(2 * HOUR_MS - 1)
    assert desk.is_found(VENDOR) == {False}
    clock.advance(1)
    assert desk.is_found(VENDOR) == {True}


def test_a_booking_made_in_time_is_kept_when_the_slot_is_restricted(services: Services) -> None:
    desk = Desk(services, builders.slot())
    made = create(desk.store, VENDOR, "Appointment", builders.appointment(desk.id))
    slot = read(desk.store, AGENDA, "Slot", desk.id).content()
    update(desk.store, AGENDA, "Slot", desk.id, slot | kept("samu"), None)

    changed, _ = update(
        desk.store, VENDOR, "Appointment", made.id, builders.appointment(desk.id, comment="x"), made.version
    )

    assert changed.version == 2


def test_what_is_not_there_cannot_be_changed_or_deleted(services: Services) -> None:
    desk = Desk(services, builders.slot(**kept("samu")))

    for act in (
        lambda: update(desk.store, VENDOR, "Slot", desk.id, builders.slot(), None),
        lambda: delete(desk.store, VENDOR, "Slot", desk.id, None),
    ):
        with pytest.raises(FhirError) as refused:
            act()
        assert refused.value.category is Category.NOT_FOUND


@pytest.mark.parametrize(("slot", "actor", "hours", "was_there"), CASES)
def test_a_deleted_slot_is_gone_for_those_who_could_know_of_it(
    services: Services, clock: StandingClock, slot: dict[str, Any], actor: Actor, hours: int, was_there: bool
) -> None:
    """Every way says the same of its end and of what it was."""
    desk = Desk(services, builders.slot(**slot))
    delete(desk.store, AGENDA, "Slot", desk.id, None)
    clock.advance(hours * HOUR_MS)

    assert desk.is_told_to_be_gone(actor) == {was_there}


@pytest.mark.parametrize(
    ("parts", "expression"),
    [
        ([], "Slot.extension[0]"),
        ([{"url": "holder", "valueCode": "police"}], "Slot.extension[0].extension[0].valueCode"),
        ([{"url": "holder", "valueCode": "samu"}, {"url": "release", "valueString": "soon"}], None),
        ([{"url": "holder", "valueCode": "samu"}, {"url": "until", "valueCode": "x"}], None),
    ],
)
def test_what_it_says_of_access_is_understood_or_refused(
    services: Services, parts: list[dict[str, Any]], expression: str | None
) -> None:
    extension = {"url": "urn:creneau:StructureDefinition:slot-direct-access", "extension": parts}

    with pytest.raises(FhirError) as refused:
        create(services.store, AGENDA, "Slot", builders.slot(extension=[extension]))

    assert refused.value.category is Category.BUSINESS_RULE
    assert refused.value.issues[0].expression == (expression or "Slot.extension[0].extension[1]")
