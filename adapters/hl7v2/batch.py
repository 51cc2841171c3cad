"""Several messages in one file or frame (HL7 2.5 section 2.10.3): batches, files of batches, plain rows of messages.

    [FHS] { [BHS] { MSH ... } [BTS] } [FTS]

Each message is answered for itself. What came as a batch is answered by a batch of the answers, in the same order;
what came as a plain row by a plain row.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.hl7v2.build import MessageBuilder, SegmentBuilder
from adapters.hl7v2.escape import read_delimiters

_PREFIX = re.compile(rb"(?:\xef\xbb\xbf)?[\x0b\s]*")
#: At the start of a line, past a byte order mark and blanks: a header whose separator can be one, or an envelope.
_START = re.compile(
    rb"(?:^|(?<=[\r\n\x0b\x1c]))(?:\xef\xbb\xbf)?[ \t]*(MSH(?=[^0-9A-Za-z\s])|(?:FHS|BHS|BTS|FTS)(?![0-9A-Za-z]))"
)
_LINE_END = re.compile(rb"[\r\n]+")
_END_OF_FRAME = re.compile(rb"\x1c\s*\x0b?\Z")
_OPENINGS = {b"FHS": b"FTS", b"BHS": b"BTS"}
_MESSAGE = b"MSH"


def split_messages(octets: bytes) -> list[bytes]:
    """The single messages in a file of several or in a batch, without envelopes and framing bytes.

    Nothing is lost: segments that no header precedes are a piece of their own.
    """
    return [piece for name, piece in _pieces(octets) if name == _MESSAGE]


def holds_several(octets: bytes) -> bool:
    """Whether this is a batch, or more than one message."""
    found = _PREFIX.match(octets)
    if octets.count(_MESSAGE) < 2 and not octets.startswith(tuple(_OPENINGS), found.end() if found else 0):
        return False
    names = [match[1] for match in _START.finditer(octets)]
    return names.count(_MESSAGE) > 1 or not _OPENINGS.keys().isdisjoint(names)


def answer(octets: bytes, replies: Iterable[bytes], when: str, control_ids: Iterator[str]) -> bytes:
    """The answers to the messages of `octets`, in the envelopes that these came in.

    `when` is FHS-7 and BHS-7 of ours; each envelope takes one of `control_ids`. A count that BTS-1 or FTS-1 announced
    and that is not true is told in the trailer's comment.
    """
    waiting = iter(replies)
    out: list[bytes] = []
    opened: list[_Envelope] = []
    for name, piece in _pieces(octets):
        if name == _MESSAGE:
            out.append(next(waiting))
            _count(opened)
        elif name in _OPENINGS:
            out += _closed(opened, name)
            _count(opened)
            opened.append(_Envelope.of(name, piece))
            out.append(opened[-1].head(piece, when, next(control_ids)))
        else:
            out += _closed(opened, name, piece)
    return b"".join([*out, *_closed(opened, b"FHS")])


def _pieces(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The envelopes' lines by their names, the messages (and what stands between) as `MSH`."""
    starts = [*_START.finditer(octets)]
    bounds = [match.start() for match in starts] + [len(octets)]
    yield from _message(octets[: bounds[0]])
    for match, end in zip(starts, bounds[1:], strict=True):
        piece = octets[match.start() : end]
        if match[1] == _MESSAGE:
            yield from _message(piece)
            continue
        line, _, rest = _halves(piece)
        yield match[1], line.lstrip(b"\xef\xbb\xbf \t")
        yield from _message(rest)


def _message(piece: bytes) -> Iterator[tuple[bytes, bytes]]:
    piece = _END_OF_FRAME.sub(b"", piece).lstrip(b"\x0b\x1c")
    if piece.strip(b"\xef\xbb\xbf\r\n\t \x0b\x1c"):
        yield _MESSAGE, piece


def _halves(piece: bytes) -> tuple[bytes, bytes, bytes]:
    found = _LINE_END.search(piece)
    return (piece, b"", b"") if found is None else (piece[: found.start()], found[0], piece[found.end() :])


@dataclass(slots=True)
class _Envelope:
    """A batch or a file being answered."""

    name: bytes
    builder: MessageBuilder
    count: int = 0

    @classmethod
    def of(cls, name: bytes, line: bytes) -> "_Envelope":
        try:
            separator = line[3:4].decode("latin-1")
            delimiters = read_delimiters(separator, line[4:].decode("latin-1").partition(separator or "|")[0])
        except ValueError:
            return cls(name, MessageBuilder("ASCII"))
        return cls(name, MessageBuilder("ASCII", delimiters))

    def head(self, line: bytes, when: str, control_id: str) -> bytes:
        """The line that opens the answer: the other way round, with a control id of ours and a reference to theirs."""
        fields = self._fields(line)
        segment = self.builder.segment(self.name.decode())
        for ours, theirs in ((3, 5), (4, 6), (5, 3), (6, 4), (12, 11)):
            segment.put_raw(ours, fields[theirs - 1] if theirs <= len(fields) else "")
        segment[7], segment[11] = when, control_id
        return _rendered(segment)

    def tail(self, line: bytes = b"") -> bytes:
        """The line that closes the answer, with how many there were."""
        segment = self.builder.segment(_OPENINGS[self.name].decode())
        segment[1] = str(self.count)
        announced = [*self._fields(line), ""][1].strip() if line else ""
        if announced.isdecimal() and int(announced[:9]) != self.count:
            segment[2] = f"{int(announced[:9])} announced, {self.count} received"
        return _rendered(segment)

    def _fields(self, line: bytes) -> list[str]:
        return line.decode("latin-1").split(self.builder.notation.delimiters.field)


def _count(opened: list[_Envelope]) -> None:
    if opened:
        opened[-1].count += 1


def _closed(opened: list[_Envelope], name: bytes, line: bytes = b"") -> Iterator[bytes]:
    """Close what ends here: the envelope of this trailer, those left open inside it, and the batch before a batch."""
    opening = next((key for key, trailer in _OPENINGS.items() if name in (key, trailer)), name)
    while any(envelope.name == opening for envelope in opened) or (opening == b"FHS" and opened):
        envelope = opened.pop()
        yield envelope.tail(line if envelope.name == opening else b"")


def _rendered(segment: SegmentBuilder) -> bytes:
    return segment.render().encode("latin-1") + b"\r"
