"""Those to whom news go out, each with what it makes of a delivery and the way there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from adapters.answering import named, related
from adapters.channels.attempt import Attempt
from adapters.channels.mllp_out import MllpChannel
from adapters.channels.sas_notice import SasNoticeChannel
from adapters.feeds import Feed
from adapters.mapping.plans import Tables
from adapters.mapping.to_v2 import followed, to_v2
from adapters.notices import Notices
from adapters.taken import told, version_of
from fhir_server.kernel import json
from fhir_server.storage.outbox import Delivery

Json = dict[str, Any]


class Channel(Protocol):
    """A way to one destination."""

    def deliver(self, payload: bytes, *, is_new: bool) -> Attempt:
        """Send the bytes. `is_new`: nothing of their stream was ever sent there, these bytes included."""
        ...

    def close(self) -> None: ...


class Destination(Protocol):
    """Who is told."""

    def open(self) -> Channel:
        """A way there. Raises OSError for files of its TLS that cannot be used."""
        ...

    def render(self, connection: Connection, delivery: Delivery) -> bytes:
        """What a delivery says, in this destination's words. Raises whatever keeps it from being said."""
        ...


@dataclass(frozen=True, slots=True)
class FeedDestination:
    """A partner that is told in HL7 v2."""

    feed: Feed
    tables: Tables

    def open(self) -> Channel:
        assert self.feed.send is not None
        return MllpChannel(self.feed.send)

    def render(self, connection: Connection, delivery: Delivery) -> bytes:
        created = datetime.fromtimestamp(delivery.created_ms / 1000, UTC)
        found = self._resources(connection, delivery)
        control_id = f"CRN{delivery.pk}"
        return to_v2(delivery.event, found, self.tables, self.feed.mapping(), control_id=control_id, now=created)

    def _resources(self, connection: Connection, delivery: Delivery) -> dict[str, Json]:
        """The version the delivery is about and, as they stand now, the resources it refers to, by `Type/id`."""
        content = version_of(connection, delivery.type, delivery.id, delivery.version) or {}
        found = {f"{delivery.type}/{delivery.id}": content} | related(connection, [content])
        plan = self.tables.outbound_plan(delivery.event)
        wanted = [] if plan is None else [text for one in found.values() for text in followed(one, plan)]
        while plan is not None and (missing := [text for text in wanted if text not in found]):
            more = named(connection, missing)
            found |= more
            wanted = [text for one in more.values() for text in followed(one, plan)]
        return found


@dataclass(frozen=True, slots=True)
class NoticeDestination:
    """The SAS platform, told of appointments that its regulators took."""

    notices: Notices

    def open(self) -> Channel:
        return SasNoticeChannel(self.notices)

    def render(self, connection: Connection, delivery: Delivery) -> bytes:
        return json.encode(told(connection, delivery.id, delivery.version, self.notices.identifier_system))
