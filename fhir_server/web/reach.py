"""What a search reaches, held against the scopes of who asks: its chains and includes, and the types it goes over.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from collections.abc import Iterable

from fhir_server.auth.guard import Access
from fhir_server.interactions import reach
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.across import Pairs, compartment_types, membership, named_types, parse_across
from fhir_server.search.model import Query
from fhir_server.search.query import parse


def within(query: Query, access: Access) -> Query:
    """The query with only those includes that the scopes allow, a warning for each one left out.

    Raises FhirError (FORBIDDEN) for a chain through a type that the scopes do not let search.
    """
    return reach.within(query, access.require)


def across(
    access: Access,
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
        access.require(name, "s")
    allowed = [name for name in types if access.scopes.allows(name, "s")]
    if not allowed:
        access.require(types[0], "s")
    queries = parse_across(allowed, pairs, strict=strict, base_url=base_url, now_ms=now_ms, compartment=compartment)
    return tuple(within(query, access) for query in queries)


def inside(
    access: Access,
    compartment: tuple[str, str],
    type_name: str,
    pairs: Pairs,
    *,
    strict: bool = False,
    base_url: str = "",
    now_ms: int | None = None,
) -> Query:
    """A search of one type in a compartment (type, id): `Patient/1/Appointment?…`.

    Raises FhirError: FORBIDDEN when the scopes do not let search the type; NOT_FOUND for a compartment that does not
    exist, or never holds the type; and as `search.query.parse` does.
    """
    if type_name not in _servable(_compartment_types(*compartment)):
        raise fault(Category.NOT_FOUND, f"{type_name[:64]} does not belong to that compartment.")
    access.require(type_name, "s")
    path = f"{compartment[0]}/{compartment[1]}/{type_name}"
    clause = membership(*compartment, type_name)
    query = parse(type_name, pairs, strict=strict, base_url=base_url, now_ms=now_ms, path=path, within=clause)
    return within(query, access)


def _compartment_types(compartment: str, id_: str) -> tuple[str, ...]:
    if not is_id(id_):
        raise fault(Category.NOT_FOUND, "The id is not a FHIR id: 1 to 64 letters, digits, '-' and '.'.")
    return compartment_types(compartment)


def _servable(types: Iterable[str]) -> list[str]:
    return [name for name in types if "search-type" in RESOURCES[name].interactions]
