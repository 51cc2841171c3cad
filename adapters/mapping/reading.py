"""Read a message by the `from` column: HL7 paths (`SCH-11.4`), `'literals'` and resources of the plan (`@patient`).

A path without component reads the first one, as the standard asks of a receiver that expects a simpler type. Texts are
trimmed; what is absent, empty or null (`""`) inside a composite reads as None.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.hl7v2.escape import Notation
from adapters.hl7v2.location import Location, location
from adapters.hl7v2.message import FREE_TEXT, NULL, Message, Segment
from adapters.mapping.cell import Scope

#: `(current segment, scope) -> value`, None when there is nothing.
Reader = Callable[[Segment, Scope], Any]


class Part:
    """One repetition of a field, split into components."""

    __slots__ = ("components", "notation")

    def __init__(self, raw: str, notation: Notation) -> None:
        delimiter = notation.delimiters.component
        self.components = raw.split(delimiter) if delimiter else [raw]
        self.notation = notation


def part(piece: Part, component: int, subcomponent: int = 1) -> str | None:
    """The text of one leaf of a repetition, None when absent, empty or null."""
    components = piece.components
    if component > len(components):
        return None
    raw = components[component - 1]
    # Most are empty. Letters and digits alone hold no delimiter, escape or blank.
    if not raw:
        return None
    if raw.isalnum():
        return raw if subcomponent == 1 else None
    return _leaf(raw, subcomponent, piece.notation)


def authority(piece: Part, component: int) -> tuple[str | None, str | None, str | None]:
    """The parts of an HD in a component: name, universal id, kind of that."""
    components = piece.components
    raw = components[component - 1] if component <= len(components) else ""
    delimiter = piece.notation.delimiters.subcomponent
    if not raw or not delimiter or delimiter not in raw:
        return part(piece, component), None, None
    name, universal, kind = (*raw.split(delimiter, 3), "", "")[:3]
    return _leaf(name, 1, piece.notation), _leaf(universal, 1, piece.notation), _leaf(kind, 1, piece.notation)


def whole(piece: Part) -> str:
    """A repetition in one text, in the delimiters of the standard: `^^^^^D^^^^0192&CHART`; empty for nothing."""
    inner = piece.notation.delimiters.subcomponent
    components = ("&".join(raw.split(inner)) if inner else raw for raw in piece.components)
    return piece.notation.unescape("^".join(components).rstrip("^& ")).strip()


def _leaf(raw: str, subcomponent: int, notation: Notation) -> str | None:
    delimiters = notation.delimiters
    delimiter = delimiters.subcomponent
    if delimiter and delimiter in raw:
        pieces = raw.split(delimiter, subcomponent)
        raw = pieces[subcomponent - 1] if subcomponent <= len(pieces) else ""
    elif subcomponent > 1:
        return None
    if not raw or raw == '""':
        return None
    mark = delimiters.escape
    return (notation.unescape(raw) if mark and mark in raw else raw).strip() or None


@dataclass(frozen=True, slots=True)
class Source:
    """One word of a `from` cell. `kind` is `path`, `field`, `segment`, `resource` or `literal`."""

    kind: str
    #: The segment, the resource or the text.
    name: str
    place: Location | None = None
    #: As written.
    text: str = ""


def parse(text: str) -> tuple[Source, ...]:
    """The sources of a `from` cell. Raises ValueError for what is none."""
    if text.startswith("'") and text.endswith("'") and len(text) > 2:
        return (Source("literal", text[1:-1]),)
    return tuple(_source(word) for word in text.split())


def _source(word: str) -> Source:
    if word.startswith("@"):
        return Source("resource", word[1:])
    if len(word) == 3 and word.isalnum() and word.isupper():
        return Source("segment", word)
    if word.endswith(".*"):
        place = location(word[:-2])
        return Source("field", place.segment, place, word[:-2])
    place = location(word)
    return Source("path", place.segment, place, word)


def text_reader(source: Source, current: str) -> Reader:
    """Reads one text, NULL for an explicit null. `current` is the table's segment; others are found in the message."""
    if source.kind == "literal":
        return lambda segment, scope: source.name
    if source.kind == "resource":
        return lambda segment, scope: scope.label(source.name, segment)
    if source.kind == "segment":
        return lambda segment, scope: scope.named(source.name) or None
    assert source.place is not None
    read = _whole_field(source.place.field) if source.kind == "field" else _leaf_of_segment(source.place)
    if source.name == current:
        return read
    return _elsewhere(source.name, read)


