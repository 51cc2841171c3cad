"""Bytes to messages (HL7 2.5 sections 2.5 to 2.7).

`scan_header` reads what it can and never fails: every failure needs an answer, and an answer needs the sender's header.
`parse` refuses only what has no readable MSH or cannot be decoded.
"""

import re
from dataclasses import dataclass

from adapters.hl7v2.encoding import Decoded, decode, encode
from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters, Notation, read_delimiters
from adapters.hl7v2.message import Message, Segment
from fhir_server.kernel.errors import Category, fault

#: Byte order mark, a start byte left over from MLLP, blanks.
_PREFIX = re.compile(rb"(?:\xef\xbb\xbf)?[\x0b\s]*")
_HEADER_LINE = re.compile(rb"(?:^|[\r\n\x0b]|\xef\xbb\xbf)[ \t]*(MSH[^\r\n]{0,8192})")
_MESSAGE_START = re.compile(rb"(?<=[\r\n])(?=MSH[^0-9A-Za-z\s])")
_ENVELOPE_START = re.compile(rb"(?<=[\r\n])(?=(?:FHS|BHS|BTS|FTS)[^0-9A-Za-z])")
_FIRST_BREAK = re.compile(r"[\r\n]")
_CR_ENDED = re.compile(r"(\r\n?)")
_ANY_ENDED = re.compile(r"(\r\n?|\n)")
_ENVELOPES = (b"FHS", b"BHS", b"BTS", b"FTS")


@dataclass(frozen=True, slots=True)
class Header:
    """MSH as sent: raw text, nothing unescaped, empty where absent or unreadable."""

    delimiters: Delimiters = DEFAULT_DELIMITERS
    #: Codec that turns these texts back into the very bytes received.
    codec: str = "ascii"
    #: Whether an MSH with usable delimiters was found.
    is_readable: bool = False
    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    datetime: str = ""
    type: str = ""
    trigger: str = ""
    structure: str = ""
    control_id: str = ""
    processing_id: str = ""
    version: str = ""
    accept_ack: str = ""
    application_ack: str = ""
    country: str = ""
    charset: str = ""

    @property
    def version_id(self) -> str:
        """First component of MSH-12: `2.5` of `2.5^FRA^2.11`."""
        return _first(self.version, self.delimiters.component)


def scan_header(octets: bytes) -> Header:
    """What can be read of the first MSH. Never raises, whatever the bytes."""
    found = _HEADER_LINE.search(octets)
    if found is None:
        return Header()
    line, codec = _header_text(found[1])
    try:
        delimiters = _delimiters_of(line)
    except ValueError:
        return Header(codec=codec)
    fields = line.split(delimiters.field)
    fields += [""] * (18 - len(fields))
    kind, trigger, structure = (*_split(fields[8], delimiters.component), "", "", "")[:3]
    return Header(
        delimiters=delimiters,
        codec=codec,
        is_readable=True,
        sending_application=fields[2],
        sending_facility=fields[3],
        receiving_application=fields[4],
        receiving_facility=fields[5],
        datetime=fields[6],
        type=kind,
        trigger=trigger,
        structure=structure,
        control_id=fields[9],
        processing_id=fields[10],
        version=fields[11],
        accept_ack=fields[14],
        application_ack=fields[15],
        country=fields[16],
        charset=fields[17],
    )


def parse(octets: bytes, default_charset: str = "8859/15") -> Message:
    """The message in `octets`; `default_charset` (an MSH-18 value) is what an empty MSH-18 means on this feed.

    Raises FhirError (MALFORMED): no MSH at the start, unusable delimiters, bytes that the character set cannot hold.
    """
    start, delimiters, line = _opening(octets)
    decoded = decode(octets[start:], _charset_label(line, delimiters), default_charset)
    return _message(octets, start, delimiters, decoded)


