"""The same request is done once: items 15 and 16 of what a scheduling server must do, on every store."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from fhir_server.bootstrap import Services, build
from fhir_server.interactions import conditional
from fhir_server.interactions.create import create, create_once
from fhir_server.interactions.idempotent import Key, Written, key_of, once
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.settings import Settings
from fhir_server.storage import idempotency
from fhir_server.storage.ledgers import claim
from fhir_server.storage.ledgers import idempotency as ledger
from tests import builders
from tests.conftest import StandingClock
from tests.contract.bundles import URN, batch, entry, identified, statuses, transact, versions

VENDOR, RIVAL = Actor("vendor"), Actor("rival")
HOUR_MS = 3_600_000
OWN = {"identifier": [{"system": "urn:vendor:bookings", "value": "B-1"}]}


@pytest.fixture
def slot_id(services: Services) -> str:
    return create(services.store, SYSTEM, "Slot", builders.slot()).id


@pytest.fixture
def restarted(services: Services, settings: Settings, clock: StandingClock) -> Iterator[Services]:
    """Another process over the same database."""
    built = build(settings, clock=clock, pool_size=4)
    yield built
    built.close()


def _key(content: Any, text: str = "k") -> Key:
    key = key_of(text, "Appointment", content)
    assert key is not None
    return key


def _book(services: Services, content: dict[str, Any], text: str | None = "k", actor: Actor = VENDOR) -> Written:
    return create_once(services.store, actor, "Appointment", content, _key(content, text) if text else None)


def _category(call: Any, *arguments: Any, **named: Any) -> Category:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value.category


def _claims(services: Services) -> int:
    return int(services.store.read().execute(select(func.count()).select_from(claim)).scalar_one())


def _keys(services: Services) -> int:
    return int(services.store.read().execute(select(func.count()).select_from(ledger)).scalar_one())


def test_16_the_same_key_is_the_same_answer_later_and_elsewhere(
    services: Services, restarted: Services, slot_id: str, clock: StandingClock
) -> None:
    content = builders.appointment(slot_id)
    first = _book(services, content)
    clock.advance(1000)
    again = _book(services, content)
    clock.advance(HOUR_MS)
    after = _book(restarted, content)

    assert (first.is_created, first.is_repeated) == (True, False)
    assert all((one.is_created, one.is_repeated) == (True, True) for one in (again, after))
    assert {(one.stored.id, one.stored.version, one.stored.body) for one in (first, again, after)} == {
        (first.stored.id, 1, first.stored.body)
    }
    assert (_claims(services), versions(services, "Appointment")) == (1, 1)


def test_16_the_answer_is_what_was_said_then(services: Services, slot_id: str) -> None:
    content = builders.appointment(slot_id)
    first = _book(services, content).stored
    update(services.store, VENDOR, "Appointment", first.id, first.content() | builders.CANCELLED, 1)

    assert _book(services, content).stored.body == first.body
    assert read(services.store, SYSTEM, "Slot", slot_id).content()["status"] == "free"


def test_15_the_same_key_for_another_request_is_refused(services: Services, slot_id: str) -> None:
    _book(services, builders.appointment(slot_id))

    assert _category(_book, services, builders.appointment(slot_id, comment="x")) is Category.BUSINESS_RULE
    assert versions(services, "Appointment") == 1


def test_15_another_partner_has_keys_of_its_own(services: Services) -> None:
    content = builders.appointment()
    ids = {_book(services, content, actor=actor).stored.id for actor in (VENDOR, RIVAL)}

    assert len(ids) == 2


def test_15_a_refusal_leaves_the_key_free(services: Services, slot_id: str) -> None:
    taken = create(services.store, RIVAL, "Appointment", builders.appointment(slot_id))
    content = builders.appointment(slot_id)

    assert _category(_book, services, content) is Category.CONFLICT
    assert _keys(services) == 0
    update(services.store, RIVAL, "Appointment", taken.id, taken.content() | builders.CANCELLED, 1)
    assert _book(services, content).is_repeated is False


def test_15_of_many_at_once_one_is_done_and_all_are_told(services: Services, restarted: Services, slot_id: str) -> None:
    content, start = builders.appointment(slot_id), threading.Barrier(8)

    def book(number: int) -> tuple[str, bool]:
        start.wait()
        made = _book((services, restarted)[number % 2], dict(content))
        return made.stored.id, made.is_repeated

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(book, range(8)))

    assert len({id_ for id_, _ in found}) == 1
    assert Counter(is_repeated for _, is_repeated in found) == {False: 1, True: 7}
    assert _claims(services) == 1


def test_15_a_conditional_create_takes_a_key_too(services: Services, slot_id: str) -> None:
    content = builders.appointment(slot_id, **OWN)
    asked = (services.store, VENDOR, "Appointment", content, "identifier=urn:vendor:bookings%7CB-1")

    made = [conditional.create(*asked, key=_key(content)) for _ in range(2)]
    found = conditional.create(*asked)

    assert [(one.is_created, one.is_repeated) for one in made] == [(True, False), (True, True)]
    assert (found.is_created, found.is_repeated) == (False, False)
    assert len({one.stored.id for one in [*made, found]}) == 1


def test_15_the_partners_own_identifier_is_enough(services: Services, restarted: Services, slot_id: str) -> None:
    content = builders.appointment(slot_id, **OWN)
    first = _book(services, content, None)
    again = _book(restarted, content, None)
    update(services.store, VENDOR, "Appointment", first.stored.id, first.stored.content() | builders.CANCELLED, 1)
    late = _book(services, content, None)

    assert (again.stored.id, again.is_created) == (first.stored.id, False)
    assert (late.stored.id, late.stored.version, late.is_created) == (first.stored.id, 2, False)
    assert (_claims(services), versions(services, "Appointment")) == (0, 2)


def test_15_the_same_identifier_of_something_else_is_refused(services: Services, slot_id: str) -> None:
    _book(services, builders.appointment(slot_id, **OWN), None)

    assert _category(_book, services, builders.appointment(**OWN), None) is Category.DUPLICATE
    assert _book(services, builders.appointment(**OWN), None, RIVAL).is_created
    shared = {"identifier": [OWN["identifier"][0] | {"use": "secondary"}]}
    assert _book(services, builders.appointment(**shared), None).is_created


def test_15_of_many_with_one_identifier_one_is_made(services: Services, slot_id: str) -> None:
    content, start = builders.appointment(slot_id, **OWN), threading.Barrier(8)

    def book(_number: int) -> tuple[str, bool]:
        start.wait()
        made = _book(services, dict(content), None)
        return made.stored.id, made.is_created

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(book, range(8)))

    assert len({id_ for id_, _ in found}) == 1
    assert Counter(is_created for _, is_created in found) == {True: 1, False: 7}


def test_15_a_transaction_is_done_once(services: Services, restarted: Services, slot_id: str) -> None:
    entries = (
        entry("POST", "Patient", builders.patient(), URN.format(1)),
        entry("POST", "Appointment", builders.appointment(slot_id)),
    )
    key = _key(entries)

    first, again = transact(services, *entries, key=key), transact(restarted, *entries, key=key)

    assert (statuses(first), again) == ([201, 201], first)
    assert (versions(services, "Patient"), _claims(services)) == (1, 1)
    other = _key("another")
    assert _category(transact, services, *entries, key=Key(key.text, other.fingerprint)) is Category.BUSINESS_RULE


def test_15_each_write_of_a_batch_is_done_once(services: Services, slot_id: str) -> None:
    entries = (
        entry("POST", "Appointment", builders.appointment(slot_id)),
        entry("POST", "Appointment", builders.appointment("nowhere")),
        entry("GET", "Appointment?_summary=count"),
    )
    first, again = (batch(services, *entries, key=_key(entries)) for _ in range(2))

    assert statuses(first) == statuses(again) == [201, 422, 200]
    assert first[0] == again[0]
    assert versions(services, "Appointment") == 1


def test_15_a_booking_told_again_in_a_transaction(services: Services, slot_id: str) -> None:
    booking = builders.appointment(slot_id, **OWN)
    person = entry("POST", "Patient", builders.patient(**identified("p")), ifNoneExist="identifier=p")
    first, again = (transact(services, person, entry("POST", "Appointment", booking)) for _ in range(2))

    assert (statuses(first), statuses(again)) == ([201, 201], [200, 200])
    assert first[1]["resource"]["id"] == again[1]["resource"]["id"]
    named = entry("POST", "Appointment", booking, URN.format(1))
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "focus": {"reference": URN.format(1)}}
    assert _category(transact, services, named, entry("POST", "Task", task)) is Category.DUPLICATE
    assert versions(services, "Task") == 0


def test_any_operation_is_done_once(services: Services, restarted: Services) -> None:
    done: list[str] = []

    def work(_uow: Any) -> dict[str, Any]:
        done.append("x")
        return {"status": 200, "headers": {"Expires": "…"}, "body": {"n": len(done)}}

    key = _key({"a": 1})
    first, again = (once(one.store, VENDOR, key, work) for one in (services, restarted))

    assert (first[0], first[1], again[1]) == (again[0], False, True)
    assert done == ["x"]
    assert once(services.store, VENDOR, None, work)[0]["body"] == {"n": 2}


def test_without_the_header_nothing_is_kept_and_old_keys_are_forgotten(
    services: Services, slot_id: str, clock: StandingClock
) -> None:
    _book(services, builders.appointment(slot_id), None)
    assert _keys(services) == 0
    _book(services, builders.appointment())
    clock.advance(HOUR_MS)
    _book(services, builders.appointment(), "later")

    gone = services.store.transact(SYSTEM, lambda uow: idempotency.sweep(uow, uow.now_ms - HOUR_MS + 1))

    assert (gone, _keys(services)) == (1, 1)


@pytest.mark.parametrize("text", ["", '""', "a b", "é", "x" * 251])
def test_a_key_is_visible_ascii(text: str) -> None:
    assert _category(key_of, text, {}) is Category.INVALID


def test_a_key_may_be_quoted_and_members_may_come_in_any_order() -> None:
    assert key_of('"k"', {"a": 1, "b": 2}) == key_of(" k ", {"b": 2, "a": 1})
    assert key_of("k", {"a": 1}) != key_of("k", {"a": 2})
    assert key_of(None, {}) is None
