"""Conditions in SQL that are looked up for each candidate, by its row key, whatever else is known of the values.

So a page is filled from rows that come in the right order already, and no set of half a table is made first. The
subqueries hold an OFFSET on PostgreSQL, which keeps its planner from turning them into joins.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, literal_column, not_, select

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.storage import tables
from fhir_server.storage.select_clauses import Builder, is_selective
from fhir_server.storage.select_conditions import Condition, unindexed
from fhir_server.storage.select_scope import Scope, literal
from fhir_server.storage.select_shape import Shape

_ONE: ColumnElement[int] = literal_column("1")


class Lookups(Builder):
    """Builds conditions for each row of an order that is walked."""

    def chain(self, scope: Scope, _type: str, code: str, target: str, shape: Shape) -> Condition:
        parameter = parameters(scope.type)[code]
        there = self.scope(target, (shape,))
        id_ = there.column("resource.id")
        met = self.clause(there, shape)
        if parameter.column:
            return self.exists(there.select(_ONE).where(id_ == scope.parameter_column(parameter), met))
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        pointed = there.select(_ONE, joined=entry, on=entry.c.target_id == id_)
        refers = (entry.c.pk == scope.pk, *self._refers(entry, scope.type, code, target))
        return self.exists(pointed.where(*refers, met))

    def reverse_chain(self, scope: Scope, _type: str, source: str, code: str, shape: Shape) -> Condition:
        parameter = parameters(source)[code]
        there = self.scope(source, (shape,), code)
        met = self.clause(there, shape)
        id_ = scope.column("resource.id")
        if parameter.column:
            return self.exists(there.select(_ONE).where(there.parameter_column(parameter) == id_, met))
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        pointing = there.select(_ONE, joined=entry, on=and_(entry.c.pk == there.pk))
        named = (entry.c.parameter == literal(f"{source}.{code}"), entry.c.target_type == literal(scope.type))
        return self.exists(pointing.where(entry.c.target_id == id_, *named, met))

    def branches(self, scope: Scope, _type: str, code: str, target: str, is_below: bool) -> Condition:
        if parameters(scope.type)[code].column:
            return super().branches(scope, _type, code, target, is_below)
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        places = self.places(target, is_below)
        fits = (entry.c.pk == scope.pk, *self._refers(entry, scope.type, code, target), entry.c.target_id.in_(places))
        return self.exists(select(_ONE).where(*fits))

    def exists(self, found: Select[Any]) -> Condition:
        """Whether there is a row, asked for each candidate."""
        return (found.offset(literal_column("0")) if self.dialect == "postgresql" else found).exists()

    def named(self, entry: FromClause, name: str) -> Condition:
        """As of `Builder`, of rows found by their row key, from which SQLite starts even where it has no statistics."""
        column = unindexed("string", entry.c.parameter) if self.dialect == "sqlite" else entry.c.parameter
        return column == literal(name)

    def _indexed(self, scope: Scope, parameter: SearchParameter, modifier: str, groups: Shape) -> Condition:
        pk, conditions = self.entries(scope.type, parameter, modifier, groups)
        found = self.exists(select(_ONE).where(pk == scope.pk, *conditions))
        return not_(found) if modifier == "not" else found

    def _refers(self, entry: FromClause, source: str, code: str, target: str) -> list[Condition]:
        return [self.named(entry, f"{source}.{code}"), entry.c.target_type == literal(target)]


class Gathering(Lookups):
    """Builds conditions for the rows that criteria which few resources meet lead to: the others are looked up."""

    def __init__(self, dialect: str, sees_all: bool) -> None:
        super().__init__(dialect, sees_all)
        self._starting = Builder(dialect, sees_all)
        self._starting.share(self)

    def clause(self, scope: Scope, shape: Shape) -> Condition:
        return self._starting.clause(scope, shape) if is_selective(shape) else super().clause(scope, shape)
