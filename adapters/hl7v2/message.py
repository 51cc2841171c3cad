"""A message as a loss-free tree over its text, split only where somebody looks (HL7 2.5 section 2.7).

Positions count from 1, as in the standard. Nothing is refused or dropped for standing where the standard does not
expect it: unknown segments, surplus components and odd orders stay readable. A position that is absent and one that is
empty read as None, an explicit null (`""`) reads as `NULL`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from adapters.hl7v2.escape import Delimiters, Notation
from adapters.hl7v2.field import NULL as NULL
from adapters.hl7v2.field import Delimiting, Field, Repetition, nth, text_of
from adapters.hl7v2.location import Location, location, position

#: Segments whose first two fields define the delimiters.
HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})

#: Fields of type FT and TX that people write prose into: an unescaped `^` or `&` there is text, not structure.
FREE_TEXT: Final = frozenset(
    {("NTE", 3), ("TQ1", 10), ("TQ1", 11), ("ERR", 7), ("ERR", 8), ("DSP", 3), ("OVR", 3), ("SFT", 5), ("PES", 7)}
)


class Segment:
    """One segment: `raw` without its terminator, `end` the terminator (and blank lines) that followed it."""

    __slots__ = ("_fields", "end", "name", "notation", "raw")

    def __init__(self, raw: str, notation: Notation, end: str = "\r") -> None:
        self.raw = raw
        self.end = end
        self.notation = notation
        #: Text before the first field separator, in capitals: three characters unless the sender erred.
        self.name = raw.partition(notation.delimiters.field)[0].strip().upper()
        self._fields: list[str] | None = None

    def __repr__(self) -> str:
        return f"<Segment {self.name[:3]} of {len(self.fields) - 1} fields>"

    @property
    def fields(self) -> Sequence[str]:
        """Raw text of every field; index 0 holds the name, so that indices are the standard's."""
        if self._fields is None:
            separator = self.notation.delimiters.field
            self._fields = self.raw.split(separator)
            if self.name in HEADERS:
                self._fields.insert(1, separator)
        return self._fields

    def raw_field(self, number: int) -> str:
        """Raw text of a field, empty when it is absent."""
        fields = self.fields
        return fields[number] if number < len(fields) else ""

    def __getitem__(self, number: int) -> Field:
        kind = Delimiting if number < 3 and self.name in HEADERS else Field
        return kind(self.raw_field(number), self.notation)

    def get(self, path: str) -> str | None:
        """Text at a position of this segment: `segment.get("3[2].4.2")`; see `Message.get`."""
        return self.read(position(path))

    def read(self, place: Location) -> str | None:
        """Text at `place` (its segment is taken to be this one)."""
        raw = self.raw_field(place.field)
        if not raw:
            return None
        if place.field < 3 and self.name in HEADERS:
            return raw
        delimiters = self.notation.delimiters
        raw = nth(raw, delimiters.repetition, place.repetition)
        if place.component or (self.name, place.field) not in FREE_TEXT:
            raw = nth(raw, delimiters.component, place.component or 1)
            raw = nth(raw, delimiters.subcomponent, place.subcomponent or 1)
        return text_of(raw, self.notation)

    def with_field(self, number: int, raw: str) -> "Segment":
        """This segment with another raw text in one field. Raises ValueError for text that would not stay one field."""
        separator = self.notation.delimiters.field
        if separator in raw or "\r" in raw or "\n" in raw or (number < 3 and self.name in HEADERS):
            raise ValueError("the raw text of a field may not hold delimiters of fields or segments")
        fields = [*self.fields, *[""] * (number + 1 - len(self.fields))]
        fields[number] = raw
        if self.name in HEADERS:
            del fields[1]
        return Segment(separator.join(fields), self.notation, self.end)


class Message:
    """A parsed message. Never changed: `with_segments` makes another one."""

    __slots__ = ("_by_name", "notation", "prefix", "segments", "source", "warnings")

    def __init__(
        self,
        segments: Iterable[Segment],
        notation: Notation,
        *,
        prefix: bytes = b"",
        warnings: Sequence[str] = (),
        source: bytes | None = None,
    ) -> None:
        self.segments = list(segments)
        self.notation = notation
        #: Byte order mark and blanks before MSH.
        self.prefix = prefix
        #: What was odd about the character set, as codes of `encoding`.
        self.warnings = list(warnings)
        #: The bytes this message was parsed from; None for one that was changed since.
        self.source = source
        self._by_name: dict[str, list[Segment]] | None = None

    @property
    def delimiters(self) -> Delimiters:
        return self.notation.delimiters

    @property
    def charset(self) -> str:
        """The Python codec this message is written in."""
        return self.notation.codec

    def __getitem__(self, path: str) -> str | None:
        return self.get(path)

    def get(self, path: str) -> str | None:
        """Text at a position: None when absent or empty, NULL for an explicit null.

        Where the path stops early the first component and subcomponent are read, as the standard asks of a receiver
        that expects a simpler type; fields of prose (`FREE_TEXT`) read whole. Raises ValueError for a malformed path.
        """
        place = location(path)
        found = self.segments_named(place.segment)
        return found[place.index - 1].read(place) if place.index <= len(found) else None

    def all(self, path: str) -> list[Repetition]:
        """The repetitions of a field that are not empty, in the order sent: `message.all("PID-3")`."""
        place = location(path)
        found = self.segments_named(place.segment)
        if place.index > len(found):
            return []
        return [repetition for repetition in found[place.index - 1][place.field].repetitions if repetition]

    def segments_named(self, name: str) -> list[Segment]:
        """Every segment of that name, wherever it stands."""
        if self._by_name is None:
            self._by_name = {}
            for segment in self.segments:
                self._by_name.setdefault(segment.name, []).append(segment)
        return self._by_name.get(name, [])

    def groups(self, leader: str) -> list[list[Segment]]:
        """The message from each segment named `leader` up to the next one (or the end)."""
        return list(self._groups(leader))

    def following(self, segment: Segment, *names: str) -> list[Segment]:
        """The unbroken run of segments of those names right after `segment`: the NTE of an AIS."""
        start = next(index for index, other in enumerate(self.segments) if other is segment) + 1
        end = start
        while end < len(self.segments) and self.segments[end].name in names:
            end += 1
        return self.segments[start:end]

    def with_segments(self, segments: Iterable[Segment]) -> "Message":
        """The same message with other segments."""
        return Message(segments, self.notation, prefix=self.prefix, warnings=self.warnings)

    @property
    def text(self) -> str:
        """The decoded text, as received, from MSH on."""
        return "".join(segment.raw + segment.end for segment in self.segments)

    def _groups(self, leader: str) -> Iterator[list[Segment]]:
        group: list[Segment] = []
        for segment in self.segments:
            if segment.name == leader:
                if group:
                    yield group
                group = [segment]
            elif group:
                group.append(segment)
        if group:
            yield group
