"""Watch a message being mapped: which row gave which element, and which rows met something and gave nothing.

The programme of the message is compiled a second time with steps that watch; what maps messages in earnest knows
nothing of it.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.hl7v2.message import NULL, Message, Segment
from adapters.mapping import compiled, elements, reading
from adapters.mapping.cell import Scope
from adapters.mapping.cells_in import CELLS
from adapters.mapping.compiled import Programme, Resource, Step, Table
from adapters.mapping.conditions import Clause, compile_when
from adapters.mapping.elements import Items
from adapters.mapping.feed import FeedMapping
from adapters.mapping.parts import Part
from adapters.mapping.plans import Row, Tables
from adapters.mapping.to_fhir import Translation, Translator, charset_warnings, programme_of, translate
from fhir_server.kernel.errors import FhirError
from fhir_server.kernel.upsert import Upsert

Json = dict[str, Any]

#: A line shows no more of a literal.
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Line:
    """What one row did, or one value of the plan."""

    #: Path of the element, with the numbers of list items from 0: `participant[1].actor`; empty when none was given.
    element: str
    #: Where it was read: number of the segment in the message and path, `2. SCH-11.4`; else as the row has it.
    source: str
    cell: str
    #: `inbound/SCH_Appointment.csv:start`
    origin: str
    value: Any = None
    #: Why nothing was given, or what else is to be known.
    remark: str = ""
    #: The item of a list of the resource that was written into.
    item: Any = None


@dataclass(slots=True)
class Making:
    """How one resource of a message came about."""

    resource: Resource
    #: The segment it was made of, as `2. SCH`.
    leader: str
    lines: list[Line] = field(default_factory=list)
    #: None when it was not made.
    label: str | None = None
    #: None of its own: an earlier resource is the same.
    upserts: tuple[Upsert, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """A message mapped under watch."""

    makings: tuple[Making, ...]
    #: None when the message was refused, by `error`.
    translation: Translation | None
    error: FhirError | None = None


def trace(message: Message, tables: Tables, feed: FeedMapping) -> Trace:
    """Map a message as `translate` does, and tell row by row how. What stops the message is in the trace."""
    watch: list[Making] = []
    try:
        programme = programme_of(message, tables, feed)
        if programme is None:
            return Trace((), translate(message, tables, feed))
        tracer = _Tracer(_watched(programme, watch), message, feed, charset_warnings(message), watch=watch)
        translation = tracer.translate()
    except FhirError as error:
        return Trace(tuple(watch), None, error)
    return Trace(tuple(watch), translation)


@dataclass(slots=True)
class _Tracer(Translator):
    """A translation that notes what each resource comes of."""

    #: What was made so far, the last one being under way.
    watch: list[Making] = field(default_factory=list)

    def make(self, resource: Resource, segment: Segment, part: Part | None, label: str) -> str | None:
        making = Making(resource, f"{_number(self.message, segment)}. {segment.name}")
        self.watch.append(making)
        count, origin = len(self.upserts), f"{self.programme.plan.origin}:{resource.plan.name}"
        making.label = Translator.make(self, resource, segment, part, label)
        making.upserts = tuple(self.upserts[count:])
        if making.upserts:
            body = content(making.upserts)
            making.lines = [_settled(line, body) for line in making.lines] + list(_of_plan(making, body, origin))
        return making.label


def content(upserts: tuple[Upsert, ...]) -> Json:
    """The resource that the upserts of one label would write where none is known."""
    body: Json = {}
    for upsert in upserts:
        body = upsert.resource | body if upsert.mode == "fill" else body | upsert.resource
        for edit in upsert.edits:
            if not edit.is_removal:
                body[edit.element] = [*body.get(edit.element, ()), edit.item]
    return body


def _watched(programme: Programme, watch: list[Making]) -> Programme:
    resources = (
        replace(resource, tables=tuple(_watched_table(table, watch) for table in resource.tables))
        for resource in programme.resources
    )
    return replace(programme, resources=tuple(resources))


def _watched_table(table: Table, watch: list[Making]) -> Table:
    pairs = zip(table.steps, table.rows, strict=True)
    steps = ((number, _watching(step, row, left, table.segment, watch)) for (number, step), (row, left) in pairs)
    return replace(table, steps=tuple(steps))


def _watching(step: Step, row: Row, left: tuple[Clause, ...], current: str, watch: list[Making]) -> Step:
    """The step of a row, which also notes in the making under way what the row did."""
    cell = CELLS[row.cell.partition(":")[0]]
    read = compiled.reader(cell, row, current)
    when = compile_when(left, lambda path: compiled.leaf(path, current))
    _, is_set = elements.compile_target(row.target)

    def watching(segment: Segment, scope: Scope, items: Items, cleared: set[str]) -> None:
        lines, source = watch[-1].lines, _places(row, current, segment, scope)
        is_late, value = is_set(scope.resource, items), read(segment, scope)
        is_meant = when is None or when(segment, scope)
        before, gone, warned = _there(row.target, scope.resource, items), set(cleared), len(scope.warnings)
        try:
            step(segment, scope, items, cleared)
        except FhirError as error:
            lines.append(Line("", source, row.cell, row.origin, value, f"refused: {error.issues[0].diagnostics}"))
            raise
        told = "; ".join(issue.diagnostics.removeprefix(f"{row.origin}: ") for issue in scope.warnings[warned:])
        given = list(_given(row.target, scope.resource, items, before))
        lines.extend(Line(path, source, row.cell, row.origin, made, told, item) for path, made, item in given)
        removed = ", ".join(sorted(cleared - gone))
        if not given and value is not None:
            remark = f"removes {removed}" if removed else told or _why(row, value, is_late, is_meant)
            lines.extend([Line("", source, row.cell, row.origin, None, remark)] if remark else [])

    return watching


def _why(row: Row, value: Any, is_late: bool, is_meant: bool) -> str:
    """Why a row that found something gave nothing; empty when what it found is always there."""
    if not is_meant:
        return "" if row.source[:1] in "'@" else f"not when {row.when}"
    if is_late:
        return f"{row.target} is given already"
    return "null: removed already" if value is NULL else "gives nothing"


def _there(target: str, resource: Json, items: Items) -> int:
    """How many stand at a path: the items of a list, or whether there is a value."""
    parent = elements.parent_of(target, resource, items)
    (*_, (name, is_list, _)) = elements.parse(target)
    if parent is None or name not in parent[1]:
        return 0
    return len(parent[1][name]) if is_list else 1


def _given(target: str, resource: Json, items: Items, before: int) -> Iterator[tuple[str, Any, Any]]:
    """The path of each new value at a target, the value, and the item of the resource's list that holds it."""
    found = elements.parent_of(target, resource, items)
    (*_, (name, is_list, _)) = elements.parse(target)
    if found is None or _there(target, resource, items) == before:
        return
    way, parent = found
    path = f"{way}.{name}".lstrip(".")
    values = list(enumerate(parent[name]))[before:] if is_list else [(-1, parent[name])]
    for number, value in values:
        written = f"{path}[{number}]" if is_list else path
        top, at = _top(written)
        # What other rows add to it later is theirs.
        yield written, deepcopy(value), resource[top][at] if at is not None else None


