"""Searches over several types: of the whole server (`?_type=…`) and of a compartment (`Patient/1/*`).

One Query for each type, alike but for its criteria; `storage.select` merges what they find. Only parameters that every
type searched has are open to them. https://www.hl7.org/fhir/R4/http.html#search and compartmentdefinition.html
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

#: The parameter that says which types are searched.
_TYPE = ("_type", "_type:not")


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
    parameters that not every type searched has.
    """
    wanted, warnings = _wanted(types, pairs, strict)
    kept = [("_type", ",".join(wanted))] if wanted and any(name in _TYPE for name, _ in pairs) else []
    shared = frozenset.intersection(*(frozenset(parameters(name)) for name in wanted or types))
    rest = [pair for name, text in pairs if name not in _TYPE for pair in _common(name, text, shared, strict, warnings)]
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


def _wanted(types: Sequence[str], pairs: Pairs, strict: bool) -> tuple[list[str], list[str]]:
    """Those of the types that `_type` asks for, and what was not understood. Repeats must all be met."""
    lists = [(name, frozenset(text.split(","))) for name, text in pairs if name.partition(":")[0] == "_type"]
    for name, names in lists:
        if name not in _TYPE or not all(names):
            raise fault(Category.VALUE, "_type, with or without :not, is a list of resource types.", name[:100])
    wanted = [one for one in types if all((one in names) != (name == "_type:not") for name, names in lists)]
    if all(names <= RESOURCES.keys() for _, names in lists):
        return wanted, []
    if strict:
        raise fault(Category.INVALID, "_type names a resource type that is not served here.", "_type")
    return wanted, ["_type names a type not served here, which was ignored."]


def _common(name: str, text: str, shared: frozenset[str], strict: bool, warnings: list[str]) -> Pairs:
    """The pair, when every type searched has the parameter; `_has` is for each of them to judge."""
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
    is_criterion = code not in RESULT_PARAMETERS and code not in ELSEWHERE and code != "_has"
    first = code.partition(".")[0]
    if is_criterion and first not in shared and any(first in parameters(other) for other in RESOURCES):
        raise fault(
            Category.INVALID, "Over several types only parameters that all of them have can be used.", name[:100]
        )
    return [(name, text)]


def _absent(diagnostics: str) -> FhirError:
    return fault(Category.NOT_FOUND, diagnostics)
