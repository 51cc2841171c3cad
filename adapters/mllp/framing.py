"""MLLP framing as a pure function of bytes: `<0B> payload <1C><0D>`.

HL7 Minimal Lower Layer Protocol, release 1. Frames are found in bytes, never in decoded text. A frame ends at its 1C,
whether or not a 0D follows: a sender that forgets the 0D waits for its answer and would wait for ever.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

START: Final = b"\x0b"
END: Final = b"\x1c"
CARRIAGE_RETURN: Final = b"\r"

#: Commit blocks of release 2 (ACK: the message is kept, NAK): receipts of the transport, never messages.
COMMIT: Final = b"\x06"
REFUSE: Final = b"\x15"
COMMIT_BLOCKS: Final = frozenset({COMMIT, REFUSE})

#: How much of an oversize frame, or of bytes outside frames, is kept: enough for an MSH.
HEAD: Final = 4096
DEFAULT_MAX_SIZE: Final = 16 * 1024 * 1024

#: Between frames these are keep-alives, line ends of file senders and doubled end bytes.
_BLANKS = b" \t\r\n\x00\x1c"
_MARK = re.compile(rb"[\x0b\x1c]")


class FaultKind(Enum):
    """What can go wrong with frames."""

    #: Bytes outside any frame; `octets` holds their head.
    OUTSIDE = "bytes outside a frame"
    #: A frame began inside another or the connection ended: `octets` is what there was of the first.
    TRUNCATED = "frame without an end"
    #: A frame over the size limit; `octets` holds its head, the rest is skipped.
    TOO_LONG = "frame over the size limit"


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame, without its framing bytes."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class FramingFault:
    """Bytes that are no frame. Not a parse error: nobody has looked at the content yet."""

    kind: FaultKind
    octets: bytes


Event = Frame | FramingFault


def frame(payload: bytes) -> bytes:
    """`payload` in a frame. Raises ValueError if it holds a framing byte, which would cut it in two."""
    if _MARK.search(payload):
        raise ValueError("the payload holds a framing byte")
    return START + payload + END + CARRIAGE_RETURN


def payload_of(octets: bytes) -> bytes:
    """The payload in a file that holds a message with or without its frame."""
    events = [event for event in Framer(max_size=max(len(octets), 1)).feed(octets) if isinstance(event, Frame)]
    return events[0].payload if events else octets.strip(_BLANKS + START) + CARRIAGE_RETURN


class Framer:
    """Cuts a stream into frames; one for each connection. However the stream is cut, the events are the same."""

    def __init__(self, max_size: int = DEFAULT_MAX_SIZE) -> None:
        """`max_size` is the longest payload taken, in bytes."""
        self._max_size = max_size
        self._payload = bytearray()
        self._junk = bytearray()
        self._state = self._outside

    def feed(self, octets: bytes) -> list[Event]:
        """The frames and faults that these bytes complete, in order."""
        events: list[Event] = []
        position = 0
        while position < len(octets):
            position = self._state(octets, position, events)
        return events

    def close(self) -> list[Event]:
        """The faults that the end of the stream reveals."""
        events: list[Event] = []
        if self._state == self._inside:
            self._truncated(events)
        self._junked(events)
        self._state = self._outside
        return events

    def _outside(self, octets: bytes, position: int, events: list[Event]) -> int:
        start = octets.find(START, position)
        end = len(octets) if start < 0 else start
        junk = octets[position:end] if self._junk else octets[position:end].lstrip(_BLANKS)
        self._junk += junk[: HEAD - len(self._junk)]
        if start < 0:
            return end
        self._junked(events)
        self._state = self._inside
        return start + 1

    def _inside(self, octets: bytes, position: int, events: list[Event]) -> int:
        mark = _MARK.search(octets, position)
        end = len(octets) if mark is None else mark.start()
        self._payload += octets[position:end]
        if len(self._payload) > self._max_size:
            events.append(FramingFault(FaultKind.TOO_LONG, bytes(self._payload[: min(HEAD, self._max_size + 1)])))
            self._payload.clear()
            self._state = self._skipping
            return end
        if mark is None:
            return end
        if mark[0] == END:
            events.append(Frame(bytes(self._payload)))
            self._payload.clear()
            self._state = self._outside
        else:
            self._truncated(events)
        return end + 1

    def _skipping(self, octets: bytes, position: int, events: list[Event]) -> int:
        """After an oversize frame: up to its end, or to the start of the next one."""
        mark = _MARK.search(octets, position)
        if mark is None:
            return len(octets)
        self._state = self._outside if mark[0] == END else self._inside
        return mark.end()

    def _truncated(self, events: list[Event]) -> None:
        # A doubled start byte leaves nothing behind: no fault.
        if self._payload.strip(_BLANKS):
            events.append(FramingFault(FaultKind.TRUNCATED, bytes(self._payload)))
        self._payload.clear()

    def _junked(self, events: list[Event]) -> None:
        junk = self._junk.rstrip(_BLANKS)
        if junk:
            events.append(FramingFault(FaultKind.OUTSIDE, bytes(junk)))
        self._junk.clear()
