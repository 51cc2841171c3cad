"""Which answers a message gets: an acknowledgement, or the application's own (SRR, RRI, MFK …); now, or also later."""

from collections.abc import Iterable, Sequence
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
from adapters.mapping.to_fhir import Translation
from adapters.mapping.writing import references
from fhir_server.interactions.upsert import Applied
from fhir_server.kernel.errors import Issue
from fhir_server.kernel.ids import new_id
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import UnitOfWork

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

    def kept(self, header: Header) -> bytes:
        """The answer to a fragment of a message: it is here, and no more can be said before the rest is."""
        return _made(header, (), _ACCEPT)

    def accepted(
        self,
        uow: UnitOfWork,
        header: Header,
        message: Message | None,
        translation: Translation,
        applied: Applied,
    ) -> Reply:
        """The reply to a message that was applied, by what its plan made and what became of that.

        Raises FhirError (VALUE) for an element that cannot be told in HL7 v2.
        """
        plan = self.tables.answer_plan(_trigger(header))
        told = [label for name in plan.of.split() for label in translation.labels.get(name, ())] if plan else []
        pairs = [(one, translation.leaders.get(label)) for label in told for one in _now(applied, label)]
        focuses = [focus for focus, _ in pairs]
        leaders = [leader for _, leader in pairs]
        more = _more(applied, told)
        about = related(uow.connection, focuses) if focuses else {}
        return self._reply(header, message, Told("AA", focuses, leaders, about, more))

    def refused(self, header: Header, message: Message | None, issues: Iterable[Issue]) -> Reply:
        """The reply to a message that was not applied; `message` is None when it could not be read."""
        return self._reply(header, message, Told(answer_code(list(issues))))

    def _reply(self, header: Header, message: Message | None, told: Told) -> Reply:
        plan = self.tables.answer_plan(_trigger(header))
        if plan is None or header.type in self.feed.plain_answers:
            return PLAIN
        body = b"" if message is None else answer_body(plan, self.tables, self.feed, message, told)
        return Reply(plan.type, plan.event, plan.structure, body)


def _made(header: Header, issues: Sequence[Issue], reply: Reply) -> bytes:
    return acknowledge(header, issues, now=datetime.now(UTC), control_id=new_id()[:20], reply=reply)


def _now(applied: Applied, label: str) -> Sequence[Json]:
    """What a query of that label found, or the resource of that label as it is now."""
    if label in applied.found:
        return applied.found[label].slots
    return [applied.stored[label].content()] if label in applied.stored else ()


def _more(applied: Applied, labels: Iterable[str]) -> dict[str, str]:
    """How many slots a query found, were told and are left, when there are more of them; and where to go on."""
    found = next((applied.found[label] for label in labels if label in applied.found), None)
    if found is None or not found.remaining:
        return {}
    told = len(found.slots)
    counts = {"count": told + found.remaining, "told": told, "remaining": found.remaining}
    return {name: str(number) for name, number in counts.items()} | {"pointer": found.pointer}


def related(connection: Connection, focuses: Iterable[Json]) -> dict[str, Json]:
    """By `Type/id`, the resources that these refer to, as they stand now."""
    return named(connection, (reference for focus in focuses for reference in references(focus)))


def named(connection: Connection, wanted: Iterable[str]) -> dict[str, Json]:
    """By `Type/id`, the resources of these references, as they stand now."""
    found: dict[str, Json] = {}
    for reference in dict.fromkeys(wanted):
        type_name, _, id_ = reference.partition("/")
        stored = resources.load(connection, type_name, id_)
        if stored is not None and not stored.deleted:
            found[reference] = stored.content()
    return found


def _trigger(header: Header) -> str:
    return f"{header.type}^{header.trigger}"
