"""The rows of one type inside a statement: which tables they come from, and which of them the actor may see."""

from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy import cast as cast_to

from fhir_server.kernel.actor import Actor
from fhir_server.kernel.audiences import bits
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.search import access
from fhir_server.storage import tables
from fhir_server.storage.index import typed_table
from fhir_server.storage.select_conditions import unindexed

#: The type whose rows have an audience and a moment of release.
_GATED = "Slot"


def literal(text: str) -> ColumnElement[str]:
    """A name out of the registry, written into the statement. Never a value of a request."""
    return literal_column(f"'{text}'")


def visible(resource: Any, types: str | None, sees_all: bool) -> list[ColumnElement[bool]]:
    """What keeps rows of `resource` from an actor: for one type, or (None) for whatever type a row has.

    The same predicate as `interactions.visibility` applies to a resource in hand.
    """
    shared = [name for name, row in RESOURCES.items() if row.audience == "catalogue"]
    if sees_all or types in shared:
        return []
    is_own = resource.c.owner == bindparam("owner")
    if types is not None:
        return [is_own]
    return [is_own | resource.c.type.in_([literal(name) for name in shared])]


def kept_apart(resource: Any, types: str | None) -> list[ColumnElement[bool]]:
    """What keeps accounts out of a catalogue of the same type, whoever asks: for one type, or (None) for any."""
    owners = {row.kept_apart for name, row in RESOURCES.items() if row.kept_apart and types in (None, name)}
    return [resource.c.owner != literal(owner) for owner in sorted(owners)]


def is_gated(type_name: str | None, sees_all: bool) -> bool:
    """Whether rows of a type, or (None) of some type, are there for some and not for others: slots are."""
    return not sees_all and type_name in (None, _GATED)


def allowed(rows: Any, type_name: str | None, sees_all: bool) -> list[ColumnElement[bool]]:
    """What keeps slots from an actor they are not for, or not yet: of rows with a type, an id and an owner.

    The same predicate as `search.access` applies to a slot in hand; `buried` asks it of deleted ones.
    """
    if not is_gated(type_name, sees_all):
        return []
    gate, slot = tables.slot_index.alias(), tables.resource.alias()
    kept: Select[Any] = (
        select(literal_column("1"))
        .select_from(slot.join(gate, gate.c.pk == slot.c.pk))
        .where(slot.c.type == rows.c.type, slot.c.id == rows.c.id, not_(_is_open(gate.c.audience, gate.c.open_ms)))
    )
    return [or_(rows.c.type != literal(_GATED), rows.c.owner == bindparam("owner"), not_(kept.exists()))]


def buried(rows: Any, type_name: str | None, sees_all: bool) -> list[ColumnElement[bool]]:
    """As `allowed`, of versions of slots that are deleted, by what `access.left_behind` says of them."""
    if not is_gated(type_name, sees_all):
        return []
    gone = tables.resource.alias()
    has_left = and_(gone.c.deleted, gone.c.body != "")
    # Only of what is left are there numbers to be read.
    digits = case((has_left, gone.c.body), else_="0" * (access.LEFT_DIGITS + 1))
    audience = cast_to(func.substr(digits, 1, access.LEFT_DIGITS), Integer)
    open_ms = cast_to(func.substr(digits, access.LEFT_DIGITS + 1), BigInteger)
    kept: Select[Any] = (
        select(literal_column("1"))
        .select_from(gone)
        .where(gone.c.type == rows.c.type, gone.c.id == rows.c.id, has_left, not_(_is_open(audience, open_ms)))
    )
    return [or_(rows.c.type != literal(_GATED), rows.c.owner == bindparam("owner"), not_(kept.exists()))]


def binds(actor: Actor, now_ms: int) -> dict[str, Any]:
    """The values of these predicates for an actor at a moment."""
    return {
        "owner": actor.owner,
        "audiences": bits(actor.audiences),
        "direct_access": bits(actor.direct_access),
        "now_ms": now_ms,
    }


