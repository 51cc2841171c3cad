"""Prove the tables before a message meets them: every path, cell, code table, condition and overlay row.

Problems read `feeds/hospital/SCH_Appointment.csv:start: what is wrong`.
"""

from collections.abc import Callable, Iterator

from adapters.hl7v2.definitions import path_exists, segment_definition
from adapters.mapping import elements, reading
from adapters.mapping.cells_in import CELLS
from adapters.mapping.cells_out import CELLS_OUT
from adapters.mapping.codes import DIRECTIONS
from adapters.mapping.compiled import forward, table_segment
from adapters.mapping.conditions import parse
from adapters.mapping.plans import (
    AnswerPlan,
    MessagePlan,
    OutboundPlan,
    Refusal,
    ResourcePlan,
    Row,
    SegmentPlan,
    Tables,
)
from adapters.mapping.writing import REQUEST
from fhir_server.kernel import paths
from fhir_server.validation.elements import elements as elements_of
from fhir_server.validation.elements import is_resource

_MODES = frozenset({"merge", "fill", "refer", "query"})
_UNKEYED = frozenset({"refuse", "warn", "skip", "allow"})
#: Roots of outbound paths that are no resource.
_SCOPE = {
    "feed": {"application", "facility", "charset", "receiving_application", "receiving_facility"},
    "message": {"type", "trigger", "structure", "version", "control_id", "now"},
    "segment": {"number"},
    "answer": {"code", "count", "told", "remaining", "pointer"},
}


def check(tables: Tables) -> list[str]:
    """What is wrong with the tables, nothing for tables that can be used."""
    problems = list(tables.problems)
    for plan in tables.inbound:
        found = list(_message_plan(tables, plan))
        # Rows that cannot be read cannot be followed.
        problems += found or _forward(tables, plan)
    for outbound in tables.outbound:
        problems += _outbound_plan(tables, outbound)
    for answer in tables.answers:
        problems += [*_outbound_plan(tables, answer), *_answer_plan(tables, answer)]
    for table in tables.codes.values():
        problems += [f"{row.origin}: no such direction" for row in table.rows if row.direction not in DIRECTIONS]
    return list(dict.fromkeys(problems + _doubled_triggers(tables)))


def _doubled_triggers(tables: Tables) -> list[str]:
    triggers = [(trigger, plan.origin) for plan in tables.inbound for trigger in plan.triggers]
    names = [trigger for trigger, _ in triggers]
    return [f"{origin}: {trigger} has two plans" for trigger, origin in triggers if names.count(trigger) > 1]


def _message_plan(tables: Tables, plan: MessagePlan) -> Iterator[str]:
    names = {resource.name for resource in plan.resources}
    named = (plan.replacing.file, plan.replacing.record) if plan.replacing else ()
    for path in (*plan.at, *named):
        yield from _hl7_path(plan.origin, path, plan.version)
    for name in plan.groups:
        if segment_definition(plan.version, name) is None:
            yield f"{plan.origin}: groups: there is no segment {name} in version {plan.version}"
    for refusal in plan.refuse:
        yield from _refusal(plan, refusal)
    for resource in plan.resources:
        origin = f"{plan.origin}:{resource.name}"
        yield from (f"{origin}: {text}" for text in _resource_plan(resource, plan))
        yield from _elements_of_plan(origin, resource)
        for table in resource.tables:
            if table not in tables.rows:
                yield f"{origin}: there is no table {table}"
                continue
            for row in tables.rows[table].rows:
                yield from _inbound_row(tables, row, resource.type, table_segment(table), plan.version, names)


def _refusal(plan: MessagePlan, refusal: Refusal) -> Iterator[str]:
    origin = f"{plan.origin}:refuse"
    if bool(refusal.several) == bool(refusal.when):
        yield f"{origin}: either `several` or `when`"
    paths = [refusal.at, refusal.several, *(clause.path for clause in parse(refusal.when))]
    yield from (text for path in paths if "-" in path for text in _hl7_path(origin, path, plan.version))
    unknown = sorted(refusal.triggers - plan.triggers)
    yield from (f"{origin}: {trigger} is no trigger of the plan" for trigger in unknown)


def _forward(tables: Tables, plan: MessagePlan) -> list[str]:
    early = forward(tables, plan)
    skipped = {resource.name for resource in plan.resources if {"skip", "warn"} & {*resource.unkeyed.values()}}
    return [
        f"{plan.origin}:{name}: an earlier resource refers to it, it may not be skipped" for name in early & skipped
    ]


