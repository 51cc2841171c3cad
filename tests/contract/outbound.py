"""A territory with one partner that is told of everything, for tests of what leaves the house."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters.dispatch import Dispatcher
from adapters.feeds import Feed, load
from adapters.lines import Wire
from adapters.mapping import tables
from fhir_server.bootstrap import build
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.scheduling.events import EVENTS
from fhir_server.settings import Settings
from fhir_server.storage import outbox
from fhir_server.storage.outbox import Delivery
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store
from tests import builders
from tests.conftest import StandingClock
from tests.scripted_peer import ScriptedPeer, Step, scripted

Json = dict[str, Any]
VENDOR = Actor("vendor")
#: The tables as delivered.
TABLES = tables.load()


@dataclass
class Office:
    """Changes things in someone's name, and delivers what that owes to the partner."""

    settings: Settings
    store: Store
    feed: Feed
    dispatcher: Dispatcher

    def make(self, actor: Actor, type_name: str, /, **elements: Any) -> Stored:
        """A new resource."""
        return create(self.store, actor, type_name, {"resourceType": type_name, **elements})

    def change(self, actor: Actor, stored: Stored, /, **elements: Any) -> Stored:
        """Its next version; an element set to None is left out."""
        content = {name: value for name, value in (stored.content() | elements).items() if value is not None}
        return update(self.store, actor, stored.type, stored.id, content, stored.version)[0]

    def remove(self, actor: Actor, stored: Stored) -> None:
        """Delete it."""
        delete(self.store, actor, stored.type, stored.id, if_match=None)

    def book(self, actor: Actor = VENDOR, **elements: Any) -> Stored:
        """An appointment of a new patient."""
        patient = create(self.store, actor, "Patient", builders.patient())
        participant = [{"actor": {"reference": patient.reference}, "status": "accepted"}]
        return create(self.store, actor, "Appointment", builders.appointment(participant=participant, **elements))

    @property
    def partner(self) -> Actor:
        """Who acts when a message of the partner does."""
        return Actor(self.feed.owner, is_territory=True, origin=self.feed.channel, request_id="4711")

    def deliver(self) -> None:
        """Send all that is due."""
        while self.dispatcher.deliver_due():
            pass

    @property
    def deliveries(self) -> list[Delivery]:
        """All that was ever owed, oldest first."""
        return list(reversed(self.store.transact(SYSTEM, outbox.list_deliveries)))

    @property
    def states(self) -> list[str]:
        """Their states."""
        return [one.state for one in self.deliveries]


@contextmanager
def office(
    settings: Settings, clock: StandingClock, port: int, wire: Wire | None = None, **send: Any
) -> Iterator[Office]:
    """An office whose partner, the hospital of the demonstration, listens on a port."""
    (hospital,) = (feed for feed in load(settings) if feed.name == "hospital")
    assert hospital.send is not None
    asked = replace(hospital.send, port=port, wire=wire or Wire(), **{"events": EVENTS} | send)
    feed = replace(hospital, send=asked)
    route = feed.route()
    assert route is not None
    services = build(settings, [route], clock=clock, pool_size=4)
    dispatcher = Dispatcher(services.store, {feed.channel: feed}, {feed.name: TABLES})
    try:
        yield Office(settings, services.store, feed, dispatcher)
    finally:
        dispatcher.close()
        services.close()


class Stage:
    """A peer that does as told, and an office that sends to it."""

    def __init__(self, settings: Settings, clock: StandingClock, stack: ExitStack) -> None:
        self.settings, self.clock, self.stack = settings, clock, stack

    def play(self, *steps: Step, **wire: Any) -> tuple[Office, ScriptedPeer]:
        peer = self.stack.enter_context(scripted(*steps))
        made = office(self.settings, self.clock, peer.port, Wire(**{"timeout_seconds": 5.0} | wire))
        return self.stack.enter_context(made), peer
