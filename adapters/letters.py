"""A message received: what its header says of it, whether the feed takes it, and how it is kept."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from adapters.feeds import Feed
from adapters.hl7v2 import continuation
from adapters.hl7v2.acknowledge import answer_code
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import Header, parse, parse_as, scan_header
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.storage import inbox
from fhir_server.storage.inbox import Receipt

#: MSH-11: production, training, debugging.
_PROCESSING_IDS = frozenset({"P", "T", "D", ""})
_VERSION_2 = re.compile(r"2(\.\d+){1,2}")
_STATES = {"AA": inbox.APPLIED, "AE": inbox.REFUSED, "AR": inbox.REJECTED}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message received."""

    data: bytes
    header: Header
    #: None for one that cannot be read.
    message: Message | None = None

    @property
    def control_id(self) -> str:
        """MSH-10, as far as a column of text takes it."""
        return text_of(self.header.control_id)

    @property
    def is_fragment(self) -> bool:
        """Whether it is a part of a message, the last one too (HL7 2.5 section 2.10.2)."""
        message = self.message
        return message is not None and bool(continuation.goes_on(message) or continuation.continues(message))


def unread(data: bytes) -> Letter:
    """A message of which only the header was looked at."""
    return Letter(data, scan_header(data))


def read(letter: Letter, feed: Feed, codec: str | None = None) -> Letter:
    """The letter with its message. Raises FhirError for one that the feed refuses or that cannot be read."""
    check_header(letter.header, feed)
    message = parse_as(letter.data, codec) if codec else parse(letter.data, feed.charset)
    return replace(letter, message=message)


def actor(feed: Feed, letter: Letter, code: str = "AA") -> Actor:
    """In whose name the letter is applied, and as what it is told in the audit trail: answered `code`."""
    trigger, control_id = letter.header.trigger, letter.header.control_id
    deed = Deed("message-received", name=trigger[:32] if trigger.isalnum() else "", status=code)
    return Actor(
        feed.owner,
        is_territory=True,
        origin=feed.channel,
        request_id=control_id,
        audiences=feed.audiences,
        direct_access=feed.direct_access,
        deed=deed,
    )


def receipt(feed: Feed, letter: Letter, received_ms: int) -> Receipt:
    """The message as it is kept, before it is known what becomes of it."""
    header = letter.header
    return Receipt(
        feed=feed.name,
        sender=text_of(f"{header.sending_application}|{header.sending_facility}"),
        control_id=letter.control_id,
        content_hash=content_hash(letter.data),
        message_type=text_of(f"{header.type}^{header.trigger}")[:32],
        received_ms=received_ms,
        state=inbox.APPLIED,
        error=None,
        raw=letter.data,
        answer=b"",
        effects="",
    )


def outcome(draft: Receipt, issues: Sequence[Issue], answer: bytes, effects: str = "") -> Receipt:
    """What became of the message: without an error among the issues it is applied."""
    return replace(
        draft, state=_STATES[answer_code(issues)], error=all_told(issues) or None, answer=answer, effects=effects
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


def text_of(raw: str) -> str:
    """What a column of text takes of a header: no NUL, which PostgreSQL refuses, and short enough for an index."""
    return raw.replace("\0", "")[:200]


def all_told(issues: Iterable[Issue]) -> str:
    """The issues in one line."""
    return "; ".join(_told(issue) for issue in issues)


def _told(issue: Issue) -> str:
    return f"{issue.expression}: {issue.diagnostics}" if issue.expression else issue.diagnostics
