"""Searches over several types: of the whole server (`?_type=…`) and of a compartment (`Patient/1/*`).

One Query for each type, alike but for its criteria; `storage.select` merges what they find. Only parameters that every
type has are open to them. https://www.hl7.org/fhir/R4/http.html#search and compartmentdefinition.html
"""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.compartments import COMPARTMENTS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import common_parameters, parameters
from fhir_server.search.model import AnyOf, Clause, Criterion, Query, Target, Token
from fhir_server.search.query import ELSEWHERE, RESULT_PARAMETERS, parse

Pairs = Sequence[tuple[str, str]]


def parse_across(
    types: Sequence[str],
    pairs: Pairs,
    *,
    strict: bool = False,
    base_url: str = "",
    now_ms: int | None = None,
    compartment: tuple[str, str] | None = None,
) -> tuple[Query, ...]:
    """The searches, one a type and at least one, that a search over `types` stands for; `_type` says which of them.

    `compartment` (type, id) keeps to what belongs to it. Raises FhirError as `query.parse` does, and INVALID for
    parameters that not every type has.
    """
    named, warnings = _named(pairs, strict)
    wanted = [name for name in types if named is None or name in named]
    kept = [("_type", ",".join(wanted))] if named is not None and wanted else []
    rest = [pair for name, text in pairs if name != "_type" for pair in _common(name, text, strict, warnings)]
    path = "" if compartment is None else f"{'/'.join(compartment)}/*"
    # A search over no type at all is one that nothing meets.
    nothing = {} if wanted else {types[0]: AnyOf(types[0], ())}
    queries: list[Query] = []
    for name in wanted or types[:1]:
        within = nothing.get(name) or (None if compartment is None else membership(*compartment, name))
        query = parse(name, rest, strict=strict, base_url=base_url, now_ms=now_ms, path=path, within=within)
        queries.append(replace(query, honoured=(*kept, *query.honoured), warnings=(*warnings, *query.warnings)))
    return tuple(queries)


def named_types(pairs: Pairs) -> list[str]:
    """The types served that `_type` names."""
    return [name for key, text in pairs if key == "_type" for name in text.split(",") if name in RESOURCES]


def compartment_types(compartment: str) -> tuple[str, ...]:
    """The types that may belong to a compartment of that type. Raises FhirError (NOT_FOUND) when there is none."""
    if compartment not in COMPARTMENTS:
        raise _absent(f"{compartment} has no compartment.")
    return tuple(name for name in RESOURCES if name in COMPARTMENTS[compartment] or name == compartment)


def membership(compartment: str, id_: str, type_name: str) -> Clause:
    """What makes a resource of a type belong to the compartment; what the compartment is about belongs to it too.

    Raises FhirError (NOT_FOUND) for a type that never does.
    """
    if type_name not in compartment_types(compartment):
        raise _absent(f"{type_name} does not belong to compartments of {compartment}.")
    found = parameters(type_name)
    codes = COMPARTMENTS[compartment].get(type_name, ())
    clauses = [Criterion(type_name, found[code], "", (Target(compartment, id_),)) for code in codes]
    if type_name == compartment:
        clauses.append(Criterion(type_name, found["_id"], "", (Token(None, id_),)))
    return AnyOf(type_name, tuple(clauses))


def _named(pairs: Pairs, strict: bool) -> tuple[frozenset[str] | None, list[str]]:
    """The types that `_type` asks for, None for all; and what was not understood. Repeats must all be met."""
    lists = [frozenset(text.split(",")) for name, text in pairs if name == "_type"]
    if not lists:
        return None, []
    if any(not all(names) for names in lists):
        raise fault(Category.VALUE, "_type must be a list of resource types.", "_type")
    unknown = frozenset.union(*lists) - RESOURCES.keys()
    if unknown and strict:
        raise fault(Category.INVALID, "_type names a resource type that is not served here.", "_type")
    return frozenset.intersection(*lists), ["_type names a type not served here, which was ignored."] if unknown else []


def _common(name: str, text: str, strict: bool, warnings: list[str]) -> Pairs:
    """The pair, when it means the same for every type."""
    code = name.partition(":")[0]
    if code == "_sort":
        items = text.split(",")
        able = [item for item in items if item.removeprefix("-") in common_parameters()]
        if len(able) < len(items):
            reason = "Sorting over several types is possible by what every type has; other keys were ignored."
            if strict:
                raise fault(Category.INVALID, reason, "_sort")
            warnings.append(reason)
        return [(name, ",".join(able))]
    is_criterion = code not in RESULT_PARAMETERS and code not in ELSEWHERE and code not in common_parameters()
    if is_criterion and (code == "_has" or any(code.partition(".")[0] in parameters(other) for other in RESOURCES)):
        raise fault(Category.INVALID, "Over several types only parameters that every type has can be used.", name[:100])
    return [(name, text)]


def _absent(diagnostics: str) -> FhirError:
    return fault(Category.NOT_FOUND, diagnostics)
