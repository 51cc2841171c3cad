"""What a deed is told as, and how an event is told in FHIR: shaped after IHE BALP, naming nobody."""

import base64
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from fhir_server.audit.event import MOST_NAMED, Event, decode, encode, event_of, references
from fhir_server.audit.kinds import KINDS
from fhir_server.audit.patients import patients_in
from fhir_server.audit.render import audit_event
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed, Written
from fhir_server.validation.gates import validate

NOW_MS = 1_772_434_800_000
VENDOR = Actor("vendor", token_id="t1", user="899700218896")
BODY = '{"resourceType":"Appointment","id":"a1","participant":[{"actor":{"reference":"Patient/p1"}}]}'


def written(count: int = 1) -> list[Written]:
    return [Written(f"Appointment/a{number}/_history/1", BODY) for number in range(count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["committed", "200", "404", "503", "AE"])
def test_every_kind_of_event_is_a_valid_resource(kind: str, status: str) -> None:
    deed = Deed(kind, "Appointment", "a0", "S12", "Appointment?date=ge2026", "192.0.2.7", status)

    told = audit_event(7, event_of(deed, VENDOR, NOW_MS, "r1", written()))

    validate(told, "AuditEvent")
    AuditEvent.model_validate(told)


def test_an_event_without_anything_known_is_valid_too() -> None:
    told = audit_event(1, event_of(Deed("other"), None, NOW_MS, ""))

    validate(told, "AuditEvent")
    AuditEvent.model_validate(told)


def test_a_write_is_told_with_its_agents_and_entities() -> None:
    deed = Deed("create", "Appointment", query="Appointment?identifier=x|1", address="192.0.2.7")

    told = audit_event(7, event_of(deed, VENDOR, NOW_MS, "r1", written()))

    client, user, server = told["agent"]
    assert ("C", "0", "2026-03-02T07:00:00.000Z") == (told["action"], told["outcome"], told["recorded"])
    assert {"value": "vendor"} == client["who"]["identifier"]
    assert ["urn:ietf:params:oauth:jti:t1"] == client["policy"]
    assert {"address": "192.0.2.7", "type": "2"} == client["network"]
    assert ({"value": "899700218896"}, True) == (user["who"]["identifier"], user["requestor"])
    assert not server["requestor"]
    assert [
        ("2", "4", "Appointment/a0/_history/1"),
        ("1", "1", "Patient/p1"),
    ] == [_about(one) for one in told["entity"] if "reference" in one.get("what", {})]
    query = next(one for one in told["entity"] if "query" in one)
    assert b"Appointment?identifier=x|1" == base64.b64decode(query["query"])
    assert {"value": "r1"} == told["entity"][-1]["what"]["identifier"]
    assert "XrequestId" == told["entity"][-1]["type"]["code"]


def test_what_is_read_goes_from_the_server_to_the_client() -> None:
    told = audit_event(7, event_of(Deed("read", "Patient", "p1", status="200"), VENDOR, NOW_MS, "r1"))

    codes = [agent["type"]["coding"][0]["code"] for agent in told["agent"]]
    assert ["110152", "IRCP", "110153"] == codes


def test_a_refused_read_names_what_was_asked_for() -> None:
    event = event_of(Deed("read", "Patient", "p1", status="404"), VENDOR, NOW_MS, "r1")

    assert {"Patient/p1"} == references(event)
    assert ("4", "404") == tuple(audit_event(1, event)[name] for name in ("outcome", "outcomeDesc"))


def test_its_line_is_read_as_it_was_written() -> None:
    event = event_of(Deed("update", "Appointment", "a0"), VENDOR, NOW_MS, "r1", written(3))

    assert event == decode(encode(event))
    assert b"\n" not in encode(event)


def test_a_line_of_an_older_release_is_still_read() -> None:
    assert Event(5, "read", "200") == decode('{"at_ms":5,"kind":"read","status":"200","of_tomorrow":1}')


def test_an_event_names_no_more_than_it_should() -> None:
    event = event_of(Deed("transaction"), VENDOR, NOW_MS, "r1", written(MOST_NAMED + 5))

    assert (MOST_NAMED, 5) == (len(event.written), event.left_out)
    assert "5 more are not named." in str(audit_event(1, event))


def test_a_control_id_that_cannot_be_printed_does_not_spoil_the_line() -> None:
    event = event_of(Deed("message-received", status="AE"), Actor("feed:h"), NOW_MS, "A\x0b\udc80\u0000B" * 100)

    assert event.request_id == ("AB" * 100)
    assert event == decode(encode(event))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"resourceType":"Patient","id":"p1"}', ("p1",)),
        ('{"subject":{"reference":"Patient/p1"},"x":{"reference":"Patient/p2/_history/3"}}', ("p1", "p2")),
        ('{"subject":{"reference":"https://other.example/Patient/9"}}', ()),
        ('{"reference":"RelatedPerson/1"}', ()),
        ('{"a":{"reference":"Patient/p1"},"b":{"reference":"Patient/p1"}}', ("p1",)),
        ("", ()),
    ],
)
def test_patients_are_found_in_what_is_stored_and_answered(text: str, expected: tuple[str, ...]) -> None:
    assert expected == patients_in(text)
    assert expected == patients_in(text.encode())


def _about(entity: dict[str, Any]) -> tuple[str, str, str]:
    return entity["type"]["code"], entity["role"]["code"], entity["what"]["reference"]
