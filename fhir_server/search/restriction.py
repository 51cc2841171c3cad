"""Scopes that hold for some resources of a type alone (`system/Slot.rs?status=free`), as criteria of searches.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

from fhir_server.kernel.actor import Actor, Restriction
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry import ins
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.match import matches
from fhir_server.search.model import AnyOf, Branches, Chain, Clause, Criterion, Parts, Query, ReverseChain, Token, Value
from fhir_server.search.query import MAX_CRITERIA, parse

Pairs = tuple[tuple[str, str], ...]


def applied(query: Query, actor: Actor) -> Query:
    """The query, kept to what the actor's scopes let it search.

    Raises FhirError (FORBIDDEN) for a chain through a type that it may search in part only: a chain tells of them all;
    and for a national health identity that it may not read: what is found tells whose it is.
    """
    if not actor.reads_ins and any(map(_asks_for_ins, query.criteria)):
        raise fault(
            Category.FORBIDDEN,
            f"A search by national health identity needs the scope {ins.SCOPE}.",
            headers={"WWW-Authenticate": f'Bearer realm="fhir", error="insufficient_scope", scope="{ins.SCOPE}"'},
        )
    if not actor.restrictions:
        return query
    for type_name in _passed_by(query.criteria):
        if _alternatives(actor, type_name, "s"):
            raise _forbidden(type_name, "s")
    added = clauses(query.type, _alternatives(actor, query.type, "s"))
    return replace(query, criteria=(*query.criteria, *added)) if added else query


def shows(actor: Actor, type_name: str, content: Mapping[str, Any], letter: str = "r") -> bool:
    """Whether the actor's scopes let it do what a letter stands for with this resource of a type they name."""
    asked = clauses(type_name, _alternatives(actor, type_name, letter))
    return all(matches(_of(type_name, clause), dict(content), lambda _type, _id: None) for clause in asked)


def require(actor: Actor, type_name: str, content: Mapping[str, Any], letter: str) -> None:
    """Raise FhirError (FORBIDDEN) unless `shows`."""
    if actor.restrictions and not shows(actor, type_name, content, letter):
        raise _forbidden(type_name, letter)


def require_whole(actor: Actor, type_name: str, letter: str) -> None:
    """Raise FhirError (FORBIDDEN) when the actor's scopes let it do this with some of the type only."""
    if actor.restrictions and _alternatives(actor, type_name, letter):
        raise _forbidden(type_name, letter)


def is_whole(actor: Actor, type_name: str, letter: str) -> bool:
    """Whether no scope narrows the letter for the type."""
    return not (actor.restrictions and _alternatives(actor, type_name, letter))


def problem(restrictions: tuple[Restriction, ...]) -> str | None:
    """What is wrong with the searches of some scopes, that could be said before they are used."""
    try:
        for one in restrictions:
            for letter in one.letters:
                clauses(one.type, _pairs_of(restrictions, one.type, letter))
    except FhirError as error:
        return str(error)
    return None


@lru_cache(maxsize=256)
def clauses(type_name: str, alternatives: tuple[Pairs, ...]) -> tuple[Clause, ...]:
    """Clauses that are all met by what meets every parameter of one of the alternatives; none, when there are none.

    Raises FhirError: for parameters that cannot be read, NOT_SUPPORTED_TYPE for a type not served, TOO_COSTLY for more
    combinations than a search has criteria.
    """
    if not alternatives:
        return ()
    if type_name not in RESOURCES:
        raise fault(Category.NOT_SUPPORTED_TYPE, "A scope restricts a type that is not served.")
    count = 1
    for pairs in alternatives:
        count *= len(pairs)
    if count > MAX_CRITERIA // 2:
        raise fault(Category.TOO_COSTLY, f"The restricted scopes of {type_name} combine in too many ways.")
    # (a and b) or c is (a or c) and (b or c).
    return tuple(_either(type_name, chosen) for chosen in product(*alternatives))


def _either(type_name: str, pairs: Pairs) -> Clause:
    names = {name for name, _ in pairs}
    if len(names) == 1:
        return _read(type_name, names.pop(), ",".join(dict.fromkeys(value for _, value in pairs)))
    return AnyOf(type_name, tuple(_read(type_name, name, value) for name, value in dict.fromkeys(pairs)))


def _read(type_name: str, name: str, value: str) -> Clause:
    criteria = parse(type_name, ((name, value),), strict=True).criteria
    if len(criteria) != 1:
        raise fault(Category.INVALID, "A scope is restricted by a parameter without a value.", name)
    return criteria[0]


def _of(type_name: str, clause: Clause) -> Query:
    return replace(_bare(type_name), criteria=(clause,))


@lru_cache(maxsize=64)
def _bare(type_name: str) -> Query:
    return parse(type_name, ())


def _alternatives(actor: Actor, type_name: str, letter: str) -> tuple[Pairs, ...]:
    return _pairs_of(actor.restrictions, type_name, letter)


def _pairs_of(restrictions: tuple[Restriction, ...], type_name: str, letter: str) -> tuple[Pairs, ...]:
    return tuple(one.pairs for one in restrictions if one.type == type_name and letter in one.letters)


def _passed_by(criteria: tuple[Clause, ...]) -> Iterator[str]:
    for clause in criteria:
        if isinstance(clause, AnyOf):
            yield from _passed_by(clause.clauses)
        elif isinstance(clause, Branches):
            yield clause.target
        elif isinstance(clause, Chain | ReverseChain):
            yield clause.target if isinstance(clause, Chain) else clause.source
            yield from _passed_by((clause.clause,))


def _asks_for_ins(clause: Clause) -> bool:
    if isinstance(clause, AnyOf):
        return any(map(_asks_for_ins, clause.clauses))
    if isinstance(clause, Chain | ReverseChain):
        return _asks_for_ins(clause.clause)
    return isinstance(clause, Criterion) and any(map(_is_ins, clause.values))


def _is_ins(value: Value) -> bool:
    if isinstance(value, Parts):
        return any(map(_is_ins, value.values))
    return isinstance(value, Token) and ins.is_asked(value.system, value.code or "")


def _forbidden(type_name: str, letter: str) -> FhirError:
    return fault(
        Category.FORBIDDEN,
        f"The access token allows {type_name}.{letter} for some resources only, and this is not one of them.",
        headers={"WWW-Authenticate": f'Bearer realm="fhir", error="insufficient_scope", scope="{type_name}.{letter}"'},
    )
