"""The shape of a query: all that its SQL text depends on, apart from the values that are bound to it.

Queries of one shape share one statement. A shape is a tuple of strings and numbers; the values come in the order in
which `storage.select_clauses` takes them. Lists are bound as one value, so that their length is no part of the shape.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from fhir_server.registry.model import SearchParameter
from fhir_server.search.extract import components
from fhir_server.search.facets import FACETS
from fhir_server.search.model import (
    Absence,
    Amount,
    AnyOf,
    Branch,
    Branches,
    Chain,
    Circle,
    Clause,
    Criterion,
    Parts,
    Position,
    Query,
    ReverseChain,
    Span,
    Target,
    Text,
    Token,
    Uri,
)
from fhir_server.storage.tables import LITERAL_CODES

Shape = tuple[Any, ...]
Described = tuple[Shape, list[Any]]

#: Follows every string that starts with a prefix, in code point order.
_LAST = "\U0010ffff"
#: Of a calculation on the unit sphere: six millimetres on the ground.
_ROUNDING = 1e-9
_WILDCARDS = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


def describe(query: Query) -> Described:
    """The shape of the criteria, and the values to bind."""
    return describe_clauses(query.criteria)


def describe_clauses(clauses: Iterable[Clause]) -> Described:
    """As `describe`, of some criteria."""
    return _together(_clause(clause) for clause in clauses)


def describe_position(position: Position | None) -> tuple[Shape | None, list[Any]]:
    """The shape of a page's start: which sort keys have a value there."""
    if position is None:
        return None, []
    known = [key for key in position.keys if key is not None]
    return tuple(key is not None for key in position.keys), [*known, position.pk]


def _clause(clause: Clause) -> Described:
    if isinstance(clause, Chain):
        shape, binds = _clause(clause.clause)
        return ("chain", clause.type, clause.parameter.code, clause.target, shape), binds
    if isinstance(clause, ReverseChain):
        shape, binds = _clause(clause.clause)
        return ("has", clause.type, clause.source, clause.parameter.code, shape), binds
    if isinstance(clause, AnyOf):
        shapes, binds = _together(_clause(one) for one in clause.clauses)
        return ("any", clause.type, shapes), binds
    if isinstance(clause, Branches):
        return ("tree", clause.type, clause.parameter.code, clause.target, clause.is_below), [list(clause.ids)]
    return _criterion(clause)


def _criterion(criterion: Criterion) -> Described:
    parameter = criterion.parameter
    groups, binds = _GROUPS[type(criterion.values[0])](parameter, criterion.modifier, criterion.values)
    return ("criterion", criterion.type, parameter.code, criterion.modifier, groups), binds


def _absences(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    asked = {cast(Absence, value).is_missing for value in values}
    return tuple(sorted(asked)), []


def _tokens(parameter: SearchParameter, modifier: str, values: Sequence[Any]) -> Described:
    """Groups: ("code",) any system · ("pair",) one system · ("system",) any code · ("literal", code)."""
    if parameter.column and modifier not in FACETS:
        return _column_tokens(parameter, values)
    by_system: dict[str | None, list[str | None]] = {}
    for value in cast(Sequence[Token], values):
        by_system.setdefault(value.system, []).append(value.code)
    groups: list[Described] = []
    for system, codes in by_system.items():
        if system is None:
            groups.append(_listed("code", codes))
        elif None in codes:
            groups.append((("system",), [system]))
        else:
            (_, many), binds = _listed("pair", codes)
            groups.append((("pair", many), [system, *binds]))
    return _together(groups)


def _column_tokens(parameter: SearchParameter, values: Sequence[Any]) -> Described:
    """A column keeps the code only: its system is the parameter's."""
    fitting = [value for value in cast(Sequence[Token], values) if value.system in (None, parameter.system)]
    if any(value.code is None for value in fitting):
        return (("any",),), []
    codes = [value.code for value in fitting]
    if len(codes) == 1 and codes[0] in LITERAL_CODES.get(parameter.column, ()):
        return (("literal", codes[0]),), []
    return _together([_listed("code", codes)]) if codes else ((), [])


def _targets(parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    """Groups: ("id",) any type · ("typed",) one type."""
    by_type: dict[str | None, list[str]] = {}
    for value in cast(Sequence[Target], values):
        if not parameter.column:
            by_type.setdefault(value.type, []).append(value.id)
        elif not value.type or value.type in parameter.targets:
            by_type.setdefault(None, []).append(value.id)
    groups: list[Described] = []
    for type_name, ids in by_type.items():
        (form, many), binds = _listed("id" if type_name is None else "typed", ids)
        groups.append(((form, many), binds if type_name is None else [type_name, *binds]))
    return _together(groups)


def _spans(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    return _together(((value.prefix,), [value.low, value.high]) for value in cast(Sequence[Span], values))


def _texts(_parameter: SearchParameter, modifier: str, values: Sequence[Any]) -> Described:
    if modifier == "exact":
        return _together((("exact",), [value.folded, value.exact]) for value in cast(Sequence[Text], values))
    if modifier == "contains":
        patterns = (f"%{value.folded.translate(_WILDCARDS)}%" for value in cast(Sequence[Text], values))
        return _together((("contains",), [pattern]) for pattern in patterns)
    return _together((("start",), [value.folded, value.folded + _LAST]) for value in cast(Sequence[Text], values))


def _uris(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    return _together([_listed("value", [value.value for value in cast(Sequence[Uri], values)])])


def _branches(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    stems = [value.value for value in cast(Sequence[Branch], values)]
    return _together((("branch",), [stem, f"{stem}/", f"{stem}/{_LAST}"]) for stem in stems)


def _composites(parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    """A group holds the groups of its components."""
    made_of = components(parameter)
    return _together(
        _together(_GROUPS[type(part)](one, "", (part,)) for one, part in zip(made_of, value.values, strict=True))
        for value in cast(Sequence[Parts], values)
    )


def _amounts(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    groups: list[Described] = []
    for value in cast(Sequence[Amount], values):
        has_system, has_code = value.system is not None, value.code is not None
        units = [part for part in (value.system, value.code) if part is not None]
        groups.append(((value.prefix, has_system, has_code), [value.value, value.low, value.high, *units]))
    return _together(groups)


def _circles(_parameter: SearchParameter, _modifier: str, values: Sequence[Any]) -> Described:
    groups: list[Described] = []
    for value in cast(Sequence[Circle], values):
        x, y, z = value.point
        # Wide enough that rounding keeps nothing out that is near.
        far = value.reach + _ROUNDING
        box = [bound for axis in (z, x, y) for bound in (axis - far, axis + far)]
        groups.append((("circle",), [*box, x, y, z, value.reach * value.reach]))
    return _together(groups)


def _listed(form: str, values: Sequence[Any]) -> Described:
    """One value bound as itself, several as one list."""
    return ((form, False), [values[0]]) if len(values) == 1 else ((form, True), [list(values)])


def _together(described: Any) -> Described:
    shapes, binds = [], []
    for shape, values in described:
        shapes.append(shape)
        binds.extend(values)
    return tuple(shapes), binds


_GROUPS: dict[type, Callable[[SearchParameter, str, Sequence[Any]], Described]] = {
    Absence: _absences,
    Token: _tokens,
    Target: _targets,
    Span: _spans,
    Text: _texts,
    Uri: _uris,
    Branch: _branches,
    Parts: _composites,
    Amount: _amounts,
    Circle: _circles,
}