def _elsewhere(name: str, read: Reader) -> Reader:
    def reader(segment: Segment, scope: Scope) -> Any:
        found = scope.message.segments_named(name) if scope.part is None else scope.part.named(name)
        return read(found[0], scope) if found else None

    return reader


def _whole_field(field: int) -> Reader:
    """What a field holds in any of its components; None for one of delimiters alone, and for a null."""

    def read(segment: Segment, scope: Scope) -> str | None:
        raw = segment.raw_field(field)
        held = raw.strip(segment.notation.delimiters.encoding_characters + " ") if raw else ""
        return held if held.strip('"') else None

    return read


def _leaf_of_segment(place: Location) -> Reader:
    field, component, subcomponent = place.field, place.component, place.subcomponent or 1
    is_prose = not component and (place.segment, field) in FREE_TEXT

    def read(segment: Segment, scope: Scope) -> str | None:
        fields = segment.fields
        raw = fields[field] if field < len(fields) else ""
        if not raw:
            return None
        if component < 2 and subcomponent == 1 and raw.isalnum():
            return raw
        notation = segment.notation
        if raw == '""':
            return NULL
        if is_prose:
            return notation.unescape(raw).strip() or None
        delimiters = notation.delimiters
        if delimiters.repetition and delimiters.repetition in raw:
            raw = raw[: raw.index(delimiters.repetition)]
        if delimiters.component and delimiters.component in raw:
            pieces = raw.split(delimiters.component, component or 1)
            raw = pieces[(component or 1) - 1] if (component or 1) <= len(pieces) else ""
        elif component > 1:
            return None
        return _leaf(raw, subcomponent, notation)

    return read


def parts(segment: Segment, field: int) -> list[Part]:
    """The repetitions of a field that hold something."""
    raw = segment.raw_field(field)
    if not raw:
        return []
    notation = segment.notation
    delimiter = notation.delimiters.repetition
    raws = raw.split(delimiter) if delimiter else [raw]
    return [Part(raw, notation) for raw in raws if raw and raw != '""']


def parts_reader(source: Source, current: str) -> Reader:
    """Reads the repetitions of a field, None when there are none, NULL for an explicit null."""
    assert source.place is not None
    field = source.place.field

    def read(segment: Segment, scope: Scope) -> Any:
        fields = segment.fields
        if field >= len(fields) or not fields[field]:
            return None
        key = id(segment), field
        found = scope.read.get(key)
        if found is None:
            # Several rows read one field: the identifier, the name and the display of a person.
            found = scope.read[key] = NULL if fields[field] == '""' else parts(segment, field)
        return found

    if source.name == current:
        return read
    return _elsewhere(source.name, read)


def all_reader(source: Source) -> Reader:
    """Reads the texts of one path in every segment of its name, None when there are none."""
    assert source.place is not None
    read = _leaf_of_segment(source.place)

    def reader(segment: Segment, scope: Scope) -> list[str] | None:
        texts = [read(found, scope) for found in scope.named(source.name)]
        return [text for text in texts if text and text is not NULL] or None

    return reader


def texts_reader(sources: tuple[Source, ...], current: str) -> Reader:
    """Reads one text for each source, None when all are empty; nulls count as empty."""
    readers = [text_reader(source, current) for source in sources]

    def reader(segment: Segment, scope: Scope) -> tuple[str | None, ...] | None:
        texts = tuple(None if text is NULL else text for text in (read(segment, scope) for read in readers))
        return texts if any(texts) else None

    return reader


@lru_cache(maxsize=512)
def _first_location(at: str) -> str:
    name, _, number = at.partition("-")
    return f"{name}^1^{number}"


def location_text(message: Message, at: str, segment: Segment) -> str:
    """`SCH-2` as an HL7 location, `SCH^1^2`: in `segment` when that is one of the name, else in the first."""
    name, _, number = at.partition("-")
    same = message.segments_named(name)
    if len(same) < 2:
        return _first_location(at)
    return f"{name}^{next((count for count, other in enumerate(same, 1) if other is segment), 1)}^{number}"
