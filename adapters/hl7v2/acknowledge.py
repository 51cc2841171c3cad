"""Acknowledgements (HL7 2.5 sections 2.9.2, 2.9.3, 2.15.5, 2.15.8): made for senders, read from receivers.

An answer is made from the sender's header alone, so that even what cannot be parsed is answered. Fields that only pass
through are copied as they were sent, never unescaped and escaped again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from adapters.hl7v2.build import MessageBuilder, SegmentBuilder
from adapters.hl7v2.datetime import to_dtm
from adapters.hl7v2.definitions import DEFAULT_VERSION, supported_version
from adapters.hl7v2.escape import Delimiters
from adapters.hl7v2.message import NULL, Message
from adapters.hl7v2.parse import Header, parse, parse_as
from fhir_server.kernel.errors import Category, FhirError, Issue, fault

#: Table 0357.
ERROR_TEXTS: Final = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "198": "Non-conformant cardinality",
    "199": "Other HL7 error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
#: Table 0516. A failure of ours is fatal: the same message may pass later.
_SEVERITIES = {"fatal": "F", "error": "E", "warning": "W", "information": "I"}
_OURS = frozenset({Category.EXCEPTION, Category.UNAVAILABLE})
#: What only applying a message can find: it was taken all the same.
_TAKEN = frozenset(
    {
        Category.NOT_FOUND,
        Category.CONFLICT,
        Category.DUPLICATE,
        Category.DELETED,
        Category.MULTIPLE_MATCHES,
        Category.INVARIANT,
        Category.BUSINESS_RULE,
        Category.UNKNOWN_REFERENCE,
        Category.TOO_COSTLY,
    }
)
#: Failures that have nothing to do with the kind of message.
_BUSY = frozenset({Category.LOGIN, Category.THROTTLED, Category.EXCEPTION, Category.UNAVAILABLE})
_ACCEPTED = frozenset({"AA", "CA"})
_REJECTED = frozenset({"AR", "CR"})
_CODES = _ACCEPTED | _REJECTED | {"AE", "CE"}
_PLACE = re.compile(r"[A-Z][A-Z0-9]{2}(?:\^\d{1,4}){0,5}")
#: Lengths of MSA-3, ERR-7 and ERR-8 in 2.5.
_MSA_TEXT, _DIAGNOSTIC, _USER_TEXT = 80, 2048, 250
#: More errors than that help nobody read the answer.
_MAX_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer is when it is more than an acknowledgement."""

    #: MSH-9: type, event (empty: as received) and structure.
    type: str = "ACK"
    event: str = ""
    structure: str = "ACK"
    #: Segments behind MSA and ERR, each ended by CR.
    body: bytes = b""
    #: Says that the message is here (CA, CE, CR), not what became of it.
    is_accept: bool = False
    #: MSH-15 and MSH-16: how this answer, when it is an exchange of its own, is to be answered.
    asks: tuple[str, str] = ("", "")


#: An acknowledgement and no more.
PLAIN: Final = Reply()


def answer_code(issues: Sequence[Issue]) -> str:
    """MSA-1: AA, or the code of the first error. Warnings alone do not spoil an AA."""
    errors = _errors(issues)
    return errors[0].category.ack_code if errors else "AA"


def accept_code(issues: Sequence[Issue]) -> str:
    """MSA-1 of an accept acknowledgement: CA also for a message that is well made and cannot be honoured."""
    errors = _errors(issues)
    if not errors or errors[0].category in _TAKEN:
        return "CA"
    is_unsupported = errors[0].category.ack_code == "AR" and errors[0].category not in _BUSY
    return "CR" if is_unsupported else "CE"


def acknowledge(
    header: Header, issues: Sequence[Issue] = (), *, now: datetime, control_id: str, reply: Reply = PLAIN
) -> bytes:
    """The answer to the message with that header, with every issue in ERR.

    `now` is aware and written as MSH-7 in its own zone, `control_id` becomes MSH-10.
    """
    version = _version(header)
    builder = MessageBuilder("ASCII", header.delimiters)
    errors = _errors(issues)
    answer = builder.segment("MSA")
    answer[1] = accept_code(issues) if reply.is_accept else answer_code(issues)
    answer.put_raw(2, header.control_id)
    if errors and version < (2, 7):
        answer[3] = errors[0].diagnostics[:_MSA_TEXT]
    if version >= (2, 5):
        _error_segments(builder, issues)
    elif errors:
        _error_locations(builder.segment("ERR"), errors, header)
    # Everything of ours is ASCII; what was copied goes back as the bytes it came in.
    texts = (_header_text(header, version, now, control_id, reply), *(one.render() for one in builder.segments))
    return "".join(f"{text}\r" for text in texts).encode(header.codec) + reply.body


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A receiver's answer. `text` is the receiver's and may hold anything: not for logs."""

    #: MSA-1: AA, AE, AR, CA, CE or CR.
    code: str
    #: MSA-2: MSH-10 of the message answered.
    control_id: str
    text: str = ""
    #: Table 0357 code of the first ERR, empty if none.
    error_code: str = ""
    #: Where the first ERR says the error is, in ERL form (`SCH^1^11`), empty if it does not say.
    error_location: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver has taken the message: applied (AA) or stored (CA)."""
        return self.code in _ACCEPTED

    @property
    def is_rejected(self) -> bool:
        """Whether the failure is not the content's (AR, CR): the same message may pass later."""
        return self.code in _REJECTED


