"""Inbound tables turned into closures, once for each set of tables, so that a message costs microseconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.hl7v2.message import NULL, Message, Segment
from adapters.mapping import reading
from adapters.mapping.cell import Cell, CellError, Scope, Use
from adapters.mapping.cells_in import CELLS
from adapters.mapping.conditions import Clause, Test, compile_when, parse, settle
from adapters.mapping.elements import Items, compile_target, element
from adapters.mapping.plans import Keep, MessagePlan, ResourcePlan, Row, Tables
from fhir_server.kernel.errors import FhirError, fault

#: Applies one row: reads the segment, writes the scope's resource, adds nulled elements to the set.
Step = Callable[[Segment, Scope, Items, set[str]], None]


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A compiled segment table: of each row the field that must hold something (0: none), and the step."""

    segment: str
    steps: tuple[tuple[int, Step], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Resource:
    """A compiled resource plan for one trigger."""

    plan: ResourcePlan
    when: Test | None
    tables: tuple[Table, ...]
    defaults: Mapping[str, Any]
    initial: Mapping[str, Any]
    required: tuple[tuple[str, str], ...]
    keep: tuple[tuple[str, Test | None], ...]
    unkeyed: str
    on_missing: str


@dataclass(frozen=True, eq=False, slots=True)
class Programme:
    """Everything one trigger does."""

    plan: MessagePlan
    at: tuple[reading.Reader, ...]
    resources: tuple[Resource, ...]
    #: Names of resources that an earlier one refers to.
    forward: frozenset[str]


@lru_cache(maxsize=512)
def programme(tables: Tables, trigger: str) -> Programme | None:
    """The compiled plan of a trigger, None when there is none. Raises ValueError or KeyError for what `check` finds."""
    plan = tables.plan(trigger)
    if plan is None:
        return None
    resources = tuple(
        _resource(tables, row, trigger) for row in plan.resources if not row.triggers or trigger in row.triggers
    )
    return Programme(plan, tuple(_text(path) for path in plan.at), resources, forward(tables, plan))


def forward(tables: Tables, plan: MessagePlan) -> frozenset[str]:
    """The resources of a plan that rows of an earlier one, or of itself, refer to."""
    found: set[str] = set()
    seen: set[str] = set()
    for resource in plan.resources:
        rows = (row for name in resource.tables if name in tables.rows for row in tables.rows[name].rows)
        found |= {
            source.name for row in rows for source in reading.parse(row.source) if source.kind == "resource"
        } - seen
        seen.add(resource.name)
    return frozenset(found & {resource.name for resource in plan.resources})


def table_segment(name: str) -> str:
    """The segment of an inbound table: what stands before the first underscore of its name."""
    return name.partition("_")[0]


def _resource(tables: Tables, plan: ResourcePlan, trigger: str) -> Resource:
    current = plan.each or "MSH"
    return Resource(
        plan=plan,
        when=compile_when(parse(plan.when), lambda path: _text(path, current)),
        tables=tuple(_table(tables, name, trigger) for name in plan.tables),
        defaults={**plan.defaults.get("*", {}), **plan.defaults.get(trigger, {})},
        initial={**plan.initial.get("*", {}), **plan.initial.get(trigger, {})},
        required=tuple((row.element, row.at) for row in plan.required if not row.triggers or trigger in row.triggers),
        keep=tuple(_keep(row, current) for row in plan.keep if not row.triggers or trigger in row.triggers),
        unkeyed=plan.unkeyed.get(trigger) or plan.unkeyed["*"],
        on_missing="error" if trigger in plan.refuse_unseen else "create",
    )


def _keep(row: Keep, current: str) -> tuple[str, Test | None]:
    return row.element, compile_when(parse(row.when), lambda path: _text(path, current))


def _text(path: str, current: str = "") -> reading.Reader:
    (source,) = reading.parse(path)
    return reading.text_reader(source, current)


def _table(tables: Tables, name: str, trigger: str) -> Table:
    segment = table_segment(name)
    message_type, _, event = trigger.partition("^")
    known = {"MSH-9.1": message_type, "MSH-9.2": event}
    steps = []
    for row in tables.rows[name].rows:
        clauses = settle(parse(row.when), known)
        if clauses is not None:
            steps.append((_field(row, segment), _step(tables, row, segment, clauses)))
    return Table(segment, tuple(steps))


def _field(row: Row, current: str) -> int:
    sources = reading.parse(row.source)
    place = sources[0].place
    return place.field if place is not None and len(sources) == 1 and place.segment == current else 0


def _step(tables: Tables, row: Row, current: str, clauses: tuple[Clause, ...]) -> Step:
    cell_name, _, argument = row.cell.partition(":")
    cell = CELLS[cell_name]
    use = Use(tuple(tables.codes[name] for name in row.codes), argument, row.origin)
    read = _reader(cell, row, current)
    when = compile_when(clauses, lambda path: _text(path, current))
    put, is_set = compile_target(row.target)
    top, is_list, takes_parts = element(row.target), row.target.endswith("]"), cell.takes == "parts"
    function = cell.function

    def step(segment: Segment, scope: Scope, items: Items, cleared: set[str]) -> None:
        resource = scope.resource
        if not is_list and is_set(resource, items):
            return
        value = read(segment, scope)
        if value is None or (when is not None and not when(segment, scope)):
            return
        if value is NULL:
            cleared.add(top)
            return
        try:
            for item in value if takes_parts else (value,):
                made = function(item, use, scope)
                if made is not None:
                    put(resource, items, made)
                    if not is_list:
                        return
        except CellError as error:
            raise _located(error, row, scope) from None

    return step


def _reader(cell: Cell, row: Row, current: str) -> reading.Reader:
    sources = reading.parse(row.source)
    if cell.takes == "texts":
        return reading.texts_reader(sources, current)
    (source,) = sources
    if cell.takes == "parts":
        return reading.parts_reader(source, current)
    if cell.takes == "all":
        return reading.all_reader(source)
    return reading.text_reader(source, current)


def _located(error: CellError, row: Row, scope: Scope) -> FhirError:
    """The cell's fault as an error that names the table row and where the value stands: `SCH^1^11`."""
    place = next((source.place for source in reading.parse(row.source) if source.place is not None), None)
    at = None if place is None else location_text(scope.message, f"{place.segment}-{place.field}", scope.segment)
    return fault(error.category, f"{row.origin}: {error}.", at)


def location_text(message: Message, at: str, segment: Segment) -> str:
    """`SCH-2` as an HL7 location, `SCH^1^2`: in `segment` when that is one of the name, else in the first."""
    name, _, number = at.partition("-")
    same = enumerate(message.segments_named(name), 1)
    return f"{name}^{next((count for count, other in same if other is segment), 1)}^{number}"
