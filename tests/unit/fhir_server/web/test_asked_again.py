"""What an answer says of a request that was done before, and of what does not fit what was written."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.slots_ahead import generate
from fhir_server.kernel.actor import SYSTEM
from tests import builders
from tests.availability import MONDAYS, closed, schedule
from tests.contract.bundles import bundle, entry

Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def key(bearer: Bearer) -> dict[str, str]:
    return bearer(**{"Idempotency-Key": '"8e03978e"'})


def _told(answer: TestResponse) -> tuple[int, str | None, str | None]:
    return answer.status_code, answer.headers.get("Location"), answer.headers.get("Idempotent-Replayed")


def test_a_create_is_answered_again(client: FlaskClient, services: Services, key: dict[str, str]) -> None:
    content = builders.appointment(create(services.store, SYSTEM, "Slot", builders.slot()).id)

    first, again = (client.post("/fhir/Appointment", json=content, headers=key) for _ in range(2))
    other = client.post("/fhir/Appointment", json=content | {"comment": "x"}, headers=key)

    assert _told(again) == (*_told(first)[:2], "true")
    assert (first.status_code, first.headers.get("Idempotent-Replayed")) == (201, None)
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    assert (other.status_code, other.get_json()["issue"][0]["code"]) == (422, "business-rule")


def test_a_key_holds_for_one_address(client: FlaskClient, key: dict[str, str]) -> None:
    assert client.post("/fhir/Patient", json=builders.patient(), headers=key).status_code == 201
    assert client.post("/fhir/Patient/$validate", json=builders.patient(), headers=key).status_code == 200
    assert client.post("/fhir/Schedule", json=builders.schedule(), headers=key).status_code == 422


def test_a_transaction_is_answered_again(client: FlaskClient, key: dict[str, str]) -> None:
    content = bundle("transaction", entry("POST", "Patient", builders.patient()))

    first, again = (client.post("/fhir", json=content, headers=key) for _ in range(2))

    assert (first.status_code, again.get_json()) == (200, first.get_json())


def test_a_key_that_is_none(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(**{"Idempotency-Key": "a b"})

    assert client.post("/fhir/Patient", json=builders.patient(), headers=headers).status_code == 400


@pytest.mark.parametrize("address", ["Appointment/x", "Appointment?status=cancelled"])
def test_33_an_appointment_is_not_deleted(client: FlaskClient, bearer: Bearer, address: str) -> None:
    answer = client.delete(f"/fhir/{address}", headers=bearer())

    assert (answer.status_code, "DELETE" in answer.headers["Allow"]) == (405, False)
    told = client.post("/fhir", json=bundle("batch", entry("DELETE", address)), headers=bearer())
    assert told.get_json()["entry"][0]["response"]["status"].startswith("405")


def _rule(client: FlaskClient, headers: dict[str, str], *parts: dict[str, Any]) -> TestResponse:
    return client.put("/fhir/Schedule/a", json=schedule(*parts) | {"id": "a"}, headers=headers)


def test_a_rota_that_leaves_a_booked_slot_outside_says_so(
    client: FlaskClient, services: Services, bearer: Bearer
) -> None:
    slot_id, monday = "a-20260309T0720Z", closed("2026-03-09", "2026-03-09")
    assert "Conflicts" not in _rule(client, bearer(), MONDAYS).headers
    generate(services.store, "a", horizon_days=14)
    times = {"start": "2026-03-09T08:20:00+01:00", "end": "2026-03-09T08:40:00+01:00"}
    create(services.store, SYSTEM, "Appointment", builders.appointment(slot_id, **times))

    plain = _rule(client, bearer(), MONDAYS, monday)
    told = _rule(client, bearer(Prefer="return=OperationOutcome"), monday, MONDAYS)
    fits = _rule(client, bearer(Prefer="return=OperationOutcome"), MONDAYS)

    assert (plain.status_code, plain.headers["Conflicts"]) == (200, f"Slot/{slot_id}")
    assert plain.get_json()["resourceType"] == "Schedule"
    issues = told.get_json()["issue"]
    assert [(one["severity"], one.get("expression")) for one in issues] == [
        ("information", None),
        ("warning", [f"Slot/{slot_id}"]),
    ]
    assert ("Conflicts" in fits.headers, len(fits.get_json()["issue"])) == (False, 1)
    gone = entry("PUT", "Schedule/a", builders.schedule(id="a"))
    answers = client.post("/fhir", json=bundle("transaction", gone), headers=bearer()).get_json()["entry"]
    assert answers[0]["response"]["outcome"]["issue"][1]["expression"] == [f"Slot/{slot_id}"]
    assert answers[0]["resource"]["resourceType"] == "Schedule"
