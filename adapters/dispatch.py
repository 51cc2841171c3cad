"""Take what is due from the outbox and deliver it: in order per stream, with back-off, into the dead letters at last.

A lease keeps two dispatchers from sending the same; one that dies leaves its deliveries to the next when the lease
ends. The receiver may then see a message twice, with the same control id (MSH-10).
"""

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.channels.attempt import Attempt
from adapters.destinations import Channel, Destination, FeedDestination
from adapters.feeds import Feed
from adapters.mapping.plans import Tables
from fhir_server.audit.patients import patients_in
from fhir_server.kernel import log
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.errors import FhirError
from fhir_server.storage import outbox, resources
from fhir_server.storage.outbox import Delivery
from fhir_server.storage.unit_of_work import Store

_log = logging.getLogger(__name__)

_BATCH = 20
#: A dispatcher that dies leaves its deliveries to the next after this long.
_LEASE_MS = 120_000
#: What is left of a lease must outlast one time-out of the channel, or a second dispatcher could send the same
#: meanwhile.
_MARGIN_MS = 40_000
_IDLE_SECONDS = 0.25
#: How long to leave a database alone that cannot be reached.
_AWAY_SECONDS = 5.0
#: Tries with doubling waits, from two seconds to an hour: half a day to a day in all.
_MAX_ATTEMPTS = 32
_FIRST_WAIT_MS, _LONGEST_WAIT_MS = 2_000, 3_600_000


@dataclass(slots=True)
class Dispatcher:
    """Delivers to those that want to be told."""

    store: Store
    feeds: Mapping[str, Feed]
    tables: Mapping[str, Tables]
    #: Destinations that are no feeds, by the name of theirs.
    others: Mapping[str, Destination] = field(default_factory=dict)
    _channels: dict[str, Channel] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set; the delivery under way is finished first."""
        while not stop.is_set():
            try:
                busy = self.deliver_due(stop)
            except FhirError as error:
                _log.warning("the outbox cannot be read: %s", error)
                stop.wait(_AWAY_SECONDS)
                continue
            if not busy:
                stop.wait(_IDLE_SECONDS)
        self.close()

    def close(self) -> None:
        """Close the connections to the destinations."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    def deliver_due(self, stop: threading.Event | None = None) -> bool:
        """Deliver one batch of what is due now; whether there was anything."""
        batch = self.store.transact(SYSTEM, lambda uow: outbox.lease(uow, count=_BATCH, lease_ms=_LEASE_MS))
        last_start = self.store.database.clock() + _LEASE_MS - _MARGIN_MS
        silent: set[str] = set()
        for position, delivery in enumerate(batch):
            if delivery.destination in silent:
                self._postpone(delivery)
                continue
            if (stop is not None and stop.is_set()) or self.store.database.clock() > last_start:
                self._give_back(batch[position:])
                break
            attempt = self._attempt(delivery)
            silent |= {delivery.destination} if attempt.is_silent else set()
            self._finish(delivery, attempt)
        return bool(batch)

    def _attempt(self, delivery: Delivery) -> Attempt:
        destination = self._destination(delivery.destination)
        if destination is None:
            return Attempt(False, False, "the destination is not configured any more")
        # A feed tells what is new by its control id.
        is_new = delivery.destination in self.others and self._is_new(delivery)
        try:
            payload = delivery.payload or self._render(delivery, destination)
        except Exception as error:
            # The edge: a message that cannot be made must not stop the ones behind it.
            _log.error("delivery %d cannot be rendered: %s", delivery.pk, log.describe(error))
            return Attempt(False, False, f"cannot be rendered: {type(error).__name__}")
        channel = self._channels.get(delivery.destination)
        try:
            if channel is None:
                channel = self._channels[delivery.destination] = destination.open()
        except OSError as error:
            return Attempt(False, error=f"the files of its TLS cannot be used: {type(error).__name__}")
        return channel.deliver(payload, is_new=is_new)

    def _destination(self, name: str) -> Destination | None:
        feed = self.feeds.get(name)
        if feed is None:
            return self.others.get(name)
        return FeedDestination(feed, self.tables[feed.name]) if feed.send else None

    def _is_new(self, delivery: Delivery) -> bool:
        """Whether nothing of the stream was sent: what was rendered may have been, though nobody noted it."""
        if delivery.payload is not None:
            return False
        return not outbox.has_earlier(self.store.read(), delivery.destination, delivery.stream, delivery.pk)

    def _render(self, delivery: Delivery, destination: Destination) -> bytes:
        payload = destination.render(self.store.read(), delivery)
        self.store.transact(SYSTEM, lambda uow: outbox.keep_payload(uow, delivery.pk, payload))
        return payload

    def _finish(self, delivery: Delivery, attempt: Attempt) -> None:
        state, due_ms = outbox.DELIVERED, 0
        if not attempt.is_delivered:
            state = _state_after(attempt, delivery.attempts + 1)
            due_ms = self.store.database.clock() + _wait_ms(delivery.attempts)
            _log.warning("delivery %d to %s: %s, %s", delivery.pk, delivery.destination, state, attempt.error)
        actor = replace(SYSTEM, request_id=f"CRN{delivery.pk}", deed=self._deed(delivery, state))
        self.store.transact(actor, lambda uow: outbox.finish(uow, delivery, state, due_ms=due_ms, error=attempt.error))

    def _deed(self, delivery: Delivery, state: str) -> Deed:
        """An attempt, for audit: also one that failed may have shown what it sent."""
        row = resources.load_version(self.store.read(), delivery.type, delivery.id, delivery.version)
        return Deed(
            "message-sent",
            delivery.type,
            delivery.id,
            delivery.event,
            status=state,
            party=delivery.destination,
            patients=patients_in(row.body) if row else (),
        )

    def _postpone(self, delivery: Delivery) -> None:
        """Leave it for later, and count no attempt: its destination did not answer the one before it."""
        due_ms = self.store.database.clock() + _wait_ms(delivery.attempts)
        self.store.transact(SYSTEM, lambda uow: outbox.postpone(uow, [delivery.pk], due_ms))

    def _give_back(self, batch: list[Delivery]) -> None:
        pks = [delivery.pk for delivery in batch]
        self.store.transact(SYSTEM, lambda uow: outbox.release(uow, pks))


def _state_after(attempt: Attempt, attempts: int) -> str:
    if attempt.is_given_up:
        return outbox.DROPPED
    is_last = not attempt.is_worth_retrying or attempts >= _MAX_ATTEMPTS
    return outbox.DEAD if is_last else outbox.WAITING


def _wait_ms(attempts: int) -> int:
    """Milliseconds until the next try: doubling, with jitter so that many do not come back at once."""
    longest = min(_FIRST_WAIT_MS * 2 ** min(attempts, 20), _LONGEST_WAIT_MS)
    return random.randint(longest // 2, longest)
