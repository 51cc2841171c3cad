"""What a feed's message asks for becomes one resource, whatever comes twice, late or partly."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions import update, upsert
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.upsert import Applied
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.kernel.upsert import Upsert
from fhir_server.storage import identified
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork
from tests import builders
from tests.conftest import NOW_MS

FEED = Actor("hospital", is_territory=True, origin="feed:hospital")
IPP = ("urn:oid:1.2.250.1.999.1", "000777")
VISIT = ("urn:oid:1.2.250.1.999.1.3", "V1")


def _identifier(key: tuple[str, str], **elements: Any) -> dict[str, Any]:
    return {"system": key[0], "value": key[1], **elements}


def _patient(at_ms: int | None = None, mode: str = "merge", cleared: tuple[str, ...] = (), **elements: Any) -> Upsert:
    content = {"resourceType": "Patient", "identifier": [_identifier(IPP)], **elements}
    return Upsert("urn:uuid:p", "Patient", (IPP,), content, mode, cleared, at_ms=at_ms)


def _locked(uow: UnitOfWork, upserts: Sequence[Upsert]) -> Applied:
    """Applied as a message's are: their names are locked first."""
    uow.lock(*upsert.names(upserts))
    return upsert.apply(uow, upserts, (), upsert.find(uow, upserts))


def _apply(services: Services, *upserts: Upsert) -> list[Stored]:
    """What was written."""
    written = []
    for address in services.store.transact(FEED, lambda uow: _locked(uow, upserts)).written:
        type_name, id_, _, version = address.split("/")
        written.append(vread(services.store, SYSTEM, type_name, id_, int(version)))
    return written


def _only(services: Services, *upserts: Upsert) -> dict[str, Any]:
    (stored,) = _apply(services, *upserts)
    return stored.content()


def test_the_same_key_is_the_same_resource(services: Services) -> None:
    first = _apply(services, _patient(gender="female"))
    again = _apply(services, _patient(gender="female"))
    changed = _apply(services, _patient(gender="male"))

    assert [len(first), len(again), len(changed)] == [1, 0, 1]
    assert (changed[0].id, changed[0].version) == (first[0].id, 2)


def test_what_is_left_out_stays_and_what_is_cleared_goes(services: Services) -> None:
    _apply(services, _patient(gender="female", birthDate="1979-03-28", name=[{"family": "ESSAI"}]))

    content = _only(services, _patient(name=[{"family": "AUTRE"}], cleared=("birthDate",)))

    assert (content["gender"], content["name"], "birthDate" in content) == ("female", [{"family": "AUTRE"}], False)


def test_filling_never_overwrites(services: Services) -> None:
    _apply(services, _patient(gender="female"))

    content = _only(services, _patient(mode="fill", gender="male", birthDate="1979-03-28"))

    assert (content["gender"], content["birthDate"]) == ("female", "1979-03-28")


def test_identifiers_unite(services: Services) -> None:
    other = _identifier(("urn:other", "9"))
    _apply(services, _patient())
    content = _only(services, _patient(identifier=[_identifier(IPP, use="usual"), other]))

    assert content["identifier"] == [_identifier(IPP, use="usual"), other]


def test_an_older_message_never_overwrites_a_newer_one(services: Services) -> None:
    _apply(services, _patient(at_ms=NOW_MS, gender="female"))
    old = _patient(at_ms=NOW_MS - 1, gender="male")
    late = services.store.transact(FEED, lambda uow: _locked(uow, [old]))
    next_ = _apply(services, _patient(at_ms=NOW_MS, gender="other"))

    assert (late.written, [issue.severity for issue in late.late]) == ((), ["warning"])
    assert next_[0].content()["gender"] == "other"


def test_references_inside_a_batch_become_ids(services: Services) -> None:
    encounter = {
        "resourceType": "Encounter",
        "identifier": [_identifier(VISIT)],
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
        "subject": {"reference": "urn:uuid:p"},
    }
    patient, visit = _apply(services, _patient(), Upsert("urn:uuid:e", "Encounter", (VISIT,), encounter))

    assert visit.content()["subject"] == {"reference": f"Patient/{patient.id}"}


def test_one_key_twice_in_a_batch_is_one_resource(services: Services) -> None:
    again = Upsert("urn:uuid:q", "Patient", (IPP,), _patient(gender="female").resource, "merge")

    written = _apply(services, _patient(), again)

    assert len({stored.id for stored in written}) == 1


