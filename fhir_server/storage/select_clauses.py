"""From the shapes of criteria to SQL conditions.

Bind parameters `p0`, `p1`, … are taken in the order in which `storage.select_shape` gives the values.
"""

from collections.abc import Callable
from itertools import count
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    false,
    not_,
    or_,
    select,
    union,
)

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.facets import FACETS
from fhir_server.storage import select_composites, select_trees, tables
from fhir_server.storage.index import KIND_TABLES
from fhir_server.storage.select_conditions import COLUMN_KINDS, KINDS, Condition
from fhir_server.storage.select_scope import Scope, is_own_column, literal
from fhir_server.storage.select_shape import Shape

#: Modifiers that few resources share a value of.
SELECTIVE = frozenset({"identifier", "of-type"})


class Builder:
    """Builds the conditions of one statement."""

    def __init__(self, dialect: str, sees_all: bool) -> None:
        self.dialect = dialect
        self.sees_all = sees_all
        self._binds = count()
        self._aliases = count()

    def share(self, other: "Builder") -> None:
        """Work on the same statement as another: number binds and aliases together."""
        self._binds, self._aliases = other._binds, other._aliases

    def take(self) -> BindParameter[Any]:
        """The next bind parameter."""
        return bindparam(f"p{next(self._binds)}")

    def scope(self, type_name: str, shapes: Shape, *codes: str) -> Scope:
        """The rows of a type, under names of their own, for clauses of those shapes and parameters of those codes."""
        asked = [shape for shape in shapes if shape[0] == "criterion" and shape[3] not in FACETS]
        chained = [shape for shape in shapes if shape[0] == "chain"]
        found = parameters(type_name)
        uses_typed = any(is_own_column(found[code]) for code in (*codes, *(shape[2] for shape in asked + chained)))
        return Scope(type_name, next(self._aliases), self.sees_all, uses_typed)

    def clause(self, scope: Scope, shape: Shape) -> Condition:
        """What a clause asks of the rows of `scope`."""
        return _CLAUSES[shape[0]](self)(scope, *shape[1:])

    def criterion(self, scope: Scope, type_name: str, code: str, modifier: str, groups: Shape) -> Condition:
        parameter = parameters(type_name)[code]
        if modifier == "missing":
            return or_(*(self._presence(scope, parameter, is_missing) for is_missing in groups))
        if parameter.kind == "composite":
            fits = (
                select_composites.fits(scope, parameter, group, self._aliases, self.take, self.dialect)
                for group in groups
            )
            return or_(*fits)
        if parameter.column and modifier not in FACETS:
            column = scope.parameter_column(parameter)
            test = COLUMN_KINDS[parameter.kind]
            met = or_(false(), *(test(column, group, self.take, self.dialect) for group in groups))
            return not_(met) if modifier == "not" else met
        return self._indexed(scope, parameter, modifier, groups)

    def any_of(self, scope: Scope, _type: str, shapes: Shape) -> Condition:
        """Row keys of what meets each clause, together: an OR of conditions would keep PostgreSQL from every index."""
        if not shapes:
            return false()
        found = union(*(self._keys(scope.type, shape) for shape in shapes))
        return scope.pk.in_(select(found.subquery(f"any{next(self._aliases)}").c.pk))

    def _keys(self, type_name: str, shape: Shape) -> Select[Any]:
        there = self.scope(type_name, (shape,))
        met = self.clause(there, shape)
        return there.select(there.pk.label("pk")).where(met)

    def chain(self, scope: Scope, _type: str, code: str, target: str, shape: Shape) -> Condition:
        parameter = parameters(scope.type)[code]
        there = self.scope(target, (shape,))
        id_ = there.column("resource.id")
        met = self.clause(there, shape)
        ids = there.select(id_).where(met)
        if parameter.column:
            return scope.parameter_column(parameter).in_(ids)
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        pointing = select(entry.c.pk).where(
            entry.c.parameter == literal(f"{scope.type}.{code}"),
            entry.c.target_type == literal(target),
            entry.c.target_id.in_(self._first(ids)),
        )
        return scope.pk.in_(self._first(pointing))

    def reverse_chain(self, scope: Scope, _type: str, source: str, code: str, shape: Shape) -> Condition:
        parameter = parameters(source)[code]
        there = self.scope(source, (shape,), code)
        met = self.clause(there, shape)
        id_ = scope.column("resource.id")
        if parameter.column:
            column = there.parameter_column(parameter)
            return id_.in_(there.select(column).where(met, column.is_not(None)))
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        pointed = there.select(entry.c.target_id, joined=entry, on=entry.c.pk == there.pk)
        pointing = pointed.where(
            met, entry.c.parameter == literal(f"{source}.{code}"), entry.c.target_type == literal(scope.type)
        )
        # A column of the type's own table is soon looked up for each candidate, and may hold for most of a large table.
        is_looked_up = shape[0] == "criterion" and there.typed is not None
        return id_.in_(pointing if is_looked_up else self._first(pointing))

    def branches(self, scope: Scope, _type: str, code: str, target: str, is_below: bool) -> Condition:
        places = self.places(target, is_below)
        parameter = parameters(scope.type)[code]
        if parameter.column:
            return scope.parameter_column(parameter).in_(places)
        entry = tables.reference_index.alias(f"i{next(self._aliases)}")
        pointing = select(entry.c.pk).where(
            entry.c.parameter == literal(f"{scope.type}.{code}"),
            entry.c.target_type == literal(target),
            entry.c.target_id.in_(places),
        )
        return scope.pk.in_(pointing)

    def places(self, target: str, is_below: bool) -> Select[Any]:
        """The ids of what is below or above some resources, themselves included."""
        return select(select_trees.tree(target, is_below, self.take(), self.dialect, next(self._aliases)).c.id)

    def _first(self, found: Select[Any]) -> Select[Any]:
        """The inner search of a chain, which is to be done before the outer one.

        SQLite does so by itself. PostgreSQL, where it has no statistics yet, would loop through one for each row of the
        other.
        """
        if self.dialect != "postgresql":
            return found
        table = found.cte(f"c{next(self._aliases)}").prefix_with("MATERIALIZED")
        return select(*table.c)

    def _indexed(self, scope: Scope, parameter: SearchParameter, modifier: str, groups: Shape) -> Condition:
        """A parameter in a table by kind, whose index the database may start from."""
        pk, conditions = self.entries(scope.type, parameter, modifier, groups)
        if modifier == "not":
            return not_(self.exists(select(pk).where(pk == scope.pk, *conditions)))
        return scope.pk.in_(select(pk).where(*conditions))

    def entries(
        self, type_name: str, parameter: SearchParameter, modifier: str, groups: Shape
    ) -> tuple[ColumnElement[int], list[Condition]]:
        """The rows of a table by kind that fit: their row key, and what they are found by."""
        facet = FACETS.get(modifier)
        kind = facet.indexed_as if facet else parameter.kind
        entry = KIND_TABLES[kind][0].alias(f"i{next(self._aliases)}")
        name = f"{type_name}.{parameter.code}" + (f":{modifier}" if facet else "")
        met = or_(*(KINDS[kind](entry.c, group, self.take, self.dialect) for group in groups))
        return entry.c.pk, [self.named(entry, name), met]

    def named(self, entry: FromClause, name: str) -> Condition:
        """Whether index rows are those of a parameter."""
        return entry.c.parameter == literal(name)

    def _presence(self, scope: Scope, parameter: SearchParameter, is_missing: bool) -> Condition:
        if parameter.kind == "composite":
            here = select_composites.is_present(scope, parameter, self._aliases)
            return not_(here) if is_missing else here
        name = f"{scope.type}.{parameter.code}"
        present = (
            scope.parameter_column(parameter).is_not(None)
            if parameter.column
            else self._has_rows(scope, KIND_TABLES[parameter.kind][0], name)
        )
        if parameter.kind == "reference":
            present = or_(present, self._has_rows(scope, tables.token_index, f"{name}:identifier"))
        return not_(present) if is_missing else present

    def _has_rows(self, scope: Scope, table: Table, name: str) -> ColumnElement[bool]:
        entry = table.alias(f"i{next(self._aliases)}")
        return self.exists(select(entry.c.pk).where(entry.c.pk == scope.pk, entry.c.parameter == literal(name)))

    def exists(self, found: Select[Any]) -> Condition:
        """Whether there is a row of a kind for a candidate."""
        return found.exists()


def is_selective(shape: Shape) -> bool:
    """A criterion or chain that few resources meet, as the registry says, from which the database should start."""
    if shape[0] in ("chain", "has"):
        return is_selective(shape[-1])
    if shape[0] != "criterion":
        return bool(shape[0] == "any")
    _, type_name, code, modifier, _ = shape
    return modifier in SELECTIVE or (parameters(type_name)[code].is_selective and not modifier)


_CLAUSES: dict[str, Callable[[Builder], Callable[..., Condition]]] = {
    "criterion": attrgetter("criterion"),
    "chain": attrgetter("chain"),
    "has": attrgetter("reverse_chain"),
    "any": attrgetter("any_of"),
    "tree": attrgetter("branches"),
}
