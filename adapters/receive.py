"""From the bytes of one message to the bytes of its answer.

An AA leaves only after the message, its effects and this very answer are committed together (promise 3). What fails
is kept with its error in a commit of its own and answered AE or AR. A message that comes again gets its stored answer
and changes nothing; one that was refused before is tried again, since what it lacked may have come meanwhile.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapters.feeds import Feed
from adapters.hl7v2.acknowledge import acknowledge
from adapters.hl7v2.parse import Header, parse, scan_header
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import Tables
from adapters.mapping.to_fhir import Translation, translate
from adapters.mllp.framing import FaultKind, FramingFault
from fhir_server.interactions import upsert
from fhir_server.kernel import log
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.kernel.ids import new_id
from fhir_server.storage import inbox
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger(__name__)

#: MSH-11: production, training, debugging.
_PROCESSING_IDS = frozenset({"P", "T", "D", ""})
_VERSION_2 = re.compile(r"2(\.\d+){1,2}")
_STATES = {"AA": inbox.APPLIED, "AE": inbox.REFUSED, "AR": inbox.REJECTED}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receives the messages of one feed."""

    store: Store
    feed: Feed
    mapping: FeedMapping
    tables: Tables

    def receive(self, data: bytes) -> bytes:
        """Apply one message and return its acknowledgement. Raises nothing: every failure is an answer."""
        header = scan_header(data)
        try:
            return self._apply(header, data)
        except FhirError as error:
            return self._refuse(header, data, error.issues)
        except Exception as error:
            # The edge: whatever breaks inside, the sender gets a real answer and the message is kept.
            _log.error("message %s of feed %s: %s", header.control_id, self.feed.name, log.describe(error))
            issue = Issue(Category.EXCEPTION, "The receiver failed; the message was kept for its operator.")
            return self._refuse(header, data, (issue,))

    def refuse(self, fault: FramingFault) -> bytes | None:
        """The answer to what is no whole frame; what there is of it is kept. Noise between frames is neither."""
        header = scan_header(fault.octets)
        if fault.kind is FaultKind.OUTSIDE and not header.is_readable:
            return None
        category = Category.TOO_LARGE if fault.kind is FaultKind.TOO_LONG else Category.MALFORMED
        return self._refuse(header, fault.octets, (Issue(category, f"Received {fault.kind.value}."),))

    def _apply(self, header: Header, data: bytes) -> bytes:
        self._check_header(header)
        translation = translate(parse(data, self.feed.charset), self.tables, self.mapping)
        return self.store.transact(self._actor(header), lambda uow: self._apply_once(uow, header, data, translation))

    def _apply_once(self, uow: UnitOfWork, header: Header, data: bytes, translation: Translation) -> bytes:
        draft = self._receipt(header, data, translation.warnings)
        uow.lock(f"inbox|{draft.feed}|{draft.sender}|{draft.control_id}")
        known = inbox.answer_given(uow, draft.feed, draft.sender, draft.control_id, draft.content_hash)
        if known is not None:
            return known
        applied = upsert.apply(uow, translation.upserts)
        receipt = self._receipt(header, data, (*translation.warnings, *applied.late)) if applied.late else draft
        inbox.keep(uow, replace(receipt, effects="\n".join(applied.written)))
        return receipt.answer

    def _check_header(self, header: Header) -> None:
        if header.version_id and not _VERSION_2.fullmatch(header.version_id):
            raise fault(Category.VERSION_NOT_SUPPORTED, "MSH-12 is not a version 2 of HL7.", "MSH^1^12")
        if header.processing_id not in _PROCESSING_IDS:
            raise fault(Category.PROCESSING_ID, "MSH-11 is none of P, T, D.", "MSH^1^11")
        facility = header.sending_facility.split("^")[0]
        if self.feed.facilities and facility not in self.feed.facilities:
            raise fault(Category.FORBIDDEN, "The sending facility is not one of this feed's.", "MSH^1^4")

    def _refuse(self, header: Header, data: bytes, issues: Sequence[Issue]) -> bytes:
        receipt = self._receipt(header, data, issues)
        try:
            self.store.transact(self._actor(header), lambda uow: inbox.keep(uow, receipt))
        except Exception as error:
            # Nothing could be kept, so the sender must keep it. AR says that the same may be sent again.
            _log.error("message %s of feed %s is not kept: %s", header.control_id, self.feed.name, log.describe(error))
            return self._receipt(header, data, (Issue(Category.UNAVAILABLE, "The store cannot take it now."),)).answer
        _log.warning("message %s of feed %s: %s, %s", header.control_id, self.feed.name, receipt.state, receipt.error)
        return receipt.answer

    def _actor(self, header: Header) -> Actor:
        return Actor(self.feed.owner, is_territory=True, origin=self.feed.channel, request_id=header.control_id)

    def _receipt(self, header: Header, data: bytes, issues: Sequence[Issue]) -> Receipt:
        """The message with the answer that these issues deserve; without an error among them it is applied."""
        answer = acknowledge(header, issues, now=datetime.now(UTC), control_id=new_id()[:20])
        code = next((issue.category.ack_code for issue in issues if issue.severity == "error"), "AA")
        return Receipt(
            feed=self.feed.name,
            sender=_text(f"{header.sending_application}|{header.sending_facility}"),
            control_id=_text(header.control_id),
            content_hash=content_hash(data),
            message_type=_text(f"{header.type}^{header.trigger}")[:32],
            received_ms=self.store.database.clock(),
            state=_STATES[code],
            error="; ".join(_told(issue) for issue in issues) or None,
            raw=data,
            answer=answer,
            effects="",
        )


def content_hash(data: bytes) -> str:
    """SHA-256 of a message without MSH-7, which some senders renew when they send the same again."""
    fields = data.split(data[3:4] or b"|", 7)
    kept = fields[:6] + fields[7:] if len(fields) == 8 else fields
    return hashlib.sha256(b"\x00".join(kept)).hexdigest()


def _text(raw: str) -> str:
    """What a column of text takes of a header: no NUL, which PostgreSQL refuses, and short enough for an index."""
    return raw.replace("\0", "")[:200]


def _told(issue: Issue) -> str:
    return f"{issue.expression}: {issue.diagnostics}" if issue.expression else issue.diagnostics
