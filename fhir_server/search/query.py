"""From the parameters of a search to a Query. Pure: the same parameters always mean the same.

Unknown parameters are ignored with a warning, or refused when the client asks for strict handling; modifiers and values
that cannot be honoured are always refused. https://www.hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fhir_server.kernel.clock import system_clock
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search import cursor
from fhir_server.search.clauses import UnknownParameterError, lookup, read_clause
from fhir_server.search.includes import read_includes
from fhir_server.search.model import Clause, Criterion, Include, Query, SortKey
from fhir_server.search.values import Frame

DEFAULT_COUNT, MAX_COUNT = 50, 1000
#: Criteria, sort keys and include directives that one search may have.
MAX_CRITERIA, MAX_SORT_KEYS, MAX_INCLUDES = 64, 5, 64

#: Kinds whose values have an order.
SORTABLE = frozenset({"date", "number", "quantity", "string", "token", "uri"})

#: Parameters that can have one meaning only.
_SINGLE = ("_count", "_total", "_summary", "_cursor")

#: Parameters of every interaction, which the web floor answers to.
ELSEWHERE = frozenset({"_format", "_pretty"})


@dataclass
class _Draft:
    """A query while its parameters are read one by one."""

    type: str
    path: str
    is_strict: bool
    frame: Frame
    criteria: list[Clause] = field(default_factory=list)
    sort: list[SortKey] = field(default_factory=list)
    count: int = DEFAULT_COUNT
    total: str = "none"
    includes: list[Include] = field(default_factory=list)
    summary: str = ""
    elements: tuple[str, ...] = ()
    cursor: str = ""
    honoured: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def ignore(self, diagnostics: str, name: str) -> None:
        """Leave a parameter out and say so, or refuse it when handling is strict."""
        if self.is_strict:
            raise fault(Category.INVALID, diagnostics, name[:100])
        self.warnings.append(f"{diagnostics} It was ignored.")


def parse(
    type_name: str,
    pairs: Sequence[tuple[str, str]],
    *,
    strict: bool = False,
    base_url: str = "",
    now_ms: int | None = None,
    path: str | None = None,
    within: Clause | None = None,
) -> Query:
    """The search that `pairs`, decoded from a URL or form, ask of a type.

    `base_url` lets absolute references to this server be known as local; `now_ms` is the present, for the prefix `ap`.
    `path` is the address below the base when it is not the type, and `within` what that address alone asks for.
    Raises FhirError (INVALID, VALUE; TOO_COSTLY beyond this module's limits) with the parameter's name as expression.
    """
    frame = Frame(base_url, system_clock() if now_ms is None else now_ms)
    draft = _Draft(type_name, type_name if path is None else path, strict, frame, [] if within is None else [within])
    check_single(pairs, _SINGLE)
    for name, text in pairs:
        if text and name not in ELSEWHERE:
            RESULT_PARAMETERS.get(name.partition(":")[0], _read_criterion)(draft, name, text)
    directives = [name for name, _ in draft.honoured if name.partition(":")[0] in ("_include", "_revinclude")]
    if len(draft.criteria) > MAX_CRITERIA or len(directives) > MAX_INCLUDES:
        raise fault(Category.TOO_COSTLY, f"A search has at most {MAX_CRITERIA} criteria and {MAX_INCLUDES} includes.")
    return _finish(draft)


def check_single(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> None:
    """Raise FhirError (INVALID) for one of `names` that is given several values: any choice could be the wrong one."""
    for name in names:
        if len({text for other, text in pairs if other == name and text}) > 1:
            raise fault(Category.INVALID, f"{name} is given more than once, with different values.", name)


def query_identity(query: Query) -> str:
    """What binds a cursor to its query."""
    return cursor.identity(query.path, query.honoured)


def _finish(draft: _Draft) -> Query:
    _check_view(draft)
    sort = tuple(draft.sort) or _default_sort(draft)
    return Query(
        type=draft.type,
        criteria=tuple(draft.criteria),
        sort=sort,
        count=draft.count,
        total=draft.total,
        includes=tuple(dict.fromkeys(draft.includes)),
        cursor=draft.cursor,
        asked_ms=draft.frame.now_ms,
        honoured=tuple(draft.honoured),
        warnings=tuple(draft.warnings),
        path=draft.path,
        summary=draft.summary,
        elements=draft.elements,
    )


def _check_view(draft: _Draft) -> None:
    """https://www.hl7.org/fhir/R4/search.html#elements and #summary"""
    if draft.elements and (draft.summary or ("_summary", "count") in draft.honoured):
        raise fault(Category.INVALID, "_elements and _summary cannot be asked for together.", "_elements")
    if draft.summary == "text" and draft.includes:
        raise fault(Category.INVALID, "_summary=text cannot be asked for with includes.", "_summary")


def _default_sort(draft: _Draft) -> tuple[SortKey, ...]:
    """What changed since a time comes in the order of change; else the type's own order."""
    asks_for_changes = any(isinstance(it, Criterion) and it.parameter.code == "_lastUpdated" for it in draft.criteria)
    is_alone = draft.path.rpartition("/")[2] == draft.type
    own = RESOURCES[draft.type].default_sort if is_alone else ""
    code = "_lastUpdated" if asks_for_changes else own
    return (SortKey(parameters(draft.type)[code], False),) if code else ()


def _read_criterion(draft: _Draft, name: str, text: str) -> None:
    try:
        clause = read_clause(draft.type, name, text, draft.frame)
    except UnknownParameterError:
        draft.ignore(f"The search parameter {name[:100]} is not known here.", name)
        return
    if clause is not None:
        draft.criteria.append(clause)
        draft.honoured.append((name, text))


def _read_count(draft: _Draft, name: str, text: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault(Category.VALUE, "_count must be a whole number from 0 to 999999999.", "_count")
    draft.count = min(int(text), MAX_COUNT)
    if draft.count != int(text):
        draft.warnings.append(f"_count was lowered to {MAX_COUNT}, the most this server gives at once.")
    draft.honoured.append((name, str(draft.count)))


def _read_sort(draft: _Draft, name: str, text: str) -> None:
    kept: list[str] = []
    for item in text.split(","):
        try:
            parameter = lookup(draft.type, item.removeprefix("-"))
        except UnknownParameterError:
            draft.ignore(f"Sorting by {item[:100]} is not possible here.", "_sort")
            continue
        if parameter.kind not in SORTABLE:
            draft.ignore(f"Sorting by {item[:100]} is not possible: its values have no order.", "_sort")
            continue
        draft.sort.append(SortKey(parameter, item.startswith("-")))
        kept.append(item)
    if kept:
        draft.honoured.append((name, ",".join(kept)))
    if len(draft.sort) > MAX_SORT_KEYS:
        raise fault(Category.TOO_COSTLY, f"A search is sorted by at most {MAX_SORT_KEYS} keys.", "_sort")


def _read_include(draft: _Draft, name: str, text: str) -> None:
    draft.includes.extend(read_includes(draft.type, name, text))
    draft.honoured.append((name, text))


def _read_total(draft: _Draft, name: str, text: str) -> None:
    if text not in ("none", "estimate", "accurate"):
        raise fault(Category.VALUE, "_total must be none, estimate or accurate.", "_total")
    draft.total = text
    draft.honoured.append((name, text))


def _read_summary(draft: _Draft, name: str, text: str) -> None:
    if text not in ("true", "text", "data", "count", "false"):
        raise fault(Category.VALUE, "_summary must be true, text, data, count or false.", "_summary")
    if text == "count":
        draft.count = 0
    draft.summary = "" if text in ("count", "false") else text
    draft.honoured.append((name, text))


def _read_elements(draft: _Draft, name: str, text: str) -> None:
    draft.elements = tuple(
        dict.fromkeys((*draft.elements, *(part.strip() for part in text.split(",") if part.strip())))
    )
    draft.honoured.append((name, text))


def _read_cursor(draft: _Draft, _name: str, text: str) -> None:
    draft.cursor = text


def _read_contained(draft: _Draft, name: str, text: str) -> None:
    if text != "false":
        _refuse(draft, name, text)
    # Contained resources are never found by themselves: that is what was asked.
    draft.honoured.append((name, text))


def _refuse(_draft: _Draft, name: str, _text: str) -> None:
    raise fault(Category.INVALID, f"{name[:100]} is not supported.", name[:100])


#: Parameters about the answer rather than what is searched.
RESULT_PARAMETERS: dict[str, Callable[[_Draft, str, str], None]] = {
    "_count": _read_count,
    "_sort": _read_sort,
    "_include": _read_include,
    "_revinclude": _read_include,
    "_total": _read_total,
    "_summary": _read_summary,
    "_cursor": _read_cursor,
    "_elements": _read_elements,
    # Ignoring these would answer another question than the one asked.
    "_query": _refuse,
    "_filter": _refuse,
    "_contained": _read_contained,
    "_containedType": _refuse,
    "_text": _refuse,
    "_content": _refuse,
    "_list": _refuse,
}
