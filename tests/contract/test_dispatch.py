"""What a change owes to others leaves in order, is tried again, and is given up only for an operator to see."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.dispatch import Dispatcher
from adapters.feeds import Feed, load
from adapters.mapping import tables
from fhir_server.bootstrap import build
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category
from fhir_server.settings import Settings
from fhir_server.storage import outbox
from fhir_server.storage.outbox import Delivery
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store
from tests import builders
from tests.conftest import StandingClock
from tests.mllp_peer import Peer, listening

VENDOR = Actor("vendor")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as found:
        yield found


@pytest.fixture
def feed(settings: Settings, peer: Peer) -> Feed:
    (hospital,) = (feed for feed in load(settings) if feed.name == "hospital")
    assert hospital.send is not None
    return replace(hospital, send=replace(hospital.send, port=peer.port))


@pytest.fixture
def store(settings: Settings, feed: Feed, clock: StandingClock) -> Iterator[Store]:
    route = feed.route()
    assert route is not None
    services = build(settings, [route], clock=clock, pool_size=4)
    yield services.store
    services.close()


@pytest.fixture
def dispatcher(store: Store, feed: Feed) -> Dispatcher:
    return Dispatcher(store, {feed.channel: feed}, {feed.name: tables.load()})


def _deliver(dispatcher: Dispatcher) -> None:
    while dispatcher.deliver_due():
        pass
    dispatcher.close()


def _book(store: Store, actor: Actor = VENDOR) -> Stored:
    patient = create(store, actor, "Patient", builders.patient())
    participant = [{"actor": {"reference": patient.reference}, "status": "accepted"}]
    return create(store, actor, "Appointment", builders.appointment(participant=participant))


def _change(store: Store, booked: Stored, **elements: str) -> Stored:
    return update(store, SYSTEM, "Appointment", booked.id, booked.content() | elements, booked.version)[0]


def _deliveries(store: Store) -> list[Delivery]:
    return list(reversed(store.transact(SYSTEM, outbox.list_deliveries)))


def test_booking_moving_and_cancelling_are_told_in_order(store: Store, dispatcher: Dispatcher, peer: Peer) -> None:
    booked = _book(store)
    moved = _change(store, booked, start="2026-03-03T10:00:00+01:00", end="2026-03-03T10:15:00+01:00")
    _change(store, moved, status="cancelled")
    _deliver(dispatcher)

    assert peer.triggers == ["S12", "S13", "S15"]
    assert [one.state for one in _deliveries(store)] == ["delivered"] * 3


def test_news_never_goes_back_where_it_came_from(store: Store, dispatcher: Dispatcher, peer: Peer, feed: Feed) -> None:
    _book(store, Actor("hospital", is_territory=True, origin=feed.channel))
    _deliver(dispatcher)

    assert (peer.received, _deliveries(store)) == ([], [])


def test_a_change_that_says_nothing_new_owes_nothing(store: Store) -> None:
    booked = _book(store)
    _change(store, booked, description="said differently")

    assert [one.event for one in _deliveries(store)] == ["appointment-booked"]


def test_what_is_rejected_is_sent_again_later_with_the_same_bytes(
    store: Store, dispatcher: Dispatcher, peer: Peer, clock: StandingClock
) -> None:
    peer.refusals = [Category.UNAVAILABLE]
    _book(store)
    _deliver(dispatcher)
    assert [(one.state, one.attempts) for one in _deliveries(store)] == [("waiting", 1)]

    clock.advance(3_600_000)
    _deliver(dispatcher)

    assert [(one.state, one.attempts) for one in _deliveries(store)] == [("delivered", 2)]
    assert peer.received[0] == peer.received[1]


def test_a_refused_message_is_dead_and_holds_its_stream_only(store: Store, dispatcher: Dispatcher, peer: Peer) -> None:
    peer.refusals = [Category.VALUE]
    first = _book(store)
    _change(store, first, status="cancelled")
    _deliver(dispatcher)
    _book(store)
    _deliver(dispatcher)

    assert [one.state for one in _deliveries(store)] == ["dead", "waiting", "delivered"]
    assert _deliveries(store)[0].error == "answered AE 102"


def test_an_operator_sends_a_dead_letter_again_or_drops_it(store: Store, dispatcher: Dispatcher, peer: Peer) -> None:
    peer.refusals = [Category.VALUE, Category.VALUE]
    booked = _book(store)
    _change(store, booked, status="cancelled")
    _deliver(dispatcher)
    (dead, _) = _deliveries(store)

    store.transact(SYSTEM, lambda uow: outbox.resolve(uow, [dead.pk], outbox.WAITING))
    _deliver(dispatcher)
    assert [one.state for one in _deliveries(store)] == ["dead", "waiting"]
    store.transact(SYSTEM, lambda uow: outbox.resolve(uow, [dead.pk], outbox.DROPPED))
    _deliver(dispatcher)

    assert [one.state for one in _deliveries(store)] == ["dropped", "delivered"]
    assert (peer.triggers, peer.received[0] == peer.received[1]) == (["S12", "S12", "S15"], True)


def test_a_destination_that_is_away_is_tried_again(
    store: Store, feed: Feed, dispatcher: Dispatcher, clock: StandingClock, peer: Peer
) -> None:
    assert feed.send is not None
    away = replace(feed, send=replace(feed.send, port=1))
    _book(store)
    _deliver(Dispatcher(store, {feed.channel: away}, {feed.name: tables.load()}))
    assert [one.state for one in _deliveries(store)] == ["waiting"]

    clock.advance(3_600_000)
    _deliver(dispatcher)

    assert peer.triggers == ["S12"]


def test_a_destination_no_longer_configured_is_a_dead_letter(store: Store) -> None:
    _book(store)
    _deliver(Dispatcher(store, {}, {}))

    assert [one.state for one in _deliveries(store)] == ["dead"]


def test_two_dispatchers_never_send_the_same(store: Store, feed: Feed, peer: Peer) -> None:
    for _ in range(10):
        _book(store)
    dispatchers = [Dispatcher(store, {feed.channel: feed}, {feed.name: tables.load()}) for _ in range(2)]
    threads = [threading.Thread(target=_deliver, args=(one,)) for one in dispatchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(peer.received) == 10
    assert len(set(peer.received)) == 10


def test_a_dead_dispatchers_deliveries_are_taken_over(
    store: Store, dispatcher: Dispatcher, peer: Peer, clock: StandingClock
) -> None:
    _book(store)
    store.transact(SYSTEM, lambda uow: outbox.lease(uow, count=5, lease_ms=60_000))
    _deliver(dispatcher)
    assert peer.received == []

    clock.advance(60_000)
    _deliver(dispatcher)

    assert peer.triggers == ["S12"]
