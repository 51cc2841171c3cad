"""The rows of one type inside a statement: which tables they come from, and which of them the actor may see."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, literal_column, select

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.storage import tables
from fhir_server.storage.index import typed_table


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
    #: Its rows are narrowed by a time or a reference of the type's own table, from which the database should start.
    has_window: bool
    typed: FromClause | None = field(init=False)
    resource: FromClause = field(init=False)
    _is_resource_asked: bool = field(init=False)

    def __post_init__(self) -> None:
        own = typed_table(self.type) if self.uses_typed else None
        self.typed = None if own is None else own.alias(f"x{self.number}")
        self.resource = tables.resource.alias(f"r{self.number}")
        self._is_resource_asked = own is None

    @property
    def pk(self) -> ColumnElement[int]:
        """The row key."""
        return self.resource.c.pk if self.typed is None else self.typed.c.pk

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
        conditions = visible(self.resource, self.type, self.sees_all)
        source: FromClause = self.resource if self.typed is None else self.typed
        if self.typed is not None and (conditions or self._is_resource_asked):
            source = self.typed.join(self.resource, self.resource.c.pk == self.typed.c.pk)
        if joined is not None:
            source = source.join(joined, on)
        if self._is_resource_asked:
            # Rows of a typed table are of its type and live; said again, it lets SQLite start from the wrong table.
            conditions += [self.resource.c.type == literal(self.type), literal_column(f"NOT r{self.number}.deleted")]
        return select(*columns).select_from(source).where(*conditions)
