"""Which answers a message gets: an acknowledgement, or the application's own (SRR, RRI, MFK …); now, or also later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from adapters.hl7v2 import modes
from adapters.hl7v2.acknowledge import PLAIN, Reply, accept_code, acknowledge, answer_code
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import Header
from adapters.mapping.answers import Told, answer_body
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import Tables
from adapters.mapping.writing import references
from fhir_server.kernel.errors import Issue
from fhir_server.kernel.ids import new_id
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored

Json = dict[str, Any]

_ACCEPT = Reply(is_accept=True)
#: Our own exchanges want to know that they arrived, and no more.
_ASKS = ("AL", "NE")


@dataclass(frozen=True, slots=True)
class Answers:
    """What goes back to a sender."""

    #: On the connection of the message; empty when the sender wants nothing.
    now: bytes
    #: In an exchange of our own; None for nothing.
    later: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """Makes the answers of one feed."""

    tables: Tables
    feed: FeedMapping
    #: `modes.MODES`.
    mode: str

    def answers(self, header: Header, issues: Sequence[Issue], reply: Reply = PLAIN) -> Answers:
        """The answers to a message with these issues: without an error among them it was applied."""
        asked = modes.wanted(header, self.mode)
        if not asked.is_enhanced:
            return Answers(_made(header, issues, reply))
        is_taken, is_applied = accept_code(issues) == "CA", answer_code(issues) == "AA"
        now = modes.is_due(asked.accept, is_success=is_taken)
        later = is_taken and modes.is_due(asked.application, is_success=is_applied)
        return Answers(
            _made(header, () if is_taken else issues, _ACCEPT) if now else b"",
            _made(header, issues, replace(reply, asks=_ASKS)) if later else None,
        )

    def accepted(
        self,
        connection: Connection,
        header: Header,
        message: Message | None,
        labels: Mapping[str, Sequence[str]],
        stored: Mapping[str, Stored],
    ) -> Reply:
        """The reply to a message that was applied; `labels` are what its plan made, `stored` what that is now.

        Raises FhirError (VALUE) for an element that cannot be told in HL7 v2.
        """
        plan = self.tables.answer_plan(_trigger(header))
        focuses = [stored[label].content() for label in labels.get(plan.of, ())] if plan else []
        return self._reply(header, message, Told("AA", focuses, related(connection, focuses)))

    def refused(self, header: Header, message: Message | None, issues: Iterable[Issue]) -> Reply:
        """The reply to a message that was not applied; `message` is None when it could not be read."""
        return self._reply(header, message, Told(answer_code(list(issues))))

    def _reply(self, header: Header, message: Message | None, told: Told) -> Reply:
        plan = self.tables.answer_plan(_trigger(header))
        if plan is None:
            return PLAIN
        body = b"" if message is None else answer_body(plan, self.tables, self.feed, message, told)
        return Reply(plan.type, plan.event, plan.structure, body)


def _made(header: Header, issues: Sequence[Issue], reply: Reply) -> bytes:
    return acknowledge(header, issues, now=datetime.now(UTC), control_id=new_id()[:20], reply=reply)


def related(connection: Connection, focuses: Iterable[Json]) -> dict[str, Json]:
    """By `Type/id`, the resources that these refer to, as they stand now."""
    found: dict[str, Json] = {}
    for reference in dict.fromkeys(reference for focus in focuses for reference in references(focus)):
        type_name, _, id_ = reference.partition("/")
        stored = resources.load(connection, type_name, id_)
        if stored is not None and not stored.deleted:
            found[reference] = stored.content()
    return found


def _trigger(header: Header) -> str:
    return f"{header.type}^{header.trigger}"
