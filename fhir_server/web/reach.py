"""What a search reaches beyond its own type, held against the scopes of who asks.

A chain tells something of the resources it passes, and an include brings them along: a scope for the type searched
allows neither. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from collections.abc import Iterator
from dataclasses import replace

from fhir_server.auth.guard import Access
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.model import Chain, Clause, Include, Query, ReverseChain


def within(query: Query, access: Access) -> Query:
    """The query with only those includes that the scopes allow, a warning for each one left out.

    Raises FhirError (FORBIDDEN) for a chain through a type that the scopes do not let search.
    """
    for clause in query.criteria:
        for type_name in _chained(clause):
            access.require(type_name, "s")
    if not query.includes:
        return query
    includes: list[Include] = []
    warnings: list[str] = []
    for include in query.includes:
        allowed = list(_allowed(include, access))
        includes += allowed
        if not allowed:
            warnings.append(
                f"{include.source}:{include.code} is left out: the scopes do not reach what it brings along."
            )
    return replace(query, includes=tuple(includes), warnings=(*query.warnings, *warnings))


def _chained(clause: Clause) -> Iterator[str]:
    while isinstance(clause, Chain | ReverseChain):
        yield clause.target if isinstance(clause, Chain) else clause.source
        clause = clause.clause


def _allowed(include: Include, access: Access) -> Iterator[Include]:
    if include.is_reverse:
        if access.scopes.allows(include.source, "r"):
            yield include
        return
    targets = [include.target] if include.target else _targets(include)
    allowed = [target for target in targets if access.scopes.allows(target, "r")]
    if allowed == targets:
        yield include
    else:
        yield from (replace(include, target=target) for target in allowed)


def _targets(include: Include) -> list[str]:
    return [name for name in parameters(include.source)[include.code].targets or RESOURCES if name in RESOURCES]
