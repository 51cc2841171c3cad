"""Searches over several types, held against what the client may do: of the whole server, and of a compartment.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from collections.abc import Iterable

from fhir_server.interactions.reach import AccessCheck, allows, within
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.across import Pairs, compartment_types, membership, named_types, parse_across
from fhir_server.search.model import Query
from fhir_server.search.query import parse

#: Member of a compartment that stands for every type.
EVERYTHING = "*"


def across(
    access_check: AccessCheck,
    pairs: Pairs,
    *,
    compartment: tuple[str, str] | None = None,
    strict: bool = False,
    base_url: str = "",
    now_ms: int | None = None,
) -> tuple[Query, ...]:
    """A search of the whole server, or of everything in a compartment (type, id), over the types of the scopes.

    Raises FhirError: FORBIDDEN for a type that `_type` names and the scopes do not let search, or when there is no
    type left; NOT_FOUND for a compartment that does not exist; and as `search.across.parse_across` does.
    """
    types = _servable(RESOURCES if compartment is None else _compartment_types(*compartment))
    for name in named_types(pairs):
        access_check(name, "s")
    allowed = [name for name in types if allows(access_check, name, "s")]
    if not allowed:
        access_check(types[0], "s")
    queries = parse_across(allowed, pairs, strict=strict, base_url=base_url, now_ms=now_ms, compartment=compartment)
    return tuple(within(query, access_check) for query in queries)


def inside(
    access_check: AccessCheck,
    compartment: tuple[str, str],
    member: str,
    pairs: Pairs,
    *,
    strict: bool = False,
    base_url: str = "",
    now_ms: int | None = None,
) -> tuple[Query, ...]:
    """A search in a compartment (type, id): of one type, `Patient/1/Appointment?…`, or of everything, `Patient/1/*`.

    Raises FhirError: FORBIDDEN when the scopes do not let search the type; NOT_FOUND for a compartment that does not
    exist, or never holds the type; and as `search.query.parse` does.
    """
    if member == EVERYTHING:
        return across(access_check, pairs, compartment=compartment, strict=strict, base_url=base_url, now_ms=now_ms)
    if member not in _servable(_compartment_types(*compartment)):
        raise fault(Category.NOT_FOUND, f"{member[:64]} does not belong to that compartment.")
    access_check(member, "s")
    path, clause = f"{'/'.join(compartment)}/{member}", membership(*compartment, member)
    query = parse(member, pairs, strict=strict, base_url=base_url, now_ms=now_ms, path=path, within=clause)
    return (within(query, access_check),)


def _compartment_types(compartment: str, id_: str) -> tuple[str, ...]:
    if not is_id(id_):
        raise fault(Category.NOT_FOUND, "The id is not a FHIR id: 1 to 64 letters, digits, '-' and '.'.")
    return compartment_types(compartment)


def _servable(types: Iterable[str]) -> list[str]:
    return [name for name in types if "search-type" in RESOURCES[name].interactions]
