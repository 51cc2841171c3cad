"""From a message's bytes to its answer: applied once, kept always, answered in every case."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.mllp.framing import FaultKind, FramingFault
from adapters.receive import Receiver
from adapters.service import House, build_house
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from fhir_server.storage import inbox
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.tables import resource, resource_version

IPP = "000777^^^CH-DEMO^PI"
PID = f"PID|1||{IPP}||ESSAI^Camille^^^^^L||19790328|F"
TIMES = "SCH|P1^GAM|F1^GAM||||RDV|ROUTINE^^HL70276||20|min|^^20^{start}^{end}|||||D^ESSAI|||||||||Booked"


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("hospital")


def message(
    kind: str,
    *segments: str,
    control_id: str = "M1",
    version: str = "2.5",
    when: str = "20260302080000",
    end: str = "\r",
) -> bytes:
    """A message of the hospital."""
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|{when}||{kind}|{control_id}|P|{version}|||||FRA|UNICODE UTF-8"
    return (end.join([header, *segments]) + end).encode()


def appointment(kind: str, hour: str = "0900", **named: str) -> bytes:
    """An SIU about one appointment."""
    times = TIMES.format(start=f"20260303{hour}00", end=f"20260303{hour[:2]}2000")
    return message(kind, times, PID, "RGS|1", "AIS|1||CS^Consultation", **named)


def answer(octets: bytes) -> Acknowledgement:
    return read_acknowledgement(octets)


def current(house: House, type_name: str) -> list[dict[str, Any]]:
    query = select(resource.c.body).where(resource.c.type == type_name, ~resource.c.deleted).order_by(resource.c.pk)
    return [json.load(body.encode()) for body in house.services.store.read().execute(query).scalars()]


def versions(house: House) -> int:
    """How many versions messages made; what the server declares of itself has versions too."""
    query = select(func.count()).select_from(resource_version).where(resource_version.c.owner != "system")
    return house.services.store.read().execute(query).scalar_one()


def kept(house: House) -> list[Receipt]:
    return list(house.services.store.transact(SYSTEM, inbox.list_receipts))


def test_an_appointment_is_booked_moved_and_cancelled(house: House, receiver: Receiver) -> None:
    booked = answer(receiver.receive(appointment("SIU^S12^SIU_S12")))
    first = current(house, "Appointment")
    moved = answer(receiver.receive(appointment("SIU^S13^SIU_S12", "1000", control_id="M2", when="20260302080100")))
    second = current(house, "Appointment")
    cancelled = answer(receiver.receive(appointment("SIU^S15^SIU_S12", control_id="M3", when="20260302080200")))
    third = current(house, "Appointment")

    assert [one.code for one in (booked, moved, cancelled)] == ["AA", "AA", "AA"]
    assert [(one["status"], one["meta"]["versionId"]) for (one,) in (first, second, third)] == [
        ("booked", "1"),
        ("booked", "2"),
        ("cancelled", "3"),
    ]
    assert (first[0]["start"][:16], second[0]["start"][:16]) == ("2026-03-03T09:00", "2026-03-03T10:00")
    assert len(current(house, "Patient")) == 1


def test_the_same_message_gets_the_same_answer_and_changes_nothing(house: House, receiver: Receiver) -> None:
    octets = appointment("SIU^S12^SIU_S12")
    first = receiver.receive(octets)
    written = versions(house)
    later = octets.replace(b"20260302080000", b"20260302090000")

    assert receiver.receive(octets) == first
    assert receiver.receive(later) == first
    assert versions(house) == written
    assert [one.state for one in kept(house)] == ["applied"]


def test_what_a_message_wrote_is_kept_with_it(house: House, receiver: Receiver) -> None:
    octets = appointment("SIU^S12^SIU_S12")
    receiver.receive(octets)
    (receipt,) = kept(house)
    (booked,) = current(house, "Appointment")

    assert receipt.raw == octets
    assert f"Appointment/{booked['id']}/_history/1" in receipt.effects.splitlines()


def test_a_refused_message_is_kept_and_applied_when_what_it_lacked_has_come(house: House, receiver: Receiver) -> None:
    cancel = message("SIU^S15^SIU_S12", "SCH|P1^GAM|F1^GAM", "RGS|1", control_id="M9", when="20260302080200")
    refused = answer(receiver.receive(cancel))
    receiver.receive(appointment("SIU^S12^SIU_S12"))
    applied = answer(receiver.receive(cancel))

    assert (refused.code, refused.error_code, refused.error_location) == ("AE", "204", "SCH^1^2")
    assert applied.code == "AA"
    assert sorted((one.control_id, one.state) for one in kept(house)) == [("M1", "applied"), ("M9", "applied")]


def test_an_older_message_is_acknowledged_with_a_warning_and_changes_nothing(house: House, receiver: Receiver) -> None:
    receiver.receive(appointment("SIU^S12^SIU_S12", when="20260302080500"))
    reply = receiver.receive(appointment("SIU^S13^SIU_S12", "1000", control_id="M0", when="20260302080000"))

    assert (answer(reply).code, b"|W|" in reply) == ("AA", True)
    assert current(house, "Appointment")[0]["start"][:16] == "2026-03-03T09:00"


def test_an_appointment_cancelled_is_booked_again(house: House, receiver: Receiver) -> None:
    receiver.receive(appointment("SIU^S12^SIU_S12"))
    cancel = appointment("SIU^S15^SIU_S12", control_id="M2", when="20260302080100").replace(
        b"||||RDV|", b"||||PAT^Patient|"
    )
    receiver.receive(cancel)
    (cancelled,) = current(house, "Appointment")
    again = answer(receiver.receive(appointment("SIU^S12^SIU_S12", control_id="M3", when="20260302080200")))

    assert (cancelled["status"], "cancelationReason" in cancelled) == ("cancelled", True)
    assert (again.code, current(house, "Appointment")[0]["status"]) == ("AA", "booked")


def test_an_endless_or_binary_control_id_is_answered_and_kept(house: House, receiver: Receiver) -> None:
    for control_id in ("9" * 5000, "A\0B"):
        reply = receiver.receive(message("ZZZ^Z01", control_id=control_id))
        assert b"\rMSA|AR|" in reply

    assert len(kept(house)) == 2


BAD = {
    "nothing at all": (b"", "AR", "100"),
    "no MSH": (b"PID|1||000777\r", "AR", "100"),
    "MSH cut short": (b"MSH|^~\\&|GAM", "AR", "100"),
    "unknown type": (message("ZZZ^Z01"), "AR", "200"),
    "unknown event": (message("SIU^S99"), "AR", "201"),
    "unknown version": (message("SIU^S12", version="9.9"), "AR", "203"),
    "wrong processing id": (appointment("SIU^S12").replace(b"|P|2.5", b"|X|2.5"), "AR", "202"),
    "bytes that are not the charset declared": (appointment("SIU^S12").replace(b"Camille", b"Ren\xe9"), "AR", "100"),
    "no time": (message("SIU^S12^SIU_S12", "SCH|P1^GAM|F1^GAM", PID, "RGS|1"), "AE", "101"),
    "an appointment never seen": (message("SIU^S15^SIU_S12", "SCH|P1^GAM|F1^GAM", "RGS|1"), "AE", "204"),
    "no patient identifier": (message("ADT^A28^ADT_A05", "EVN||20260302", "PID|1||||ESSAI^Camille"), "AE", "101"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_messages_are_told_so_and_kept(house: House, receiver: Receiver, name: str) -> None:
    octets, code, error_code = BAD[name]
    reply = receiver.receive(octets)
    (receipt,) = kept(house)

    if b"|M1|" in octets:
        assert (answer(reply).code, answer(reply).error_code) == (code, error_code)
    else:
        assert b"\rMSA|" + code.encode() in reply
    assert (receipt.raw, receipt.state) == (octets, {"AE": "refused", "AR": "rejected"}[code])
    assert versions(house) == 0
    assert "Camille" not in (receipt.error or "")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_other_line_ends_are_understood(house: House, receiver: Receiver, end: str) -> None:
    octets = message("ADT^A28^ADT_A05", "EVN||20260302080000", PID, end=end)

    assert answer(receiver.receive(octets)).code == "AA"
    assert answer(receiver.receive(b"\xef\xbb\xbf" + octets.replace(b"M1", b"M2"))).code == "AA"
    assert len(current(house, "Patient")) == 1


def test_half_a_frame_is_rejected_with_its_control_id_and_kept(house: House, receiver: Receiver) -> None:
    octets = appointment("SIU^S12^SIU_S12")[:120]

    reply = receiver.refuse(FramingFault(FaultKind.TRUNCATED, octets))

    assert reply is not None
    told = answer(reply.octets)
    assert (told.code, told.control_id) == ("AR", "M1")
    assert kept(house)[0].raw == octets


def test_noise_between_frames_is_passed_over_but_a_message_there_is_not(house: House, receiver: Receiver) -> None:
    assert receiver.refuse(FramingFault(FaultKind.OUTSIDE, b"GET / HTTP/1.1\r\n")) is None
    assert kept(house) == []
    assert receiver.refuse(FramingFault(FaultKind.OUTSIDE, appointment("SIU^S12"))) is not None
    assert len(kept(house)) == 1


def test_a_practitioner_never_seen_is_made_from_the_message(house: House, receiver: Receiver) -> None:
    person = "801234567897^NOUVEAU^Ada^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    times = TIMES.format(start="20260303090000", end="20260303092000")
    reply = receiver.receive(message("SIU^S12^SIU_S12", times, PID, "RGS|1", f"AIP|1||{person}"))

    assert answer(reply).code == "AA"
    assert [one["identifier"][0]["value"] for one in current(house, "Practitioner")] == ["801234567897"]


def test_a_store_that_is_away_rejects_so_that_the_sender_keeps_the_message(settings: Settings) -> None:
    away = build_house(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none"))

    assert answer(away.receiver("hospital").receive(appointment("SIU^S12^SIU_S12"))).code == "AR"
