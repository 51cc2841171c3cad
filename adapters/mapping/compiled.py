"""Inbound tables turned into closures, once for each set of tables, so that a message costs microseconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from adapters.hl7v2.message import NULL, Segment
from adapters.mapping import plans, reading
from adapters.mapping.cell import Cell, CellError, Function, Scope, Use
from adapters.mapping.cells_in import CELLS
from adapters.mapping.conditions import Clause, Test, compile_when, parse, settle
from adapters.mapping.elements import Items, compile_target, element
from adapters.mapping.plans import Editing, Keep, MessagePlan, ResourcePlan, Row, Tables
from adapters.mapping.requests_in import Wishes, wishes
from fhir_server.kernel.errors import FhirError, fault

#: Applies one row: reads the segment, writes the scope's resource, adds nulled elements to the set.
Step = Callable[[Segment, Scope, Items, set[str]], None]


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A compiled segment table: of each row the field that must hold something (0: none), and the step."""

    segment: str
    steps: tuple[tuple[int, Step], ...]
    #: Of each step its row, and what of the row's condition is left to ask.
    rows: tuple[tuple[Row, tuple[Clause, ...]], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Resource:
    """A compiled resource plan for one trigger."""

    plan: ResourcePlan
    when: Test | None
    tables: tuple[Table, ...]
    defaults: Mapping[str, Any]
    initial: Mapping[str, Any]
    required: tuple[tuple[str, str, Test | None], ...]
    keep: tuple[tuple[str, Test | None], ...]
    unkeyed: str
    on_missing: str
    shell: tuple[str, ...]
    unless: Test | None
    wishes: Wishes | None
    #: By segment: the lists that it may change item by item, the field that says how, whether this trigger lets it.
    editing: Mapping[str, tuple[Editing, reading.Reader, bool]]


@dataclass(frozen=True, eq=False, slots=True)
class Replacing:
    """A compiled `plans.Replacing`."""

    whole: Test | None
    file: reading.Reader
    record: reading.Reader
    gone: Test | None


@dataclass(frozen=True, eq=False, slots=True)
class Programme:
    """Everything one trigger does."""

    plan: MessagePlan
    at: tuple[reading.Reader, ...]
    resources: tuple[Resource, ...]
    #: Names of resources that an earlier one refers to.
    forward: frozenset[str]
    #: Conditions under which the message is read as another trigger.
    read_as: tuple[tuple[Test | None, str], ...]
    replacing: Replacing | None
    #: What the message may not ask for: the condition, where it stands, what is told.
    refusals: tuple[tuple[Test | None, str, str], ...]


def programme(tables: Tables, trigger: str) -> Programme | None:
    """The compiled plan of a trigger, None when there is none. Raises ValueError or KeyError for what `check` finds."""
    try:
        return _programme(tables, trigger)
    except _UnplannedError:
        return None


class _UnplannedError(Exception):
    """No plan knows the trigger. Raised, since a result would be remembered, and senders may make up any number."""


@lru_cache(maxsize=512)
def _programme(tables: Tables, trigger: str) -> Programme:
    plan = tables.plan(trigger)
    if plan is None:
        raise _UnplannedError
    resources = tuple(
        _resource(tables, row, trigger) for row in plan.resources if not row.triggers or trigger in row.triggers
    )
    read_as = tuple((condition(row.when, "MSH"), row.trigger) for row in plan.read_as if trigger in row.triggers)
    at = tuple(leaf(path) for path in plan.at)
    refusals = tuple(
        (_several(row.several) if row.several else condition(row.when, "MSH"), row.at, row.text)
        for row in plan.refuse
        if not row.triggers or trigger in row.triggers
    )
    return Programme(plan, at, resources, forward(tables, plan), read_as, _replacing(plan.replacing), refusals)


def _several(path: str) -> Test:
    """Whether the segments of the name tell different texts there."""
    (source,) = reading.parse(path)
    read = reading.all_reader(source)

    def test(segment: Segment, scope: Scope) -> bool:
        return len(scope.named(source.name)) > 1 and len(set(read(segment, scope) or ())) > 1

    return test


def _replacing(plan: plans.Replacing | None) -> Replacing | None:
    if plan is None:
        return None
    (record,) = reading.parse(plan.record)
    number = reading.parts_reader(record, "")
    return Replacing(condition(plan.whole, "MSH"), leaf(plan.file), number, condition(plan.gone, ""))


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
    # What is told by a part has a leader of several names.
    current = plan.each or ("" if plan.within else "MSH")
    known = _known(trigger)
    return Resource(
        plan=plan,
        when=condition(plan.when, current, known),
        tables=tuple(_table(tables, name, trigger) for name in plan.tables),
        defaults={**plan.defaults.get("*", {}), **plan.defaults.get(trigger, {})},
        initial={**plan.initial.get("*", {}), **plan.initial.get(trigger, {})},
        required=tuple(
            (row.element, row.at, _unless(row.unless, current, known))
            for row in plan.required
            if not row.triggers or trigger in row.triggers
        ),
        keep=tuple(_keep(row, current) for row in plan.keep if not row.triggers or trigger in row.triggers),
        unkeyed=plan.unkeyed.get(trigger) or plan.unkeyed["*"],
        on_missing="error" if trigger in plan.refuse_unseen else "pass" if plan.only_known else "create",
        shell=plan.shell.get(trigger) or plan.shell.get("*", ()),
        unless=_unless(plan.unless, current, known),
        wishes=wishes(tables, plan.request, trigger),
        editing={
            row.by.partition("-")[0]: (row, leaf(row.by, row.by.partition("-")[0]), trigger in row.triggers)
            for row in plan.editing
        },
    )


def _keep(row: Keep, current: str) -> tuple[str, Test | None]:
    return row.element, condition(row.when, current)


def condition(text: str, current: str, known: Mapping[str, str] = MappingProxyType({})) -> Test | None:
    """The test of a condition, with what is known beforehand; None when it always holds."""
    clauses = settle(parse(text), known)
    if clauses is None:
        return lambda *scope: False
    return compile_when(clauses, lambda path: leaf(path, current))


def _unless(text: str, current: str, known: Mapping[str, str]) -> Test | None:
    """The test of a condition that stands against something; None when there is none."""
    return (condition(text, current, known) or (lambda *scope: True)) if text else None


def _known(trigger: str) -> Mapping[str, str]:
    """What conditions may ask about the message before it comes."""
    message_type, _, event = trigger.partition("^")
    return {"MSH-9.1": message_type, "MSH-9.2": event}


def leaf(path: str, current: str = "") -> reading.Reader:
    """What reads one text by a written path, in a table of the segment `current`."""
    (source,) = reading.parse(path)
    return reading.text_reader(source, current)


def _table(tables: Tables, name: str, trigger: str) -> Table:
    segment = table_segment(name)
    known = _known(trigger)
    rows = [(row, settle(parse(row.when), known)) for row in tables.rows[name].rows]
    live = tuple((row, clauses) for row, clauses in rows if clauses is not None)
    return Table(segment, tuple((_field(row, segment), _step(tables, row, segment, left)) for row, left in live), live)


def _field(row: Row, current: str) -> int:
    sources = reading.parse(row.source)
    place = sources[0].place
    return place.field if place is not None and len(sources) == 1 and place.segment == current else 0


def _step(tables: Tables, row: Row, current: str, clauses: tuple[Clause, ...]) -> Step:
    cell_name, _, argument = row.cell.partition(":")
    cell = CELLS[cell_name]
    use = Use(tuple(tables.codes[name] for name in row.codes), argument, row.origin)
    read = reader(cell, row, current)
    when = compile_when(clauses, lambda path: leaf(path, current))
    put, is_set = compile_target(row.target)
    top, is_list, takes_parts = element(row.target), row.target.endswith("]"), cell.takes == "parts"
    function, removes = cell.function, cell.removes
    # Most rows are simple: one value into an element of the resource itself.
    if row.target == top and not takes_parts and not removes:
        return _simple_step(row, top, when, read, function, use)

    def step(segment: Segment, scope: Scope, items: Items, cleared: set[str]) -> None:
        resource = scope.resource
        if not is_list and is_set(resource, items):
            return
        if when is not None and not when(segment, scope):
            return
        value = read(segment, scope)
        if value is None:
            return
        if value is NULL:
            cleared.add(top)
            return
        try:
            for item in value if takes_parts else (value,):
                made = function(item, use, scope)
                if made is None:
                    continue
                if removes:
                    cleared.update(made)
                    continue
                put(resource, items, made)
                if not is_list:
                    return
        except CellError as error:
            raise _located(error, row, scope) from None

    return step


def _simple_step(row: Row, name: str, when: Test | None, read: reading.Reader, function: Function, use: Use) -> Step:
    """The step of a row that writes one value into an element of the resource."""

    def step(segment: Segment, scope: Scope, items: Items, cleared: set[str]) -> None:
        resource = scope.resource
        if name in resource or (when is not None and not when(segment, scope)):
            return
        value = read(segment, scope)
        if value is None:
            return
        if value is NULL:
            cleared.add(name)
            return
        try:
            made = function(value, use, scope)
        except CellError as error:
            raise _located(error, row, scope) from None
        if made is not None:
            resource[name] = made

    return step


def reader(cell: Cell, row: Row, current: str) -> reading.Reader:
    """What reads a row's `from` for its cell, in a table of the segment `current`."""
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
    path = f"{place.segment}-{place.field}" if place is not None else ""
    at = reading.location_text(scope.message, path, scope.segment) if path else None
    return fault(error.category, f"{row.origin}: {error}.", at)
