"""Build messages: set leaves by position, get bytes (HL7 2.5 sections 2.5 to 2.7).

    builder = MessageBuilder("UNICODE UTF-8")
    header = builder.segment("MSH")
    header[9, 1, 1] = "SIU"
    header[9, 1, 2] = "S12"
    octets = builder.render()

Whatever text is set, it stays one leaf: delimiters, line breaks and framing bytes in it are escaped.
"""

import re

from adapters.hl7v2.encoding import codec_of, encode, fit
from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters, Notation
from adapters.hl7v2.location import position
from adapters.hl7v2.message import HEADERS, NULL

#: Field, or field and repetition, component, subcomponent: from the left, all counted from 1.
Key = int | tuple[int, ...]

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class SegmentBuilder:
    """A segment being written: `segment[3, 2, 4, 1] = text` sets field 3, repetition 2, component 4, subcomponent 1."""

    def __init__(self, name: str, notation: Notation) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a segment name: {name!r}")
        self.name = name
        self._notation = notation
        self._leaves: dict[tuple[int, int, int, int], str] = {}
        self._raw: dict[int, str] = {}

    def __setitem__(self, key: Key, text: str | None) -> None:
        """Set a leaf; None and the empty string set nothing, NULL sets an explicit null.

        Raises ValueError for a position that is none, or that MSH-1 and MSH-2 hold.
        """
        if not text:
            return
        notation = self._notation
        self._leaves[self._place(key)] = '""' if text is NULL else notation.escape(fit(text, notation.codec))

    def put(self, path: str, text: str | None) -> None:
        """The same by a written position: `segment.put("3[2].4.1", text)`."""
        place = position(path)
        self[place.field, place.repetition, place.component or 1, place.subcomponent or 1] = text

    def put_raw(self, field: int, raw: str) -> None:
        """Set a whole field from text already in this message's notation: an HD copied from the message answered.

        Control characters are dropped. Raises ValueError for text that holds the field separator.
        """
        self._place(field)
        if self._notation.delimiters.field in raw:
            raise ValueError("the raw text of a field may not hold the field separator")
        self._raw[field] = _CONTROL.sub("", raw)

    def render(self) -> str:
        """The segment without its terminator; empty repetitions, components and fields at the end are left out."""
        delimiters = self._notation.delimiters
        tree = self._tree()
        last = max([*tree, *self._raw, 0])
        texts = [
            self._raw[number] if number in self._raw else self._field(tree.get(number, {}))
            for number in range(1, last + 1)
        ]
        if self.name in HEADERS:
            texts[:2] = [delimiters.encoding_characters]
        return delimiters.field.join([self.name, *texts]).rstrip(delimiters.field)

    def _place(self, key: Key) -> tuple[int, int, int, int]:
        place = key if isinstance(key, tuple) else (key,)
        if not 1 <= len(place) <= 4 or min(place) < 1 or (self.name in HEADERS and place[0] < 3):
            raise ValueError(f"not a position to write in {self.name}: {key!r}")
        field, repetition, component, subcomponent = (*place, 1, 1, 1)[:4]
        return field, repetition, component, subcomponent

    def _tree(self) -> dict[int, dict[int, dict[int, dict[int, str]]]]:
        tree: dict[int, dict[int, dict[int, dict[int, str]]]] = {}
        for (field, repetition, component, subcomponent), text in self._leaves.items():
            branch = tree.setdefault(field, {}).setdefault(repetition, {}).setdefault(component, {})
            branch[subcomponent] = text
        return tree

    def _field(self, repetitions: dict[int, dict[int, dict[int, str]]]) -> str:
        delimiters = self._notation.delimiters
        texts = {
            number: _join(
                {component: _join(leaves, delimiters.subcomponent) for component, leaves in components.items()},
                delimiters.component,
            )
            for number, components in repetitions.items()
        }
        return _join(texts, delimiters.repetition)


class MessageBuilder:
    """A message being written, in the order its segments are asked for."""

    def __init__(self, charset: str = "UNICODE UTF-8", delimiters: Delimiters = DEFAULT_DELIMITERS) -> None:
        """`charset` is an MSH-18 value; writing it into MSH-18 is the caller's choice. Raises ValueError if unknown."""
        codec = codec_of(charset)
        if codec is None:
            raise ValueError(f"not a character set of HL7 table 0211: {charset!r}")
        self.notation = Notation(delimiters, codec)
        self.segments: list[SegmentBuilder] = []

    def segment(self, name: str) -> SegmentBuilder:
        """Add a segment at the end. MSH gets its first two fields by itself."""
        segment = SegmentBuilder(name, self.notation)
        self.segments.append(segment)
        return segment

    def render(self) -> bytes:
        """The message, every segment ended by CR."""
        return encode("".join(segment.render() + "\r" for segment in self.segments), self.notation.codec)


def _join(parts: dict[int, str], delimiter: str) -> str:
    if not parts:
        return ""
    if len(parts) > 1 and not delimiter:
        raise ValueError("these delimiters cannot write repeated or composite values")
    return delimiter.join(parts.get(number, "") for number in range(1, max(parts) + 1))
