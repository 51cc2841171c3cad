"""Sealing: events that wait become rows of the trail, numbered and chained, by one process at a time.

Rows of the table `audit_pending` are moved, lines of journals are copied with the place up to which their file is
read: all in one transaction, so that each event is sealed once whoever dies meanwhile.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import JSON, Connection, Table, Text, bindparam, cast, column, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.audit import journal
from fhir_server.audit.chain import GENESIS, link
from fhir_server.audit.event import Event, decode, references
from fhir_server.audit.journal import Stretch
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import audit
from fhir_server.storage.ledgers import audit as table
from fhir_server.storage.ledgers import audit_entity, audit_journal, audit_pending
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger("fhir_server.audit")

#: Events of the table, and of each journal, that one transaction seals.
_MOST = 1_000


class _Waiting(NamedTuple):
    event: Event
    line: str


_taken = Prepared(
    delete(audit_pending)
    .where(audit_pending.c.pk.in_(select(audit_pending.c.pk).order_by(audit_pending.c.pk).limit(bindparam("most"))))
    .returning(audit_pending.c.pk, audit_pending.c.line)
)
_forget = Prepared(delete(audit_journal).where(audit_journal.c.name == bindparam("of_name")))


def _remember(dialect: type[postgresql.Insert] | type[sqlite.Insert]) -> postgresql.Insert | sqlite.Insert:
    statement = dialect(audit_journal).values(name=bindparam("name"), read_to=bindparam("read_to"))
    return statement.on_conflict_do_update(index_elements=["name"], set_={"read_to": statement.excluded.read_to})


_read_to = {True: Prepared(_remember(sqlite.Insert)), False: Prepared(_remember(postgresql.Insert))}


def _rows_of(table: Table) -> Prepared:
    """PostgreSQL takes many rows as one JSON text, a round trip for all."""
    columns = [column(c.name, c.type) for c in table.columns]
    given = cast(bindparam("rows", type_=Text), JSON)
    rows = func.json_to_recordset(given).table_valued(*columns).render_derived(with_types=True)
    return Prepared(insert(table).from_select([c.name for c in table.columns], select(*rows.c)))


_together = {one.name: _rows_of(one) for one in (table, audit_entity)}
_one_by_one = {
    one.name: Prepared(insert(one).values({c.name: bindparam(c.name) for c in one.columns}))
    for one in (table, audit_entity)
}


def seal_all(store: Store, folder: Path, key: bytes) -> int:
    """Seal everything that waits; how many events that were. Raises FhirError when the store cannot be reached."""
    total = 0
    while count := seal(store, folder, key):
        total += count
    return total


def seal(store: Store, folder: Path, key: bytes) -> int:
    """Seal some of what waits; how many events that were, none when nothing waits.

    Journals that are read to their end and were left by their process are removed.
    """
    count, read = 0, _nothing_waits(store.read(), folder)
    if read is None:
        count, read = store.transact(SYSTEM, lambda uow: _seal(uow, folder, key))
    gone = [name for name, place in read.items() if journal.remove_if_left(folder, name, place)]
    # Forgotten after they are gone: a file without a place would be sealed again.
    if gone:
        store.transact(SYSTEM, lambda uow: _forget_all(uow, gone))
    return count


def _seal(uow: UnitOfWork, folder: Path, key: bytes) -> tuple[int, dict[str, int]]:
    uow.lock("audit")
    stretches = _journals(uow.connection, folder)
    waiting = list(_waiting(uow.connection, stretches))
    # One after the other as they happened, as far as that is known now.
    waiting.sort(key=lambda one: one.event.at_ms)
    if waiting:
        _add(uow, waiting, key)
    for stretch in stretches:
        if stretch.lines:
            _read_to[uow.database.is_sqlite].run(uow.connection, {"name": stretch.name, "read_to": stretch.read_to})
    return len(waiting), {one.name: one.read_to for one in stretches}


def _nothing_waits(connection: Connection, folder: Path) -> dict[str, int] | None:
    """How far the journals here are read, when that is to their ends and no row waits: nothing is written then."""
    if connection.execute(select(audit_pending.c.pk).limit(1)).first() is not None:
        return None
    places, sizes = _places(connection), journal.sizes(folder)
    if any(size > places.get(name, 0) for name, size in sizes.items()):
        return None
    # Journals of other machines are not here, and none of ours to forget.
    return {name: places.get(name, 0) for name in sizes}


def _places(connection: Connection) -> dict[str, int]:
    return {row.name: int(row.read_to) for row in connection.execute(select(audit_journal))}


def _journals(connection: Connection, folder: Path) -> list[Stretch]:
    """What the journals hold that is not sealed yet."""
    places = _places(connection)
    return [journal.read_on(folder, name, places.get(name, 0), _MOST) for name in journal.names(folder)]


def _waiting(connection: Connection, stretches: Sequence[Stretch]) -> Iterator[_Waiting]:
    for _, line in sorted(tuple(row) for row in _taken.run(connection, {"most": _MOST})):
        yield _Waiting(decode(line), line)
    for stretch in stretches:
        for octets in stretch.lines:
            try:
                line = octets.decode()
                yield _Waiting(decode(line), line)
            except ValueError:
                # Half a line, of an event that could not be kept: its request was refused.
                _log.error(
                    "the journal %s holds a line that is no event, before octet %d", stretch.name, stretch.read_to
                )


def _add(uow: UnitOfWork, waiting: Sequence[_Waiting], key: bytes) -> None:
    last = audit.head(uow.connection)
    number, hash_ = (last.number, last.hash) if last else (0, GENESIS)
    rows: list[dict[str, Any]] = []
    about: list[dict[str, Any]] = []
    for event, line in waiting:
        number += 1
        hash_ = link(key, hash_, number, line)
        rows.append({"number": number, "at_ms": event.at_ms, "owner": event.owner, "line": line, "hash": hash_})
        about += [{"reference": one, "number": number} for one in sorted(references(event))]
    _insert(uow, table, rows)
    _insert(uow, audit_entity, about)


def _insert(uow: UnitOfWork, into: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    if uow.database.is_sqlite:
        _one_by_one[into.name].run_many(uow.connection, rows)
    else:
        _together[into.name].run(uow.connection, {"rows": json.encode(rows).decode()})


def _forget_all(uow: UnitOfWork, names: Sequence[str]) -> None:
    for name in names:
        _forget.run(uow.connection, {"of_name": name})
