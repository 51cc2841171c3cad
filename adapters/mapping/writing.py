"""Write segments by rows: elements of resources, or fields of the message answered, into leaves. Pure.

A `from` is an element path (`Appointment.start`), a `'literal'`, or `request.` and an HL7 path (`request.MFE-4`): a
field of the message that is being answered.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from adapters.hl7v2.build import SegmentBuilder
from adapters.hl7v2.location import Location, location
from adapters.hl7v2.message import NULL, Message, Segment
from adapters.mapping.cell import CellError, Use
from adapters.mapping.cells_out import CELLS_OUT, Field, Out
from adapters.mapping.conditions import Test, compile_when, parse
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import AnswerPlan, OutboundPlan, Row, SegmentPlan, Tables
from adapters.mapping.versions import ANY, Room, has_place, has_segment, room
from fhir_server.kernel import paths
from fhir_server.kernel.errors import fault

Json = dict[str, Any]
#: `values -> what stands there`, in order.
Reader = Callable[[Json], list[Any]]

#: What a `from` that reads the message answered starts with.
REQUEST = "request."


@dataclass(frozen=True, slots=True)
class Request:
    """The message answered, as rows see it."""

    message: Message
    #: The segment that the one being written is made for; others are the first of their name.
    current: Segment | None = None

    def segment(self, name: str) -> Segment | None:
        """The segment of that name to read."""
        if self.current is not None and self.current.name == name:
            return self.current
        return next(iter(self.message.segments_named(name)), None)


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A compiled row."""

    row: Row
    cell: Out
    use: Use
    place: Location
    read: Reader
    when: Test | None
    #: What the version written in lets stand there.
    room: Room = ANY


@dataclass(frozen=True, eq=False, slots=True)
class CompiledSegment:
    """A segment of a plan with its rows; without rows it is a copy of the one answered."""

    plan: SegmentPlan
    steps: tuple[Step, ...]
    when: Test | None


@lru_cache(maxsize=256)
def compiled(tables: Tables, plan: OutboundPlan | AnswerPlan, version: str = "") -> tuple[CompiledSegment, ...]:
    """The segments of a plan, ready to write; with a version, what that version has no room for is left out."""
    return tuple(
        CompiledSegment(
            segment,
            tuple(_steps(tables, segment.table, version)) if segment.table else (),
            _when(segment.when),
        )
        for segment in plan.segments
        if not version or has_segment(version, plan.structure, segment.name)
    )


def _steps(tables: Tables, table: str, version: str) -> Iterator[Step]:
    for row in tables.rows[table].rows:
        if not version:
            yield _step(tables, row)
        elif has_place(version, row.target):
            yield replace(_step(tables, row), room=room(version, row.target))


def instances(segment: SegmentPlan, focus: Json, resources: Mapping[str, Json]) -> Iterator[Json]:
    """What each segment of the plan adds to the values: the item, and the resource it refers to."""
    if not segment.each:
        yield {}
        return
    holder = referred(focus, resources).get(segment.of, {}) if segment.of else focus
    for item in paths.read(holder, segment.each):
        if not segment.type:
            yield {"item": item}
            continue
        path = f"{segment.reference}.reference" if segment.reference else "reference"
        body = resources.get(paths.first(item, path) or "")
        if body is not None and body["resourceType"] == segment.type:
            # What it refers to itself is meant too: the practitioner of a role.
            yield referred(body, resources) | {"item": item, segment.type: body}


def referred(focus: Json, resources: Mapping[str, Json]) -> Json:
    """By type, the first resource of each that the focus refers to."""
    first: Json = {}
    for reference in references(focus):
        if reference in resources:
            first.setdefault(resources[reference]["resourceType"], resources[reference])
    return first


def references(resource: Any) -> Iterator[str]:
    """The literal references in a resource, in document order."""
    if isinstance(resource, list):
        for item in resource:
            yield from references(item)
    elif isinstance(resource, dict):
        for name, value in resource.items():
            if name == "reference" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def write(segment: SegmentBuilder, steps: tuple[Step, ...], values: Json, feed: FeedMapping) -> None:
    """Write a segment. Of rows for one target the first that gives something counts.

    Raises FhirError (VALUE) for an element that cannot be told in HL7 v2.
    """
    written: set[str] = set()
    for step in steps:
        if step.row.target in written or (step.when is not None and not step.when(values)):
            continue
        try:
            fields = [field for field in _fields(step, values, feed) if field]
        except CellError as error:
            raise fault(error.category, f"{step.row.origin}: {error}.", step.row.source) from None
        for repetition, field in enumerate(fields[: step.room.repetitions], 1):
            _put(segment, step, repetition, field)
        if fields:
            written.add(step.row.target)


def _step(tables: Tables, row: Row) -> Step:
    name, _, argument = row.cell.partition(":")
    use = Use(tuple(tables.codes[name] for name in row.codes), argument, row.origin)
    cell = CELLS_OUT[name]
    return Step(row, cell, use, location(row.target), _reader(row.source, cell), _when(row.when))


def _reader(source: str, cell: Out) -> Reader:
    if source.startswith("'"):
        return lambda values: [source[1:-1]]
    if not source.startswith(REQUEST):
        return lambda values: paths.read(values, source)
    place = location(source.removeprefix(REQUEST))
    if cell.takes == "field":
        return lambda values: _whole(values["request"], place)
    return lambda values: _leaf(values["request"], place)


def _leaf(request: Request, place: Location) -> list[Any]:
    segment = request.segment(place.segment)
    text = None if segment is None else segment.read(place)
    return [] if text is None or text is NULL else [text]


def _whole(request: Request, place: Location) -> list[Any]:
    segment = request.segment(place.segment)
    return [] if segment is None or not segment.raw_field(place.field) else [segment[place.field]]


def _when(text: str) -> Test | None:
    return compile_when(parse(text), _condition_reader)


def _condition_reader(path: str) -> Callable[[Json], Any]:
    if not path.startswith(REQUEST):
        return lambda values: paths.first(values, path)
    place = location(path.removeprefix(REQUEST))
    return lambda values: next(iter(_leaf(values["request"], place)), None)


def _fields(step: Step, values: Json, feed: FeedMapping) -> list[Field]:
    cell = step.cell
    found = step.read(values)
    if not found:
        return []
    if cell.takes == "list":
        return [cell.function(found, step.use, feed)]
    if cell.takes == "each":
        return [cell.function(value, step.use, feed) for value in found]
    made = cell.function(found[0], step.use, feed)
    return made if cell.takes in ("repeat", "field") else [made]


def _put(segment: SegmentBuilder, step: Step, repetition: int, field: Field) -> None:
    place = step.place
    if isinstance(field, str):
        segment[place.field, repetition, place.component or 1, place.subcomponent or 1] = field
        return
    for component, piece in enumerate((field or [])[: step.room.components], 1):
        for subcomponent, leaf in enumerate([piece] if not isinstance(piece, list) else piece, 1):
            segment[place.field, repetition, component, subcomponent] = leaf