def test_what_must_exist_and_does_not_is_told_where(services: Services) -> None:
    missing = Upsert(
        "urn:uuid:a", "Appointment", (VISIT,), builders.appointment(), on_missing="error", location="SCH^1^2"
    )

    with pytest.raises(FhirError) as caught:
        _apply(services, missing)

    assert caught.value.category is Category.UNKNOWN_REFERENCE
    assert caught.value.issues[0].expression == "SCH^1^2"


def test_our_own_id_is_a_key_too(services: Services) -> None:
    stored = create(services.store, SYSTEM, "Appointment", builders.appointment())
    key = (upsert.OWN_ID_SYSTEM, stored.id)
    cancelled = {"resourceType": "Appointment", "status": "cancelled"}

    _apply(services, Upsert("urn:uuid:a", "Appointment", (key,), cancelled))

    assert read(services.store, SYSTEM, "Appointment", stored.id).content()["status"] == "cancelled"


def test_an_invalid_result_changes_nothing(services: Services) -> None:
    wrong = Upsert("urn:uuid:w", "Patient", (("urn:w", "1"),), {"resourceType": "Patient", "gender": "?"})

    with pytest.raises(FhirError):
        _apply(services, _patient(), wrong)

    assert _apply(services, _patient())[0].version == 1


def test_messages_at_the_same_time_make_one_resource(services: Services) -> None:
    written: list[list[Stored]] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        written.append(_apply(services, _patient(name=[{"family": f"ESSAI{number}"}])))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({stored.id for batch in written for stored in batch}) == 1
    assert sorted(stored.version for batch in written for stored in batch) == [1, 2, 3, 4]


PLACE = {"actor": {"reference": "Location/csnp"}, "status": "accepted"}
NINE = {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T09:15:00+01:00"}
TEN = {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"}


def _told(services: Services, status: str = "booked", key: str = "A1", **elements: Any) -> dict[str, Any]:
    """The appointment after a feed told it."""
    identifier = ("urn:hospital", key)
    given = {"identifier": [_identifier(identifier)], "status": status, "participant": [PLACE], **elements}
    _apply(services, Upsert("urn:uuid:a", "Appointment", (identifier,), {"resourceType": "Appointment", **given}))
    with services.store.database.begin() as connection:
        found = identified.find_by_identifiers(connection, [("Appointment", *identifier)])
    return found["Appointment", *identifier].content()


@pytest.fixture
def agenda(services: Services) -> dict[str, str]:
    """Slots of the place at nine and ten, by id; one of another place at nine."""
    put = services.store.transact
    for schedule, actor in (("csnp", "Location/csnp"), ("other", "Location/other")):
        content = builders.schedule(actor=[{"reference": actor}])
        put(SYSTEM, lambda uow, name=schedule, body=content: update.put(uow, "Schedule", name, body))
    for slot_id, schedule, times in (("nine", "csnp", NINE), ("ten", "csnp", TEN), ("else", "other", NINE)):
        content = builders.slot(schedule={"reference": f"Schedule/{schedule}"}, **times)
        put(SYSTEM, lambda uow, name=slot_id, body=content: update.put(uow, "Slot", name, body))
    return {"nine": "free", "ten": "free", "else": "free"}


def _slots(services: Services) -> dict[str, str]:
    return {name: read(services.store, SYSTEM, "Slot", name).content()["status"] for name in ("nine", "ten", "else")}


def test_a_feeds_appointment_takes_the_slot_of_its_place_and_time(services: Services, agenda: dict[str, str]) -> None:
    booked = _told(services, **NINE)

    assert booked["slot"] == [{"reference": "Slot/nine"}]
    assert _slots(services) == agenda | {"nine": "busy"}


def test_a_feeds_move_and_cancellation_take_and_free_slots(services: Services, agenda: dict[str, str]) -> None:
    _told(services, **NINE)
    moved = _told(services, **TEN)
    after_move = _slots(services)
    _told(services, "cancelled", **TEN)

    assert moved["slot"] == [{"reference": "Slot/ten"}]
    assert after_move == agenda | {"ten": "busy"}
    assert _slots(services) == agenda


def test_a_feeds_appointment_outside_our_slots_is_taken_too(services: Services, agenda: dict[str, str]) -> None:
    _told(services, **NINE)
    second = _told(services, key="A2", **NINE)
    odd = _told(services, key="A3", start=NINE["start"], end="2026-03-03T09:20:00+01:00")

    assert ("slot" in second, "slot" in odd) == (False, False)
    assert _slots(services) == agenda | {"nine": "busy"}