def read_acknowledgement(octets: bytes) -> Acknowledgement:
    """Read the MSA of a reply, whatever its message type and delimiters.

    Raises FhirError (MALFORMED) when the reply cannot be parsed or has no MSA with a known code and a control id.
    """
    reply = _read(octets)
    code, control_id = (reply["MSA-1"] or "").strip(), (reply["MSA-2"] or "").strip()
    if code not in _CODES or not control_id or control_id == NULL:
        raise fault(
            Category.MALFORMED, "The reply has no MSA with an acknowledgement code and a control id.", "MSA^1^1"
        )
    return Acknowledgement(
        code=code,
        control_id=control_id,
        text=reply["MSA-3"] or reply["ERR-8"] or reply["ERR-7"] or "",
        error_code=reply["ERR-3.1"] or reply["ERR-1.4.1"] or reply["MSA-6.1"] or "",
        error_location=_error_location(reply),
    )


def answers(request: bytes, reply: bytes) -> bool:
    """Whether `reply` may be the answer to `request`: only one that names another control id is not.

    A reply without any MSA-2 counts as an answer, so that its reader fails at once instead of waiting for a better one.
    """
    try:
        answered = parse_as(reply, "latin-1")["MSA-2"]
        sent = parse_as(request, "latin-1")["MSH-10"]
    except FhirError:
        return True
    return answered is None or sent is None or answered.strip() == sent.strip()


def _errors(issues: Sequence[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity in ("error", "fatal")]


def _header_text(header: Header, version: tuple[int, ...], now: datetime, control_id: str, reply: Reply) -> str:
    receiver = header.receiving_application, header.receiving_facility
    copied = *receiver, header.sending_application, header.sending_facility
    event = reply.event or header.trigger
    # MSH-9.3 came with 2.3.1.
    kind = (reply.type, event, reply.structure if version >= (2, 3, 1) and event else "")
    ends = (header.processing_id or "P", header.version, *reply.asks, header.country, header.charset)
    fields = list(_header_fields(header.delimiters, copied, kind, ends))
    fields[6], fields[9] = to_dtm(now, with_offset=version >= (2, 3)), control_id
    return header.delimiters.field.join(fields)


# A feed's headers differ in nothing but time and control id.
@lru_cache(maxsize=256)
def _header_fields(
    delimiters: Delimiters, copied: tuple[str, ...], kind: tuple[str, ...], ends: tuple[str, ...]
) -> tuple[str, ...]:
    """The fields of MSH, from its name on, without time and control id."""
    segment = MessageBuilder("ASCII", delimiters).segment("MSH")
    for number, raw in enumerate(copied, 3):
        segment.put_raw(number, raw)
    segment.put_raw(9, delimiters.component.join(part for part in kind if part))
    # Stands for the control id, which ends no header.
    segment[10] = "0"
    processing_id, version, accept_ack, application_ack, country, charset = ends
    segment.put_raw(11, processing_id)
    if version:
        segment.put_raw(12, version)
    else:
        segment[12] = DEFAULT_VERSION
    segment[15], segment[16] = accept_ack, application_ack
    segment.put_raw(17, country)
    segment.put_raw(18, charset)
    return tuple(segment.render().split(delimiters.field))


def _error_segments(builder: MessageBuilder, issues: Sequence[Issue]) -> None:
    """One ERR for each issue, since 2.5."""
    for issue in issues[:_MAX_ERRORS]:
        segment = builder.segment("ERR")
        for number, part in enumerate(_place(issue), 1):
            segment[2, 1, number] = part
        code = issue.category.hl7_code
        segment[3, 1, 1], segment[3, 1, 2], segment[3, 1, 3] = code, ERROR_TEXTS.get(code), "HL70357"
        ours = issue.severity == "error" and issue.category in _OURS
        segment[4] = "F" if ours else _SEVERITIES.get(issue.severity, "E")
        segment[7] = _diagnostic(issue)[:_DIAGNOSTIC]
        segment[8] = issue.diagnostics[:_USER_TEXT]


def _error_locations(segment: SegmentBuilder, errors: Sequence[Issue], header: Header) -> None:
    """One repetition of ERR-1 for each error, up to 2.4: segment, sequence, field, code."""
    if not header.delimiters.repetition:
        errors = errors[:1]
    for repetition, issue in enumerate(errors[:_MAX_ERRORS], 1):
        for number, part in enumerate(_place(issue)[:3], 1):
            segment[1, repetition, number] = part
        code = issue.category.hl7_code
        segment[1, repetition, 4, 1] = code
        if header.delimiters.subcomponent:
            segment[1, repetition, 4, 2] = ERROR_TEXTS.get(code)
            segment[1, repetition, 4, 3] = "HL70357"


def _place(issue: Issue) -> list[str]:
    """The parts of an HL7 location; none for a FHIRPath, which goes into the diagnostic text."""
    found = _PLACE.fullmatch(issue.expression or "")
    return found[0].split("^") if found else []


def _diagnostic(issue: Issue) -> str:
    path = f" at {issue.expression}" if issue.expression and not _place(issue) else ""
    return f"{issue.category.issue_code}{path}: {issue.diagnostics}"


def _version(header: Header) -> tuple[int, ...]:
    return tuple(map(int, supported_version(header.version_id).split(".")))


def _error_location(reply: Message) -> str:
    for field in ("ERR-2", "ERR-1"):
        parts = [reply[f"{field}.{number}"] or "" for number in range(1, 7 if field == "ERR-2" else 4)]
        if parts[0]:
            return "^".join(parts).rstrip("^")
    return ""


def _read(octets: bytes) -> Message:
    """A reply, even one whose text is not in the character set it claims: its code and control id still count."""
    try:
        return parse(octets)
    except FhirError:
        return parse_as(octets, "latin-1")
