"""What the figures are counted by, as the operator's files said it, and since when."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, insert, select

from fhir_server.storage.ledgers import figure_basis
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

_all = Prepared(select(figure_basis).order_by(figure_basis.c.kind, figure_basis.c.name, figure_basis.c.since_ms))
_insert = Prepared(
    insert(figure_basis).values({name: bindparam(name) for name in ("kind", "name", "since_ms", "value")})
)


def record(uow: UnitOfWork, rows: Mapping[tuple[str, str], str]) -> None:
    """Keep by kind and name what is not as it was kept last. What was never kept counts for all the time before."""
    uow.lock("figure-basis")
    last = {(row.kind, row.name): row.value for row in _all.run(uow.connection, {})}
    for key, value in sorted(rows.items()):
        if last.get(key) != value:
            since_ms = uow.now_ms if key in last else 0
            row = {"kind": key[0], "name": key[1], "since_ms": since_ms, "value": value}
            _insert.run(uow.connection, row)


def at(connection: Connection, as_of_ms: int) -> dict[tuple[str, str], str]:
    """By kind and name, what was so before that moment."""
    rows = _all.run(connection, {})
    return {(row.kind, row.name): row.value for row in rows if row.since_ms < as_of_ms}