def parse_as(octets: bytes, codec: str) -> Message:
    """The message in `octets`, read in a Python codec known beforehand, whatever MSH-18 says.

    Raises FhirError (MALFORMED) as `parse` does.
    """
    start, delimiters, _ = _opening(octets)
    try:
        text = octets[start:].decode(codec)
    except UnicodeDecodeError as error:
        raise fault(Category.MALFORMED, f"Byte {error.start} of the message cannot be read in {codec}.") from None
    return _message(octets, start, delimiters, Decoded(text, codec))


def split_messages(octets: bytes) -> list[bytes]:
    """The single messages in a file of several or in a batch (section 2.10.3), without the batch envelope."""
    pieces = [piece for part in _MESSAGE_START.split(octets) for piece in _ENVELOPE_START.split(part)]
    return [piece for piece in pieces if (body := piece[_prefix_length(piece) :]) and not body.startswith(_ENVELOPES)]


def render(message: Message) -> bytes:
    """The bytes of `message`: those received if it was parsed and not changed, line ends and all."""
    if message.source is not None:
        return message.source
    return message.prefix + encode(message.text, message.charset)


def _opening(octets: bytes) -> tuple[int, Delimiters, str]:
    """Where MSH starts, its delimiters and its line. Raises FhirError (MALFORMED) without a usable one."""
    start = _prefix_length(octets)
    if not octets.startswith(b"MSH", start):
        raise fault(Category.MALFORMED, _no_header(octets[start : start + 3]), "MSH^1")
    line = octets[start : _line_end(octets, start)].decode("latin-1")
    try:
        return start, _delimiters_of(line), line
    except ValueError as error:
        raise fault(Category.MALFORMED, f"MSH-1 and MSH-2 cannot be used: {error}.", "MSH^1^2") from None


def _message(octets: bytes, start: int, delimiters: Delimiters, decoded: Decoded) -> Message:
    notation = Notation(delimiters, decoded.codec)
    segments = _segments(decoded.text, notation)
    return Message(segments, notation, prefix=octets[:start], warnings=decoded.warnings, source=octets)


def _segments(text: str, notation: Notation) -> list[Segment]:
    """Cut at segment terminators: CR (a LF right after it belongs to it), or any line end if MSH itself ends in LF."""
    first = _FIRST_BREAK.search(text)
    pieces = (_ANY_ENDED if first is not None and first[0] == "\n" else _CR_ENDED).split(text)
    pieces.append("")
    segments: list[Segment] = []
    for index in range(0, len(pieces), 2):
        raw, end = pieces[index], pieces[index + 1]
        if raw[:1].isalpha() or raw.strip():
            segments.append(Segment(raw, notation, end))
        else:
            segments[-1].end += raw + end
    return segments


def _prefix_length(octets: bytes) -> int:
    found = _PREFIX.match(octets)
    return 0 if found is None else found.end()


def _line_end(octets: bytes, start: int) -> int:
    ends = (octets.find(b"\r", start), octets.find(b"\n", start))
    return min((end for end in ends if end >= 0), default=len(octets))


def _no_header(body: bytes) -> str:
    if body.startswith(_ENVELOPES):
        return "This is a batch; its messages are to be sent one by one."
    return "The message does not start with an MSH segment."


def _delimiters_of(line: str) -> Delimiters:
    separator = line[3:4]
    return read_delimiters(separator, line[4:].partition(separator or "|")[0])


def _charset_label(line: str, delimiters: Delimiters) -> str:
    fields = line.split(delimiters.field, 18)
    if len(fields) < 18:
        return ""
    return _first(_first(fields[17], delimiters.repetition), delimiters.component).strip()


def _header_text(line: bytes) -> tuple[str, str]:
    for codec in ("ascii", "utf-8"):
        try:
            return line.decode(codec), codec
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1"), "latin-1"


def _split(raw: str, delimiter: str) -> list[str]:
    return raw.split(delimiter) if delimiter else [raw]


def _first(raw: str, delimiter: str) -> str:
    return raw.partition(delimiter)[0] if delimiter else raw
