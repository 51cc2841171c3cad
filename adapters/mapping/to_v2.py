"""Resources to a message: what an event tells a partner that speaks HL7 v2. Pure: bytes come out, nothing is sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters.hl7v2.build import MessageBuilder, SegmentBuilder
from adapters.hl7v2.location import Location, location
from adapters.mapping.cell import CellError, Use
from adapters.mapping.cells_out import CELLS_OUT, Field, Out
from adapters.mapping.conditions import Test, compile_when, parse
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import OutboundPlan, Row, SegmentPlan, Tables
from fhir_server.kernel import paths
from fhir_server.kernel.errors import Category, fault

Json = dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """A compiled outbound row."""

    row: Row
    cell: Out
    use: Use
    place: Location
    when: Test | None


def to_v2(
    event: str, resources: Mapping[str, Json], tables: Tables, feed: FeedMapping, *, control_id: str, now: datetime
) -> bytes:
    """The message that tells of `event` (`appointment-booked`), in the feed's character set and zone.

    `resources` holds by reference (`Appointment/1`) the resource the event is about, the only one of its type, and
    those it refers to. Raises FhirError: EVENT_NOT_SUPPORTED for an event without plan, STRUCTURE without such a
    resource, VALUE for an element that cannot be told in HL7 v2.
    """
    plan = tables.outbound_plan(event)
    if plan is None:
        raise fault(Category.EVENT_NOT_SUPPORTED, f"There is no outbound plan for the event {event}.")
    focus = next((body for body in resources.values() if body["resourceType"] == plan.focus), None)
    if focus is None:
        raise fault(Category.STRUCTURE, f"The event {event} came without its {plan.focus}.")
    builder = MessageBuilder(feed.charset)
    scope = _scope(plan, event, focus, resources, feed, control_id, now)
    for segment, steps, when in _compiled(tables, plan):
        for number, local in enumerate(_instances(segment, focus, resources), 1):
            values = scope | local | {"segment": {"number": str(number)}}
            if when is None or when(values):
                _write(builder.segment(segment.name), steps, values, feed)
    return builder.render()


def _scope(
    plan: OutboundPlan,
    event: str,
    focus: Json,
    resources: Mapping[str, Json],
    feed: FeedMapping,
    control_id: str,
    now: datetime,
) -> Json:
    """What rows may read: the focus and the first resource of each type it names, the feed, the message."""
    message_type, _, trigger = plan.events[event].partition("^")
    first: Json = {}
    for body in _referred(focus, resources):
        first.setdefault(body["resourceType"], body)
    own = {name: getattr(feed, name) for name in ("application", "facility", "charset")}
    other = {name: getattr(feed, name) for name in ("receiving_application", "receiving_facility")}
    message = {"type": message_type, "trigger": trigger, "structure": plan.structure, "version": plan.version}
    return first | {plan.focus: focus, "feed": own | other, "message": message | {"control_id": control_id, "now": now}}


def _referred(focus: Json, resources: Mapping[str, Json]) -> Iterator[Json]:
    references = paths.read(focus, "participant.actor.reference")
    yield from (resources[reference] for reference in references if reference in resources)


def _instances(segment: SegmentPlan, focus: Json, resources: Mapping[str, Json]) -> Iterator[Json]:
    """What each segment of the plan adds to the scope: the item, and the resource it refers to."""
    if not segment.each:
        yield {}
        return
    for item in paths.read(focus, segment.each):
        if not segment.reference:
            yield {"item": item}
            continue
        body = resources.get(paths.first(item, f"{segment.reference}.reference") or "")
        if body is not None and body["resourceType"] == segment.type:
            yield {"item": item, segment.type: body}


@lru_cache(maxsize=64)
def _compiled(tables: Tables, plan: OutboundPlan) -> tuple[tuple[SegmentPlan, tuple[_Step, ...], Test | None], ...]:
    return tuple(
        (segment, tuple(_step(tables, row) for row in tables.rows[segment.table].rows), _when(segment.when))
        for segment in plan.segments
    )


def _step(tables: Tables, row: Row) -> _Step:
    name, _, argument = row.cell.partition(":")
    use = Use(tuple(tables.codes[name] for name in row.codes), argument, row.origin)
    return _Step(row, CELLS_OUT[name], use, location(row.target), _when(row.when))


def _when(text: str) -> Test | None:
    return compile_when(parse(text), lambda path: lambda values: paths.first(values, path))


def _write(segment: SegmentBuilder, steps: tuple[_Step, ...], values: Json, feed: FeedMapping) -> None:
    written: set[str] = set()
    for step in steps:
        if step.row.target in written or (step.when is not None and not step.when(values)):
            continue
        try:
            fields = [field for field in _fields(step, values, feed) if field]
        except CellError as error:
            raise fault(error.category, f"{step.row.origin}: {error}.", step.row.source) from None
        for repetition, field in enumerate(fields, 1):
            _put(segment, step.place, repetition, field)
        if fields:
            written.add(step.row.target)


def _fields(step: _Step, values: Json, feed: FeedMapping) -> list[Field]:
    source, cell = step.row.source, step.cell
    found = [source[1:-1]] if source.startswith("'") else paths.read(values, source)
    if not found:
        return []
    if cell.takes == "list":
        return [cell.function(found, step.use, feed)]
    if cell.takes == "each":
        return [cell.function(value, step.use, feed) for value in found]
    made = cell.function(found[0], step.use, feed)
    return made if cell.takes == "repeat" else [made]


def _put(segment: SegmentBuilder, place: Location, repetition: int, field: Field) -> None:
    if isinstance(field, str):
        segment[place.field, repetition, place.component or 1, place.subcomponent or 1] = field
        return
    for component, piece in enumerate(field or [], 1):
        for subcomponent, leaf in enumerate([piece] if not isinstance(piece, list) else piece, 1):
            segment[place.field, repetition, component, subcomponent] = leaf
