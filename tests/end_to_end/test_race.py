"""Fifty clients want one slot from two server processes: one gets it, and the server lives on."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests import builders
from tests.end_to_end.conftest import Server

CLIENTS = 50
DAY = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}


def _publish(server: Server, token: str, slot_id: str) -> None:
    server.fhir("PUT", "Schedule/csnp", builders.schedule(id="csnp"), token=token)
    answer = server.fhir("PUT", f"Slot/{slot_id}", builders.slot(id=slot_id, **DAY), token=token)
    assert answer.status == 201


def test_one_of_fifty_racers_gets_the_slot(server: Server) -> None:
    server.start("web")
    coordinator = server.token("demo-coordinator")
    vendors = [server.token("demo-vendor"), server.token("demo-vendor-2")]
    _publish(server, coordinator, "prize")

    def book(number: int) -> tuple[int, str | None]:
        content = builders.appointment("prize", **DAY)
        answer = server.fhir("POST", "Appointment", content, token=vendors[number % 2])
        return answer.status, answer.content["issue"][0]["code"] if answer.status != 201 else None

    with ThreadPoolExecutor(CLIENTS) as racers:
        answers = Counter(racers.map(book, range(CLIENTS)))

    assert answers == {(201, None): 1, (409, "conflict"): CLIENTS - 1}
    assert server.fhir("GET", "Slot/prize", token=coordinator).content["status"] == "busy"
    found = server.fhir("GET", "Appointment?slot=Slot/prize&_total=accurate", token=coordinator).content
    assert (found["total"], len(found["entry"])) == (1, 1)


def test_many_more_clients_than_connections_are_slower_never_stuck(server: Server) -> None:
    """Two workers hold at most four transactions: four times as many clients still all get their answer."""
    server.start("web")
    coordinator, vendor = server.token("demo-coordinator"), server.token("demo-vendor")
    ids = [f"seat{number}" for number in range(16)]
    for slot_id in ids:
        _publish(server, coordinator, slot_id)

    def book(number: int) -> int:
        content = builders.appointment(ids[number % len(ids)], **DAY)
        return server.fhir("POST", "Appointment", content, token=vendor).status

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = Counter(clients.map(book, range(128)))

    assert answers == {201: 16, 409: 112}
    assert server.fhir("GET", "Slot?status=free", token=vendor).status == 200


def test_one_key_is_one_booking_in_every_worker_and_after_a_restart(server: Server) -> None:
    """Item 16: an answer that was lost is asked for again, at once by many, and of a server that was started anew."""
    server.start("web")
    coordinator, vendor = server.token("demo-coordinator"), server.token("demo-vendor")
    _publish(server, coordinator, "prize")

    def book(_number: int) -> tuple[int, str]:
        content = builders.appointment("prize", **DAY)
        answer = server.fhir("POST", "Appointment", content, token=vendor, Idempotency_Key="4711")
        return answer.status, answer.content["id"]

    with ThreadPoolExecutor(16) as clients:
        answers = set(clients.map(book, range(32)))
    server.stop()
    server.start("web")
    answers.add(book(0))

    assert [status for status, _ in answers] == [201]
