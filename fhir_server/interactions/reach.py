"""What a search reaches beyond its own type, held against what the client may do.

A chain tells something of the resources it passes, and an include brings them along: a scope for the type searched
allows neither. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from fhir_server.kernel.errors import FhirError
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.model import AnyOf, Branches, Chain, Clause, Include, Query, ReverseChain

#: Raises FhirError (FORBIDDEN) unless the client may do what a letter of `cruds` stands for with a type.
AccessCheck = Callable[[str, str], None]


def within(query: Query, access_check: AccessCheck) -> Query:
    """The query with only those includes that the client may read, and a warning that names those left out.

    Raises FhirError (FORBIDDEN) for a chain through a type that the client may not search.
    """
    for type_name in chained(query):
        access_check(type_name, "s")
    includes: list[Include] = []
    left_out: list[str] = []
    for include in query.includes:
        allowed = list(_allowed(include, access_check))
        includes += allowed
        if not allowed:
            left_out.append(f"{include.source}:{include.code}")
    warnings = [f"Left out, since the scopes do not reach what they bring along: {', '.join(left_out)}."]
    return replace(query, includes=tuple(includes), warnings=(*query.warnings, *(warnings if left_out else ())))


def chained(query: Query) -> Iterator[str]:
    """The types that the chains of a query pass."""
    for clause in query.criteria:
        yield from _passed(clause)


def _passed(clause: Clause) -> Iterator[str]:
    if isinstance(clause, AnyOf):
        for one in clause.clauses:
            yield from _passed(one)
    elif isinstance(clause, Branches):
        yield clause.target
    elif isinstance(clause, Chain | ReverseChain):
        yield clause.target if isinstance(clause, Chain) else clause.source
        yield from _passed(clause.clause)


def _allowed(include: Include, access_check: AccessCheck) -> Iterator[Include]:
    if include.is_reverse:
        if allows(access_check, include.source, "r"):
            yield include
        return
    targets = [include.target] if include.target else _targets(include)
    allowed = [target for target in targets if allows(access_check, target, "r")]
    if allowed == targets:
        yield include
    else:
        yield from (replace(include, target=target) for target in allowed)


def allows(access_check: AccessCheck, type_name: str, letter: str) -> bool:
    """Whether the client may do what a letter of `cruds` stands for with a type."""
    try:
        access_check(type_name, letter)
    except FhirError:
        return False
    return True


def _targets(include: Include) -> list[str]:
    return [name for name in parameters(include.source)[include.code].targets or RESOURCES if name in RESOURCES]
