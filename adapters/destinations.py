"""Those to whom news go out, each with what it makes of a delivery and the way there."""

from collections.abc import Sequence
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
from fhir_server.kernel import json
from fhir_server.kernel.dates import to_milliseconds
from fhir_server.kernel.paths import read
from fhir_server.registry.national import PERSONS
from fhir_server.sas.national import OF_PERSONS, number
from fhir_server.sas.notices import notice
from fhir_server.storage import resources
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
        content = _version(connection, delivery, delivery.version) or {}
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
        read_back = (_version(connection, delivery, version) for version in range(delivery.version, 0, -1))
        versions = [one for one in read_back if one is not None]
        created = to_milliseconds(datetime.fromisoformat(versions[-1]["meta"]["lastUpdated"]))
        made = notice(versions, _doctors(connection, versions[0]), self.notices.identifier_system, created)
        return json.encode(made)


def _version(connection: Connection, delivery: Delivery, version: int) -> Json | None:
    row = resources.load_version(connection, delivery.type, delivery.id, version)
    content: Json | None = json.load(row.body.encode()) if row is not None and row.body else None
    return content


def _doctors(connection: Connection, appointment: Json) -> list[str]:
    """National numbers of those who take part; of those in whose agenda the slots are, if none do."""
    taking_part = [one.get("actor", {}) for one in appointment.get("participant", ())]
    found = _numbers(connection, taking_part)
    if found:
        return found
    slots = named(connection, read(appointment, "slot.reference")).values()
    agendas = named(connection, [text for slot in slots for text in read(slot, "schedule.reference")]).values()
    return _numbers(connection, [actor for agenda in agendas for actor in agenda.get("actor", ())])


def _numbers(connection: Connection, actors: Sequence[Json]) -> list[str]:
    asked = [text for one in actors if (text := one.get("reference", "")).startswith("Practitioner")]
    people = named(connection, asked)
    roles = [text for one in people.values() for text in read(one, "practitioner.reference")]
    logical = [{"identifier": [one["identifier"]]} for one in actors if "identifier" in one]
    everybody = [*logical, *people.values(), *named(connection, roles).values()]
    found = (number(one, PERSONS, OF_PERSONS) for one in everybody)
    return list(dict.fromkeys(one for one in found if one is not None))