def _resource_plan(resource: ResourcePlan, plan: MessagePlan) -> Iterator[str]:
    if not is_resource(resource.type):
        yield f"there is no resource type {resource.type}"
    if not {resource.mode, resource.mode_elsewhere} <= _MODES:
        yield f"a mode is one of {', '.join(sorted(_MODES))}"
    if not set(resource.unkeyed.values()) <= _UNKEYED or "*" not in resource.unkeyed:
        yield "`unkeyed` is `refuse`, `warn`, `skip` or `allow`, by trigger with `*` for all others"
    for name in (resource.each or "MSH", *resource.within):
        if segment_definition(plan.version, name) is None:
            yield f"there is no segment {name} in version {plan.version}"
    if resource.everywhere and not resource.by_element:
        yield "`everywhere` goes with `by_element`"
    yield from (f"{kind} in `distinct` is no key" for kind in resource.distinct if kind not in resource.keys)
    if resource.replaced and plan.replacing is None:
        yield "`replaced` needs the plan's `replacing`"
    if resource.only_known and resource.refuse_unseen:
        yield "`only_known` and `refuse_unseen` exclude each other"
    used = {*resource.triggers, *resource.refuse_unseen, *resource.defaults, *resource.initial, *resource.unkeyed}
    used |= {trigger for required in resource.required for trigger in required.triggers}
    used |= {trigger for keep in resource.keep for trigger in keep.triggers}
    used |= {trigger for editing in resource.editing for trigger in editing.triggers}
    yield from (f"{trigger} is no trigger of the plan" for trigger in sorted(used - plan.triggers - {"*"}))


def _elements_of_plan(origin: str, resource: ResourcePlan) -> Iterator[str]:
    named = [name for some in (*resource.defaults.values(), *resource.initial.values()) for name in some]
    named += [name for names in resource.together for name in names]
    named += [required.element for required in resource.required] + [keep.element for keep in resource.keep]
    named += [editing.element for editing in resource.editing] + [*resource.replaced]
    named += [name for names in resource.shell.values() for name in names]
    known = elements_of(resource.type)
    yield from (f"{origin}: {resource.type} has no element {name}" for name in named if name not in known)


def _inbound_row(
    tables: Tables, row: Row, type_name: str, current: str, version: str, names: set[str]
) -> Iterator[str]:
    cell = CELLS.get(row.cell.partition(":")[0])
    yield from _cell(tables, row, cell is not None, cell.tables if cell else 0, bool(cell and cell.has_argument))
    yield from _caught(row, lambda: list(_element_path(row.origin, row.target, type_name)))
    yield from _caught(row, lambda: list(_sources(row, row.source, version, names)))
    yield from _caught(
        row, lambda: [text for clause in parse(row.when) for text in _sources(row, clause.path, version, names)]
    )
    if cell is not None:
        yield from _caught(row, lambda: list(_fit(row, cell.takes, current)))


def _fit(row: Row, takes: str, current: str) -> Iterator[str]:
    """Whether what is read is what the cell takes."""
    sources = reading.parse(row.source)
    kinds = {source.kind for source in sources}
    if not sources or (takes != "texts" and len(sources) != 1):
        yield f"{row.origin}: the cell takes {'several paths' if takes == 'texts' else 'one path'}"
    elif takes == "label" and kinds != {"resource"}:
        yield f"{row.origin}: the cell takes a resource of the plan"
    elif takes in ("parts", "all", "texts") and kinds != {"path"}:
        yield f"{row.origin}: the cell takes HL7 paths"
    elif takes == "text" and not kinds <= {"path", "literal"}:
        yield f"{row.origin}: the cell takes an HL7 path or a literal"
    elif takes == "parts" and any(source.place and source.place.component for source in sources):
        yield f"{row.origin}: the cell takes a whole field"


def _sources(row: Row, text: str, version: str, names: set[str]) -> Iterator[str]:
    for source in reading.parse(text):
        if source.kind == "resource" and source.name not in names:
            yield f"{row.origin}: the plan has no resource {source.name}"
        elif source.kind == "segment" and segment_definition(version, source.name) is None:
            yield f"{row.origin}: there is no segment {source.name} in version {version}"
        elif source.kind in ("path", "field"):
            yield from _hl7_path(row.origin, source.text, version)


def _hl7_path(origin: str, path: str, version: str) -> Iterator[str]:
    if not path_exists(version, path):
        yield f"{origin}: version {version} has no {path}"


