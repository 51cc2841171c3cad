"""The audit trail on both stores: sealed once and in order, whatever dies; what is tampered with is found."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from adapters.dispatch import Dispatcher
from adapters.feeds import load
from adapters.mapping import tables
from adapters.service import House
from fhir_server.audit import journal
from fhir_server.audit.event import Event, encode
from fhir_server.bootstrap import Services, build
from fhir_server.interactions.create import create
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.errors import Category
from fhir_server.settings import Settings
from fhir_server.storage import audit, audit_seal
from fhir_server.storage.audit import Sealed
from fhir_server.storage.audit_seal import seal, seal_all
from fhir_server.storage.audit_verify import Head, Verdict, verify
from fhir_server.storage.ledgers import audit as table
from fhir_server.storage.ledgers import audit_entity, audit_journal, audit_pending
from fhir_server.storage.unit_of_work import UnitOfWork
from tests import builders
from tests.conftest import StandingClock
from tests.contract.test_receive import appointment
from tests.mllp_peer import listening

KEY = b"a secret of this suite, and no other"


def actor(kind: str = "create", owner: str = "vendor") -> Actor:
    return Actor(owner, request_id="r1", deed=Deed(kind))


def folder(services: Services) -> Path:
    return services.settings.journal_folder


def rows(services: Services) -> list[Sealed]:
    return list(audit.walk(services.store.read()))


def add(services: Services, count: int, owner: str = "vendor") -> None:
    """So many reads of patients, and as many slots made."""
    assert services.journal is not None
    for number in range(count):
        read = Event(services.store.database.clock(), "read", "200", owner, type="Patient", id=f"p{number}")
        services.journal.append(encode(read))
        create(services.store, actor(owner=owner), "Patient", builders.patient())


def test_what_waits_is_sealed_once_and_numbered_without_a_gap(services: Services) -> None:
    add(services, 5)

    first, second = seal_all(services.store, folder(services), KEY), seal_all(services.store, folder(services), KEY)
    add(services, 1)
    third = seal_all(services.store, folder(services), KEY)

    assert (10, 0, 2) == (first, second, third)
    assert list(range(1, 13)) == [row.number for row in rows(services)]
    assert (6, 6) == tuple(sum(row.event.kind == kind for row in rows(services)) for kind in ("read", "create"))
    assert () == verify(services.store.read(), KEY).faults


def test_a_write_that_is_undone_is_not_told(services: Services) -> None:
    def work(uow: UnitOfWork) -> None:
        raise KeyError("a rule")

    with pytest.raises(KeyError):
        services.store.transact(actor(), work)

    assert 0 == seal_all(services.store, folder(services), KEY)


def test_each_transaction_of_a_deed_that_writes_is_told(services: Services) -> None:
    doer = actor("operation")
    for _ in range(2):
        create(services.store, doer, "Patient", builders.patient())
    services.store.transact(doer, lambda uow: None)

    assert 2 == seal_all(services.store, folder(services), KEY)


def test_what_the_server_does_by_itself_is_not_told(services: Services) -> None:
    create(services.store, SYSTEM, "Patient", builders.patient())

    assert 0 == seal_all(services.store, folder(services), KEY)


def test_events_are_sealed_in_the_order_of_time(services: Services) -> None:
    assert services.journal is not None
    for at_ms in (30, 10, 20):
        services.journal.append(encode(Event(at_ms, "read", "200")))
    seal_all(services.store, folder(services), KEY)

    assert [10, 20, 30] == [row.at_ms for row in rows(services)]


def test_a_journal_is_removed_when_it_is_sealed_and_left(services: Services) -> None:
    add(services, 1)
    seal_all(services.store, folder(services), KEY)
    in_use = journal.names(folder(services))
    assert services.journal is not None
    services.journal.close()
    seal_all(services.store, folder(services), KEY)

    places = services.store.read().execute(select(audit_journal.c.name)).all()
    assert (1, [], []) == (len(in_use), journal.names(folder(services)), list(places))


def test_the_place_in_another_machines_journal_is_kept(services: Services) -> None:
    with services.store.database.begin() as connection:
        connection.execute(insert(audit_journal).values(name="elsewhere-1-a.journal", read_to=4711))
    add(services, 1)
    for _ in range(2):
        seal_all(services.store, folder(services), KEY)

    places = {row.name: row.read_to for row in services.store.read().execute(select(audit_journal))}
    assert 4711 == places["elsewhere-1-a.journal"]


def test_a_journal_that_was_not_removed_is_not_sealed_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(services, 3)
    assert services.journal is not None
    services.journal.close()
    # As if the sealer were killed between its commit and what follows.
    monkeypatch.setattr(audit_seal.journal, "remove_if_left", lambda *_: False)
    seal_all(services.store, folder(services), KEY)
    monkeypatch.undo()

    assert 0 == seal_all(services.store, folder(services), KEY)
    assert 6 == len(rows(services))


def test_what_a_sealer_did_not_commit_is_sealed_by_the_next(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(services, 3)
    monkeypatch.setattr(audit_seal, "_add", _fail)
    with pytest.raises(KeyError):
        seal(services.store, folder(services), KEY)
    monkeypatch.undo()

    assert 6 == seal_all(services.store, folder(services), KEY)
    assert () == verify(services.store.read(), KEY).faults


def _fail(*_: Any) -> None:
    raise KeyError("killed")


def test_many_sealers_and_writers_at_once_make_one_chain(services: Services) -> None:
    stop = threading.Event()

    def keep_sealing() -> None:
        while not stop.is_set():
            seal(services.store, folder(services), KEY)

    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    writers = [threading.Thread(target=add, args=(services, 25, f"v{number}")) for number in range(2)]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    seal_all(services.store, folder(services), KEY)

    assert (100, ()) == (len(rows(services)), verify(services.store.read(), KEY).faults)
    assert {f"v{number}" for number in range(2)} == {row.owner for row in rows(services)}


def test_a_line_that_is_no_event_is_passed_over(services: Services) -> None:
    assert services.journal is not None
    services.journal.append(b'{"at_ms":1')
    services.journal.append(encode(Event(1, "read", "200")))

    assert 1 == seal_all(services.store, folder(services), KEY)


TAMPERED: tuple[tuple[str, Callable[[Connection], Any], str], ...] = (
    ("taken out", lambda it: it.execute(delete(table).where(table.c.number == 4)), "event 4 was taken out"),
    (
        "several taken out",
        lambda it: it.execute(delete(table).where(table.c.number.between(4, 6))),
        "events 4 to 6 were taken out",
    ),
    ("the first", lambda it: it.execute(delete(table).where(table.c.number == 1)), "event 1 was taken out"),
    ("the last", lambda it: it.execute(delete(table).where(table.c.number == 10)), "event 10 was taken out at the end"),
    (
        "changed",
        lambda it: it.execute(update(table).where(table.c.number == 4).values(line='{"at_ms":1,"kind":"read"}')),
        "event 4, or the one before it, is not what was sealed with this key",
    ),
    (
        "hash changed",
        lambda it: it.execute(update(table).where(table.c.number == 4).values(hash="0" * 64)),
        "event 4, or the one before it, is not what was sealed with this key",
    ),
    (
        "column changed",
        lambda it: it.execute(update(table).where(table.c.number == 4).values(owner="another")),
        "event 4: its columns do not say what it says",
    ),
    (
        "put in",
        lambda it: it.execute(
            insert(table).values(number=11, at_ms=1, owner="", line='{"at_ms":1,"kind":"read","status":"200"}', hash="")
        ),
        "event 11, or the one before it, is not what was sealed with this key",
    ),
    (
        "hidden from searches",
        lambda it: it.execute(delete(audit_entity).where(audit_entity.c.number == 4)),
        "event 4: its index was changed, so searches do not find it as they should",
    ),
)


@pytest.mark.parametrize(("how", "tamper", "expected"), TAMPERED, ids=[case[0] for case in TAMPERED])
def test_what_is_tampered_with_is_found(
    services: Services, how: str, tamper: Callable[[Connection], Any], expected: str
) -> None:
    verdict = _tampered(services, tamper)

    assert expected in verdict.faults, how


def _tampered(services: Services, tamper: Callable[[Connection], Any], *noted: Head) -> Verdict:
    add(services, 5)
    seal_all(services.store, folder(services), KEY)
    with services.store.database.begin() as connection:
        tamper(connection)
    return verify(services.store.read(), KEY, noted)


def test_a_chain_made_anew_with_another_key_is_found(services: Services) -> None:
    add(services, 2)
    seal_all(services.store, folder(services), KEY)

    assert verify(services.store.read(), b"").faults
    assert not verify(services.store.read(), KEY).faults


def test_a_head_noted_elsewhere_tells_of_an_end_cut_off_cleanly(services: Services) -> None:
    add(services, 5)
    seal_all(services.store, folder(services), KEY)
    head = verify(services.store.read(), KEY).head
    assert head is not None

    def cut(connection: Connection) -> None:
        for one in (table, audit_entity):
            connection.execute(delete(one).where(one.c.number > 7))

    with services.store.database.begin() as connection:
        cut(connection)

    assert () == verify(services.store.read(), KEY).faults
    assert ("the trail ends before event 10, which was noted as its head",) == verify(
        services.store.read(), KEY, (head,)
    ).faults


def test_a_head_noted_elsewhere_tells_of_a_chain_made_anew(services: Services) -> None:
    add(services, 5)
    seal_all(services.store, folder(services), b"")
    head = verify(services.store.read(), b"").head
    assert head is not None
    lines = [row.line for row in rows(services)]

    def forge(connection: Connection) -> None:
        connection.execute(delete(table))
        connection.execute(delete(audit_entity))
        for line in [*lines[:4], lines[5], lines[4], *lines[6:]]:
            connection.execute(insert(audit_pending).values(line=line))

    with services.store.database.begin() as connection:
        forge(connection)
    seal_all(services.store, folder(services), b"")

    assert () == verify(services.store.read(), b"").faults
    assert ("event 10 is not the head that was noted: the chain was made anew",) == verify(
        services.store.read(), b"", (head,)
    ).faults


def test_what_is_not_sealed_yet_is_counted(services: Services) -> None:
    add(services, 3)

    assert Verdict((), None, 0, 3) == verify(services.store.read(), KEY)


def test_messages_received_are_told_once_each_with_what_they_wrote(house: House) -> None:
    receiver, services = house.receiver("hospital"), house.services
    booked = appointment("SIU^S12^SIU_S12", control_id="M1")
    wrong = booked.replace(b"|M1|", b"|M2|").replace(b"^20260303", b"^2026x303")
    for octets in (booked, booked, wrong, b"no message"):
        receiver.receive(octets)
    seal_all(services.store, folder(services), KEY)

    first, again, refused, noise = (row.event for row in rows(services))
    assert [("message-received", "S12", "AA"), ("message-received", "S12", "AA")] == [
        (one.kind, one.name, one.status) for one in (first, again)
    ]
    assert ("M1", ()) == (again.request_id, again.written)
    assert {"Appointment", "Patient"} <= {one.partition("/")[0] for one in first.written}
    assert (1, ("AE", "M2"), "AR") == (len(first.patients), (refused.status, refused.request_id), noise.status)


def test_messages_taken_together_are_told_one_by_one(house: House) -> None:
    receiver, services = house.receiver("hospital"), house.services
    persons = [b"000777", b"000778", b"000779"]
    booked = [
        appointment("SIU^S12^SIU_S12", hour=f"0{number}00", control_id=f"M{number}")
        .replace(b"000777", person)
        .replace(b"|P1^GAM|F1^GAM|", b"|P%d^GAM|F%d^GAM|" % (number, number))
        for number, person in enumerate(persons, start=7)
    ]
    receiver.take_all([*booked, booked[0]])
    seal_all(services.store, folder(services), KEY)

    events = [row.event for row in rows(services)]
    assert ["M7", "M7", "M8", "M9"] == sorted(one.request_id for one in events)
    wrote = [one for one in events if one.written]
    assert [1, 1, 1] == [len(one.patients) for one in wrote]
    assert 3 == len({one.patients for one in wrote})
    assert all(one.kind == "message-received" and one.status == "AA" for one in events)


def test_each_try_to_send_a_message_is_told(settings: Settings, clock: StandingClock) -> None:
    with listening() as peer:
        (hospital,) = (feed for feed in load(settings) if feed.name == "hospital")
        assert hospital.send is not None
        feed = replace(hospital, send=replace(hospital.send, port=peer.port))
        route = feed.route()
        assert route is not None
        services = build(settings, [route], clock=clock, pool_size=4)
        peer.refusals = [Category.UNAVAILABLE]
        patient = create(services.store, SYSTEM, "Patient", builders.patient())
        participant = [{"actor": {"reference": patient.reference}, "status": "accepted"}]
        create(services.store, Actor("vendor"), "Appointment", builders.appointment(participant=participant))
        dispatcher = Dispatcher(services.store, {feed.channel: feed}, {feed.name: tables.load()})
        for _ in range(2):
            dispatcher.deliver_due()
            clock.advance(3_600_000)
        dispatcher.close()
    seal_all(services.store, folder(services), KEY)

    events = [row.event for row in rows(services)]
    services.close()
    assert [("message-sent", "waiting"), ("message-sent", "delivered")] == [(one.kind, one.status) for one in events]
    assert {("feed:hospital", "appointment-booked", (patient.id,))} == {
        (one.owner, one.name, one.patients) for one in events
    }