def _is_open(audience: ColumnElement[int], open_ms: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a slot of this audience, open from then on, is meant for the actor, and released or kept for it."""
    is_meant = audience.bitwise_and(bindparam("audiences", type_=Integer)) != literal_column("0")
    is_holder = audience.bitwise_and(bindparam("direct_access", type_=Integer)) != literal_column("0")
    return and_(is_meant, or_(open_ms <= bindparam("now_ms", type_=BigInteger), is_holder))


def _is_open_or_own(gate: Any) -> ColumnElement[bool]:
    """As `_is_open`, or published by the actor: asked only of slots that are not, and of actors who publish any."""
    own, slot = tables.resource.alias("own"), tables.resource.alias()
    # As the partial index has it: only then is it used.
    published = and_(
        own.c.owner == bindparam("owner"), own.c.type == literal(_GATED), literal_column("NOT own.deleted")
    )
    owner = select(slot.c.owner).where(slot.c.pk == gate.c.pk).scalar_subquery()
    is_own = owner == bindparam("owner")
    return or_(
        _is_open(gate.c.audience, gate.c.open_ms), and_(select(literal_column("1")).where(published).exists(), is_own)
    )


def is_own_column(parameter: SearchParameter) -> bool:
    """Whether a parameter is served by the table of its type."""
    return bool(parameter.column) and not parameter.column.startswith(f"{tables.resource.name}.")


@dataclass
class Scope:
    """Where the live, visible resources of a type are: its own table when it has one, joined to `resource` at need."""

    type: str
    #: Alias number, unique in the statement.
    number: int
    sees_all: bool
    #: Some column of the type's own table is asked for.
    uses_typed: bool
    typed: FromClause | None = field(init=False)
    resource: FromClause = field(init=False)
    #: Whose order is walked, when one is: every other row is looked up by the row key of this one.
    lead: FromClause | None = field(init=False, default=None)
    _is_resource_asked: bool = field(init=False)
    _is_gated: bool = field(init=False)

    def __post_init__(self) -> None:
        self._is_gated = is_gated(self.type, self.sees_all)
        own = typed_table(self.type) if self.uses_typed or self._is_gated else None
        self.typed = None if own is None else own.alias(f"x{self.number}")
        self.resource = tables.resource.alias(f"r{self.number}")
        self._is_resource_asked = own is None

    @property
    def pk(self) -> ColumnElement[int]:
        """The row key."""
        if self.lead is not None:
            return cast(ColumnElement[int], self.lead.c.pk)
        return self.resource.c.pk if self.typed is None else self.typed.c.pk

    def walk(self, lead: FromClause) -> None:
        """Let the rows come in an order of `lead`: one of the type's tables, or index rows of which each has one."""
        self.lead = lead
        self._is_resource_asked = lead is self.resource

    def unveil(self) -> list[ColumnElement[bool]]:
        """Select what nobody may see too; the conditions that keep it from the actor, to be put elsewhere."""
        hiding = visible(self.resource, self.type, self.sees_all)
        self.sees_all = True
        self._is_resource_asked |= bool(hiding)
        return hiding

    def column(self, name: str) -> ColumnElement[Any]:
        """A column as the registry names it: `slot_index.start_ms`, `resource.id`."""
        table, _, column = name.partition(".")
        if table == tables.resource.name:
            self._is_resource_asked = True
            return self.resource.c[column]
        assert self.typed is not None
        return self.typed.c[column]

    def parameter_column(self, parameter: SearchParameter) -> ColumnElement[Any]:
        """The column that serves a parameter."""
        return self.column(parameter.column)

    def select(self, *columns: ColumnElement[Any], joined: FromClause | None = None, on: Any = None) -> Select[Any]:
        """Select from the type's live, visible rows. Ask for every column first: that decides what is joined."""
        conditions = visible(self.resource, self.type, self.sees_all) + kept_apart(self.resource, self.type)
        is_resource_joined = bool(conditions) or self._is_resource_asked
        conditions += [_is_open_or_own(self.typed)] if self._is_gated else []
        wanted = [self.lead, self.typed, self.resource if is_resource_joined else None]
        first, *others = dict.fromkeys(table for table in wanted if table is not None)
        source: FromClause = first
        for table in others:
            source = source.join(table, table.c.pk == self._key_of(first))
        if joined is not None:
            source = source.join(joined, on)
        if self._is_resource_asked:
            # Rows of a typed table are of its type and live; said again, it lets SQLite start from the wrong table.
            conditions += [self.resource.c.type == literal(self.type), literal_column(f"NOT r{self.number}.deleted")]
        return select(*columns).select_from(source).where(*conditions)

    def _key_of(self, first: FromClause) -> ColumnElement[int]:
        """What the other tables are joined by: a value, where no database may start from one of them."""
        return first.c.pk if self.lead is None else unindexed("date", first.c.pk)
