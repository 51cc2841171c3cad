"""From the bytes of one message to the bytes of its answer.

An AA leaves only after the message, its effects and this very answer are committed together (promise 3). What fails
is kept with its error in a commit of its own and answered AE or AR. A message that comes again gets its stored answer
and changes nothing; one that was refused before is tried again, since what it lacked may have come meanwhile.
"""

import hashlib
import itertools
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapters import fragments
from adapters.answering import Answering
from adapters.feeds import Feed
from adapters.hl7v2 import batch, continuation, modes
from adapters.hl7v2.acknowledge import Reply, answer_code
from adapters.hl7v2.datetime import to_dtm
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import Header, parse, parse_as, scan_header
from adapters.mapping.feed import FeedMapping
from adapters.mapping.fixers import fixed
from adapters.mapping.plans import Tables
from adapters.mapping.to_fhir import Translation, translate
from adapters.mllp.connection import Answer
from adapters.mllp.framing import FaultKind, FramingFault
from fhir_server.interactions import upsert
from fhir_server.kernel import log
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.kernel.ids import new_id
from fhir_server.storage import inbox, outbox
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger(__name__)

#: A connection waits for its answer until all messages of a frame are applied.
_MOST_MESSAGES = 5_000
#: MSH-11: production, training, debugging.
_PROCESSING_IDS = frozenset({"P", "T", "D", ""})
_VERSION_2 = re.compile(r"2(\.\d+){1,2}")
_STATES = {"AA": inbox.APPLIED, "AE": inbox.REFUSED, "AR": inbox.REJECTED}


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message received."""

    data: bytes
    header: Header
    #: None for one that cannot be read.
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receives the messages of one feed."""

    store: Store
    feed: Feed
    mapping: FeedMapping
    tables: Tables

    def receive(self, data: bytes) -> bytes:
        """As `take`, for those who only want the answer."""
        return self.take(data).octets

    def take(self, data: bytes, codec: str | None = None) -> Answer:
        """Apply what a frame holds and return what the connection gets back; empty for a sender that wants nothing.

        `codec` is the Python codec that the transport says the message is in, whatever MSH-18 says.

        Of a batch, or of several messages in a row, each is applied and answered for itself, in one answer of the same
        form. Raises nothing: every failure is an answer.
        """
        if not batch.holds_several(data):
            return self._take(data, codec)
        messages = batch.split_messages(data)
        if len(messages) > _MOST_MESSAGES:
            issue = Issue(
                Category.TOO_LARGE, f"One frame holds {len(messages)} messages, {_MOST_MESSAGES} are the most."
            )
            return self._refuse(_Letter(data, scan_header(data)), (issue,))
        taken = [self._take(message, codec) for message in messages]
        numbers = (new_id()[:20] for _ in itertools.count())
        octets = batch.answer(data, [one.octets for one in taken], to_dtm(datetime.now(UTC)), numbers)
        return Answer(octets, all(one.is_kept for one in taken))

    def _take(self, data: bytes, codec: str | None) -> Answer:
        letter = _Letter(data, scan_header(data))
        try:
            check_header(letter.header, self.feed)
            letter = replace(letter, message=parse_as(data, codec) if codec else parse(data, self.feed.charset))
            return self._apply(letter)
        except FhirError as error:
            return self._refuse(letter, error.issues)
        except Exception as error:
            # The edge: whatever breaks inside, the sender gets a real answer and the message is kept.
            _log.error("message %s of feed %s: %s", letter.header.control_id, self.feed.name, log.describe(error))
            issue = Issue(Category.EXCEPTION, "The receiver failed; the message was kept for its operator.")
            return self._refuse(letter, (issue,))

    def refuse(self, fault: FramingFault) -> Answer | None:
        """The answer to what is no whole frame; what there is of it is kept. Noise between frames is neither."""
        header = scan_header(fault.octets)
        if fault.kind is FaultKind.OUTSIDE and not header.is_readable:
            return None
        category = Category.TOO_LARGE if fault.kind is FaultKind.TOO_LONG else Category.MALFORMED
        return self._refuse(_Letter(fault.octets, header), (Issue(category, f"Received {fault.kind.value}."),))

    def _apply(self, letter: _Letter) -> Answer:
        assert letter.message is not None
        if continuation.goes_on(letter.message) or continuation.continues(letter.message):
            return Answer(self.store.transact(self._actor(letter), lambda uow: self._take_fragment(uow, letter)))
        letter = replace(letter, message=fixed(letter.message, self.mapping))
        translation = self._translated(letter)
        return Answer(self.store.transact(self._actor(letter), lambda uow: self._apply_once(uow, letter, translation)))

    def _take_fragment(self, uow: UnitOfWork, letter: _Letter) -> bytes:
        """Keep a fragment, or apply the message that it is the last of."""
        assert letter.message is not None
        draft, pointer = self._receipt(letter, ()), continuation.goes_on(letter.message)
        uow.lock(f"fragments|{draft.feed}|{draft.sender}")
        known = inbox.answer_given(uow, draft.feed, draft.sender, draft.control_id, draft.content_hash)
        if known is not None:
            return known
        if pointer:
            answer = self._answering.kept(letter.header)
            inbox.keep(uow, replace(draft, state=inbox.WAITING, answer=answer, effects=pointer))
            return answer
        whole, waited = fragments.earlier(uow, draft, letter.message, self.feed.charset)
        letter = replace(letter, message=fixed(whole, self.mapping))
        answer = self._apply_once(uow, letter, self._translated(letter))
        inbox.settle(uow, [receipt.pk for receipt in waited], "")
        return answer

    def _translated(self, letter: _Letter) -> Translation:
        assert letter.message is not None
        return translate(letter.message, self.tables, self.mapping)

    def _apply_once(self, uow: UnitOfWork, letter: _Letter, translation: Translation) -> bytes:
        draft = self._receipt(letter, translation.warnings)
        uow.lock(f"inbox|{draft.feed}|{draft.sender}|{draft.control_id}", *upsert.names(translation.upserts))
        known = inbox.answer_given(uow, draft.feed, draft.sender, draft.control_id, draft.content_hash)
        if known is not None:
            return known
        applied = upsert.apply(uow, translation.upserts, translation.replaced)
        reply = self._answering.accepted(uow.connection, letter.header, letter.message, translation, applied)
        effects = "\n".join(applied.written)
        return self._keep(uow, letter, (*translation.warnings, *applied.late), reply, effects)

    def _keep(
        self, uow: UnitOfWork, letter: _Letter, issues: Sequence[Issue], reply: Reply, effects: str = ""
    ) -> bytes:
        """Keep the message with its answers; the one for the connection."""
        answers = self._answering.answers(letter.header, issues, reply)
        inbox.keep(uow, replace(self._receipt(letter, issues), answer=answers.now, effects=effects))
        if answers.later is not None:
            outbox.add_answer(uow, self.feed.channel, _text(letter.header.control_id), answers.later)
        return answers.now

    @property
    def _answering(self) -> Answering:
        # Application answers of enhanced mode need somewhere to go.
        return Answering(self.tables, self.mapping, self.feed.ack_mode if self.feed.send else modes.ORIGINAL)

    def _refuse(self, letter: _Letter, issues: Sequence[Issue]) -> Answer:
        header, name = letter.header, self.feed.name
        reply = self._answering.refused(header, letter.message, issues)
        try:
            answer = self.store.transact(self._actor(letter), lambda uow: self._keep(uow, letter, issues, reply))
        except Exception as error:
            # Nothing could be kept, so the sender must keep it. AR says that the same may be sent again.
            _log.error("message %s of feed %s is not kept: %s", header.control_id, name, log.describe(error))
            unkept = (Issue(Category.UNAVAILABLE, "The store cannot take it now."),)
            return Answer(self._answering.answers(header, unkept).now, is_kept=False)
        state = _STATES[answer_code(issues)]
        _log.warning("message %s of feed %s: %s, %s", header.control_id, name, state, _all_told(issues))
        return Answer(answer)

    def _actor(self, letter: _Letter) -> Actor:
        return Actor(self.feed.owner, is_territory=True, origin=self.feed.channel, request_id=letter.header.control_id)

    def _receipt(self, letter: _Letter, issues: Sequence[Issue]) -> Receipt:
        """The message with what became of it: without an error among the issues it is applied."""
        header = letter.header
        return Receipt(
            feed=self.feed.name,
            sender=_text(f"{header.sending_application}|{header.sending_facility}"),
            control_id=_text(header.control_id),
            content_hash=content_hash(letter.data),
            message_type=_text(f"{header.type}^{header.trigger}")[:32],
            received_ms=self.store.database.clock(),
            state=_STATES[answer_code(issues)],
            error=_all_told(issues) or None,
            raw=letter.data,
            answer=b"",
            effects="",
        )