def _element_path(origin: str, path: str, type_name: str) -> Iterator[str]:
    for name, is_list, _ in elements.parse(path):
        element = elements_of(type_name).get(name)
        if element is None:
            yield f"{origin}: {type_name} has no element {name}"
            return
        if element.is_list != is_list:
            yield f"{origin}: {type_name}.{name} is {'a list' if element.is_list else 'no list'}"
            return
        type_name = element.type


def _cell(tables: Tables, row: Row, exists: bool, wanted: int, has_argument: bool) -> Iterator[str]:
    name, _, argument = row.cell.partition(":")
    if not exists:
        yield f"{row.origin}: there is no cell {name}"
        return
    if argument and not has_argument:
        yield f"{row.origin}: the cell {name} takes no argument"
    if len(row.codes) != wanted:
        yield f"{row.origin}: the cell {name} needs {wanted} code tables"
    yield from (f"{row.origin}: there is no code table {code}" for code in row.codes if code not in tables.codes)


def _answer_plan(tables: Tables, plan: AnswerPlan) -> Iterator[str]:
    """Whether each trigger it answers has a plan that makes what it tells of."""
    for trigger in sorted(plan.triggers):
        answered = tables.plan(trigger)
        if answered is None:
            yield f"{plan.origin}: {trigger} has no inbound plan"
            continue
        made = {resource.name for resource in answered.resources}
        yield from (
            f"{plan.origin}: the plan of {trigger} has no resource {name}"
            for name in plan.of.split()
            if name not in made
        )


def _outbound_plan(tables: Tables, plan: OutboundPlan | AnswerPlan) -> Iterator[str]:
    if plan.focus and not is_resource(plan.focus):
        yield f"{plan.origin}: there is no resource type {plan.focus}"
    for path in plan.follow if isinstance(plan, OutboundPlan) else ():
        type_name, _, element = path.partition(".")
        if element not in elements_of(type_name):
            yield f"{plan.origin}: follow: there is no {path}"
    for segment in plan.segments:
        if segment.of and not is_resource(segment.of):
            yield f"{plan.origin}:{segment.name}: there is no resource type {segment.of}"
        if segment.request and segment_definition(plan.version, segment.request) is None:
            yield f"{plan.origin}: there is no segment {segment.request} in version {plan.version}"
        if segment.request and not segment.table:
            continue
        if segment.table not in tables.rows:
            yield f"{plan.origin}:{segment.name}: there is no table {segment.table}"
            continue
        for row in tables.rows[segment.table].rows:
            yield from _outbound_row(tables, row, segment, plan)


def _outbound_row(tables: Tables, row: Row, segment: SegmentPlan, plan: OutboundPlan | AnswerPlan) -> Iterator[str]:
    cell = CELLS_OUT.get(row.cell.partition(":")[0])
    yield from _cell(tables, row, cell is not None, cell.tables if cell else 0, bool(cell and cell.has_argument))
    if not row.target.startswith(f"{segment.name}-"):
        yield f"{row.origin}: {row.target} is not in {segment.name}"
    yield from _caught(row, lambda: list(_hl7_path(row.origin, row.target, plan.version)))
    if not row.source.startswith("'"):
        yield from _caught(row, lambda: list(_scope_path(row.origin, row.source, segment, plan)))
    yield from _caught(
        row,
        lambda: [text for clause in parse(row.when) for text in _scope_path(row.origin, clause.path, segment, plan)],
    )


def _scope_path(origin: str, path: str, segment: SegmentPlan, plan: OutboundPlan | AnswerPlan) -> Iterator[str]:
    """Whether an outbound path exists: from a resource type, from `item`, or from what the scope holds beside them."""
    if path.startswith(REQUEST):
        yield from _hl7_path(origin, path.removeprefix(REQUEST), plan.version)
        return
    (root, _, _), *steps = paths.compile_path(path)
    if root in _SCOPE:
        if [name for name, _, _ in steps][:1] and steps[0][0] not in _SCOPE[root]:
            yield f"{origin}: there is no {path}"
        return
    if root == "item":
        steps = [*paths.compile_path(segment.each or "item"), *steps]
        root = segment.of or plan.focus
    elif not is_resource(root):
        yield f"{origin}: there is no {root} to read from"
        return
    for name, _, _ in steps:
        element = elements_of(root).get(name)
        if element is None:
            yield f"{origin}: {root} has no element {name}"
            return
        root = element.type


def _caught(row: Row, found: Callable[[], list[str]]) -> list[str]:
    """The problems of one column; a text that cannot be read at all is one."""
    try:
        return found()
    except ValueError as error:
        return [f"{row.origin}: {error}"]
