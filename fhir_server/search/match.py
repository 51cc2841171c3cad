"""Whether one resource meets a query, in memory.

The SQL of `storage.select` must agree; a property test holds the two together.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import Entry, entries
from fhir_server.search.facets import FACETS, found
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
    Query,
    ReverseChain,
    Span,
    Target,
    Text,
    Token,
    Uri,
    Value,
)
from fhir_server.search.positions import square
from fhir_server.search.trees import PARENTS

Resource = dict[str, Any]
#: Finds a resource by type and id; None for what does not exist or must not be seen.
Resolve = Callable[[str, str], Resource | None]
#: Every resource of a type that may be seen, for `_has`.
Every = Callable[[str], Iterable[Resource]]


def matches(query: Query, resource: Resource, resolve: Resolve, every: Every = lambda _type: ()) -> bool:
    """Whether the resource meets all criteria of the query."""
    return all(_meets(clause, resource, resolve, every) for clause in query.criteria)


def _meets(clause: Clause, resource: Resource, resolve: Resolve, every: Every) -> bool:
    if isinstance(clause, Chain):
        pointed = (resolve(*entry) for entry in entries(clause.parameter, resource) if entry[0] == clause.target)
        return any(found is not None and _meets(clause.clause, found, resolve, every) for found in pointed)
    if isinstance(clause, ReverseChain):
        here = (clause.type, resource["id"])
        return any(
            here in entries(clause.parameter, source) and _meets(clause.clause, source, resolve, every)
            for source in every(clause.source)
        )
    if isinstance(clause, AnyOf):
        return any(_meets(one, resource, resolve, every) for one in clause.clauses)
    if isinstance(clause, Branches):
        wanted = _tree(clause, resolve, every)
        return any(entry[0] == clause.target and entry[1] in wanted for entry in entries(clause.parameter, resource))
    return _fits(clause, resource)


def _tree(clause: Branches, resolve: Resolve, every: Every) -> list[str]:
    """The ids asked for, and all that is below or above them."""
    partof = parameters(clause.target)[PARENTS[clause.target]]
    found = list(dict.fromkeys(clause.ids))
    for id_ in found:
        if clause.is_below:
            near = [it["id"] for it in every(clause.target) if (clause.target, id_) in entries(partof, it)]
        else:
            here = resolve(clause.target, id_)
            near = [other for type_name, other in entries(partof, here or {}) if type_name == clause.target]
        found += [other for other in dict.fromkeys(near) if other not in found]
    return found


def _fits(criterion: Criterion, resource: Resource) -> bool:
    if criterion.modifier in FACETS:
        return _fits_any(criterion, found(criterion.modifier, criterion.parameter, resource))
    here = entries(criterion.parameter, resource)
    if criterion.modifier == "missing":
        is_missing = not here
        if criterion.parameter.kind == "reference":
            is_missing = is_missing and not found("identifier", criterion.parameter, resource)
        return Absence(is_missing) in criterion.values
    if criterion.modifier == "not":
        return not _fits_any(criterion, here)
    return _fits_any(criterion, here)


def _fits_any(criterion: Criterion, here: Iterable[Entry]) -> bool:
    wanted = [(_TESTS[type(value)], value) for value in criterion.values]
    return any(test(criterion.modifier, value, entry) for entry in here for test, value in wanted)


def _token(_modifier: str, token: Token, entry: Entry) -> bool:
    system, code = entry
    return token.system in (None, system) and token.code in (None, code)


def _span(_modifier: str, span: Span, entry: Entry) -> bool:
    low, high = entry
    return _DATE_TESTS[span.prefix](low, high, span)


def _text(modifier: str, text: Text, entry: Entry) -> bool:
    folded, exact = entry
    if modifier == "exact":
        return bool(text.exact == exact)
    return text.folded in folded if modifier == "contains" else bool(folded.startswith(text.folded))


def _target(_modifier: str, target: Target, entry: Entry) -> bool:
    type_name, id_ = entry
    return target.type in (None, type_name) and target.id == id_


def _uri(_modifier: str, uri: Uri, entry: Entry) -> bool:
    return (uri.value,) == entry


def _branch(_modifier: str, branch: Branch, entry: Entry) -> bool:
    (value,) = entry
    return bool(value == branch.value or value.startswith(f"{branch.value}/"))


def _parts(_modifier: str, parts: Parts, entry: Entry) -> bool:
    return all(
        any(_TESTS[type(value)]("", value, one) for one in here)
        for value, here in zip(parts.values, entry, strict=True)
    )


def _amount(_modifier: str, amount: Amount, entry: Entry) -> bool:
    value, system, code, unit = entry
    is_unit = amount.code in (None, code) or (amount.system is None and amount.code == unit)
    return amount.system in (None, system) and is_unit and _NUMBER_TESTS[amount.prefix](value, amount)


def _circle(_modifier: str, circle: Circle, entry: Entry) -> bool:
    return square(entry, circle.point) <= circle.reach * circle.reach


_TESTS: dict[type[Value], Callable[..., bool]] = {
    Token: _token,
    Span: _span,
    Text: _text,
    Target: _target,
    Uri: _uri,
    Branch: _branch,
    Amount: _amount,
    Circle: _circle,
    Parts: _parts,
}

#: A stored span (low, high) against the one searched, both half open.
_DATE_TESTS: dict[str, Callable[[int, int, Span], bool]] = {
    "eq": lambda low, high, span: span.low <= low < span.high and high <= span.high,
    "ne": lambda low, high, span: not (span.low <= low < span.high and high <= span.high),
    "gt": lambda low, high, span: high > span.high,
    "lt": lambda low, high, span: low < span.low,
    "ge": lambda low, high, span: high > span.low,
    "le": lambda low, high, span: low < span.high,
    "sa": lambda low, high, span: low >= span.high,
    "eb": lambda low, high, span: high <= span.low,
    "ap": lambda low, high, span: low < span.high and high > span.low,
}

_NUMBER_TESTS: dict[str, Callable[[float, Amount], bool]] = {
    "eq": lambda value, amount: amount.low <= value < amount.high,
    "ne": lambda value, amount: not amount.low <= value < amount.high,
    "gt": lambda value, amount: value > amount.value,
    "lt": lambda value, amount: value < amount.value,
    "ge": lambda value, amount: value >= amount.value,
    "le": lambda value, amount: value <= amount.value,
    "sa": lambda value, amount: value > amount.value,
    "eb": lambda value, amount: value < amount.value,
    "ap": lambda value, amount: amount.low <= value <= amount.high,
}