def _top(path: str) -> tuple[str, int | None]:
    """The element of the resource that a path begins with, and the number of its item."""
    name, bracket, number = path.partition(".")[0].rstrip("]").partition("[")
    return name, int(number) if bracket else None


def _settled(line: Line, body: Json) -> Line:
    """The line with the number that the item has in the end: what is told twice stands once, some is left out."""
    if not line.element:
        return line
    top, number = _top(line.element)
    if top not in body or (number is not None and line.item not in body[top]):
        return replace(line, element="", remark=f"{line.element} is left out")
    if number is None:
        return line
    rest = line.element.removeprefix(f"{top}[{number}]")
    return replace(line, element=f"{top}[{body[top].index(line.item)}]{rest}")


def _of_plan(making: Making, body: Json, origin: str) -> Iterator[Line]:
    """The elements that no row gave."""
    given = {_top(line.element)[0] for line in making.lines if line.element}
    for name, value in body.items():
        if name not in given and name != "resourceType":
            kind = "initial" if name in making.resource.initial else "defaults"
            remark = "for a new resource" if kind == "initial" else ""
            yield Line(name, "plan", kind, origin, value, remark)


def _places(row: Row, current: str, segment: Segment, scope: Scope) -> str:
    """Where a row reads: `2. SCH-11.4`; of another segment the first, or all for a cell that takes them all."""
    takes_all = CELLS[row.cell.partition(":")[0]].takes == "all"
    return ", ".join(_place(source, current, segment, scope, takes_all) for source in reading.parse(row.source))


def _place(source: reading.Source, current: str, segment: Segment, scope: Scope, takes_all: bool) -> str:
    if source.kind == "literal":
        return f"'{source.name}'" if len(source.name) < _LONGEST else f"'{source.name[:_LONGEST]}…'"
    if source.kind == "resource":
        return f"@{source.name}"
    named = scope.named(source.name)
    segments = named if takes_all else [segment] if source.name == current else named[:1]
    text = source.text or source.name
    return ", ".join(f"{_number(scope.message, one)}. {text}" for one in segments) or text


def _number(message: Message, segment: Segment) -> int:
    return next(number for number, one in enumerate(message.segments, 1) if one is segment)
