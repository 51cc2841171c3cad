"""Bytes to messages (HL7 2.5 sections 2.5 to 2.7).

`scan_header` reads what it can and never fails: every failure needs an answer, and an answer needs the sender's header.
`parse` refuses only what has no readable MSH or cannot be decoded.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from adapters.hl7v2.encoding import CHARSET_MISPLACED, Decoded, codec_of, decode, encode, wide_codec
from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters, Notation, read_delimiters
from adapters.hl7v2.message import Message, Segment
from fhir_server.kernel.errors import Category, FhirError, fault

#: Byte order mark, a start byte left over from MLLP, blanks.
_PREFIX = re.compile(rb"(?:\xef\xbb\xbf)?[\x0b\s]*")
_HEADER_LINE = re.compile(rb"(?:^|[\r\n\x0b]|\xef\xbb\xbf)[ \t]*(MSH[^\r\n]{0,8192})")
_FIRST_BREAK = re.compile(r"[\r\n]")
_CR_ENDED = re.compile(r"(\r)")
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
    wide = wide_codec(octets)
    if wide is not None:
        # Such a message is refused, in an answer everybody can read.
        return replace(scan_header(octets.decode(wide, "replace").encode()), charset="")
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
    label, *alternates = _charset_labels(line, delimiters)
    warnings: tuple[str, ...] = ()
    if not label and not alternates:
        label = _misplaced_label(line, delimiters)
        warnings = (CHARSET_MISPLACED,) if label else ()
    decoded = decode(octets[start:], label, default_charset, alternates)
    return _message(octets, start, delimiters, decoded, (*warnings, *decoded.warnings))


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


def render(message: Message) -> bytes:
    """The bytes of `message`: those received if it was parsed and not changed, line ends and all."""
    if message.source is not None:
        return message.source
    return message.prefix + encode(message.text, message.charset)


def _opening(octets: bytes) -> tuple[int, Delimiters, str]:
    """Where MSH starts, its delimiters and its line. Raises FhirError (MALFORMED) without a usable one."""
    start = _prefix_length(octets)
    if not octets.startswith(b"MSH", start):
        raise _no_header(octets, start)
    line = octets[start : _line_end(octets, start)].decode("latin-1")
    try:
        return start, _delimiters_of(line), line
    except ValueError as error:
        raise fault(Category.MALFORMED, f"MSH-1 and MSH-2 cannot be used: {error}.", "MSH^1^2") from None


def _message(
    octets: bytes, start: int, delimiters: Delimiters, decoded: Decoded, warnings: tuple[str, ...] = ()
) -> Message:
    notation = Notation(delimiters, decoded.codec)
    segments = _segments(decoded.text, notation)
    return Message(segments, notation, prefix=octets[:start], warnings=warnings, source=octets)


def _segments(text: str, notation: Notation) -> list[Segment]:
    """Cut at segment terminators: CR (a LF right after it belongs to it), or any line end if MSH itself ends in LF."""
    pieces = _terminator(text, notation.delimiters.field).split(text)
    pieces.append("")
    segments: list[Segment] = []
    for index in range(0, len(pieces), 2):
        raw, end = pieces[index], pieces[index + 1]
        if raw[:1].isalpha() or raw.strip():
            segments.append(Segment(raw, notation, end))
        else:
            segments[-1].end += raw + end
    _drop_end_of_frame(segments)
    return segments


def _terminator(text: str, field: str) -> re.Pattern[str]:
    if "\n" not in text:
        return _CR_ENDED
    first = _FIRST_BREAK.search(text)
    return _ANY_ENDED if first is not None and first[0] == "\n" else _cr_ended(field)


@lru_cache(maxsize=32)
def _cr_ended(field: str) -> re.Pattern[str]:
    """Where segments end in a message of CR: also at a LF before what can only be a segment."""
    return re.compile(rf"(\r\n?|\n+(?=[A-Z][A-Z0-9]{{2}}{re.escape(field)}))")


def _drop_end_of_frame(segments: list[Segment]) -> None:
    """An end byte of MLLP that a file kept behind its last segment belongs to no value."""
    last = segments[-1]
    if last.raw.endswith("\x1c"):
        raw = last.raw.rstrip("\x1c")
        segments[-1] = Segment(raw, last.notation, last.raw[len(raw) :] + last.end)


def _prefix_length(octets: bytes) -> int:
    found = _PREFIX.match(octets)
    return 0 if found is None else found.end()


def _line_end(octets: bytes, start: int) -> int:
    ends = (octets.find(b"\r", start), octets.find(b"\n", start))
    return min((end for end in ends if end >= 0), default=len(octets))


def _no_header(octets: bytes, start: int) -> FhirError:
    wide = wide_codec(octets)
    if wide is not None:
        text = (
            f"The message is in {wide.upper()}, whose characters may hold bytes that frame messages; send it in UTF-8."
        )
        return fault(Category.MALFORMED, text, "MSH^1^18")
    if octets.startswith(_ENVELOPES, start):
        return fault(Category.MALFORMED, "This is a batch and not one message.", "MSH^1")
    return fault(Category.MALFORMED, "The message does not start with an MSH segment.", "MSH^1")


def _delimiters_of(line: str) -> Delimiters:
    separator = line[3:4]
    return read_delimiters(separator, line[4:].partition(separator or "|")[0])


def _charset_labels(line: str, delimiters: Delimiters) -> list[str]:
    """The repetitions of MSH-18: the message's character set and those it may switch to."""
    fields = line.split(delimiters.field, 18)
    if len(fields) < 18:
        return [""]
    return [_first(label, delimiters.component).strip() for label in _split(fields[17], delimiters.repetition)]


def _misplaced_label(line: str, delimiters: Delimiters) -> str:
    """The name of a character set in MSH-17, MSH-19 or MSH-20, where none is expected; empty if there is none."""
    fields = line.split(delimiters.field, 20)
    labels = (
        _first(fields[number - 1], delimiters.component).strip() for number in (19, 20, 17) if number <= len(fields)
    )
    return next((label for label in labels if len(label) < 40 and codec_of(label)), "")


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
