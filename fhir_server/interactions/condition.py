"""The search by which a conditional interaction names its resource. https://www.hl7.org/fhir/R4/http.html#cond-update"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from fhir_server.interactions import reach
from fhir_server.interactions.reach import AccessCheck
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.search.model import Criterion, Query, Token
from fhir_server.search.pairs import decoded
from fhir_server.search.query import parse
from fhir_server.storage import resources, select
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

#: Longest search of a condition, in characters.
MAX_LENGTH = 4096
#: Searches again when what was found changed before it could be locked.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """The search of a conditional interaction, understood."""

    query: Query

    @property
    def type(self) -> str:
        """The type searched."""
        return self.query.type

    def names(self) -> list[str]:
        """The names to lock: the search as a whole, and each identifier asked for as `upsert` names it."""
        asked = "&".join(sorted(f"{name}={value}" for name, value in self.query.honoured))
        return [f"{self.type}?{asked}", *_identifiers(self.query)]


def condition(
    type_name: str,
    query_text: str,
    *,
    access_check: AccessCheck | None = None,
    base_url: str = "",
    now_ms: int | None = None,
    on_empty: Category = Category.REQUIRED,
) -> Condition:
    """Read the search of a condition; every parameter must be understood.

    Raises FhirError: `on_empty` when nothing is asked, FORBIDDEN for a chain through a type that may not be searched,
    INVALID for any chain when there is nobody to ask, and what `search.query.parse` refuses.
    """
    if len(query_text) > MAX_LENGTH:
        raise fault(Category.TOO_LONG, f"The search of a condition has at most {MAX_LENGTH} characters.")
    query = parse(type_name, decoded(query_text.removeprefix("?")), strict=True, base_url=base_url, now_ms=now_ms)
    if not query.criteria:
        raise fault(on_empty, "A conditional interaction needs at least one search parameter.")
    for passed in reach.chained(query):
        if access_check is None:
            raise fault(Category.INVALID, "Chained parameters are not served here.")
        access_check(passed, "s")
    bare = replace(query, count=2, total="none", sort=(), includes=(), cursor="", summary="", elements=())
    return Condition(bare)


def find(source: UnitOfWork | Connection, actor: Actor, type_name: str, query_text: str) -> list[Stored]:
    """What a condition finds of what the actor may see, at most two: more than one is too many anyway.

    Found in a unit of work, they are locked.
    """
    if isinstance(source, UnitOfWork):
        return matches(source, condition(type_name, query_text, now_ms=source.now_ms))
    rows = select.run(source, condition(type_name, query_text).query, actor).matches
    return [stored for row in rows if (stored := resources.load(source, row.type, row.id)) is not None]


def matches_of(
    uow: UnitOfWork, conditions: Sequence[Condition], also: Sequence[tuple[str, str]] = ()
) -> tuple[list[list[Stored]], dict[tuple[str, str], Stored]]:
    """What each condition finds, at most two; with it everything locked for them, what `also` names included.

    All is locked in one go and one order, so that two units of work never wait for each other.
    """
    for _ in range(_TRIES):
        pages = [select.run(uow.connection, asked.query, uow.actor).matches for asked in conditions]
        found = [(row.type, row.id) for rows in pages for row in rows]
        locked = resources.lock_many(uow, [*found, *also])
        if all(locked[row.type, row.id].version == row.version for rows in pages for row in rows):
            return [[locked[row.type, row.id] for row in rows] for rows in pages], locked
    raise fault(Category.CONFLICT, "What a condition finds kept changing; try again.")


def matches(uow: UnitOfWork, asked: Condition) -> list[Stored]:
    """What a condition finds, locked: at most two."""
    return matches_of(uow, [asked])[0][0]


def only_match(uow: UnitOfWork, asked: Condition) -> Stored | None:
    """The one resource that meets a condition, locked. Raises FhirError (MULTIPLE_MATCHES) when several do."""
    found = matches(uow, asked)
    if len(found) > 1:
        raise fault(Category.MULTIPLE_MATCHES, f"More than one {asked.type} meets the condition.")
    return found[0] if found else None


def no_match(type_name: str) -> FhirError:
    """The answer when nothing meets a condition that something must meet."""
    return fault(Category.NOT_FOUND, f"No {type_name} meets the condition.")


def _identifiers(query: Query) -> Iterator[str]:
    for clause in query.criteria:
        if isinstance(clause, Criterion) and clause.parameter.code == "identifier" and not clause.modifier:
            for value in clause.values:
                if isinstance(value, Token) and value.system and value.code:
                    yield f"{query.type}|{value.system}|{value.code}"