def _first(header: Header, field: str) -> str:
    """The first component of a field of MSH: the namespace of HD, the processing ID of PT."""
    component = header.delimiters.component
    return field.partition(component)[0] if component else field


def check_header(header: Header, feed: Feed) -> None:
    """Raises FhirError for a message that a feed refuses by its header alone."""
    if header.is_readable and not header.type.strip():
        raise fault(Category.NOT_SUPPORTED_TYPE, "MSH-9 names no type of message.", "MSH^1^9")
    if header.version_id and not _VERSION_2.fullmatch(header.version_id):
        raise fault(Category.VERSION_NOT_SUPPORTED, "MSH-12 is not a version 2 of HL7.", "MSH^1^12")
    if _first(header, header.processing_id) not in _PROCESSING_IDS:
        raise fault(Category.PROCESSING_ID, "MSH-11 is none of P, T, D.", "MSH^1^11")
    facility = _first(header, header.sending_facility)
    if feed.facilities and facility not in feed.facilities:
        raise fault(Category.FORBIDDEN, "The sending facility is not one of this feed's.", "MSH^1^4")


def content_hash(data: bytes) -> str:
    """SHA-256 of a message without MSH-7, which some senders renew when they send the same again."""
    fields = data.split(data[3:4] or b"|", 7)
    kept = fields[:6] + fields[7:] if len(fields) == 8 else fields
    return hashlib.sha256(b"\x00".join(kept)).hexdigest()


def _text(raw: str) -> str:
    """What a column of text takes of a header: no NUL, which PostgreSQL refuses, and short enough for an index."""
    return raw.replace("\0", "")[:200]


def _all_told(issues: Sequence[Issue]) -> str:
    return "; ".join(_told(issue) for issue in issues)


def _told(issue: Issue) -> str:
    return f"{issue.expression}: {issue.diagnostics}" if issue.expression else issue.diagnostics
