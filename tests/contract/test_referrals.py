"""Referrals by message: made, modified, withdrawn, asked for; each is answered by how it stands (RRI)."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from adapters.service import build_house
from fhir_server.interactions import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from tests.contract.siu import PID, Desk

RP = "PRD|RP|ONDECLAIRE^Mélusin|||||899700960125^IDNPS"
RT = "PRD|RT|EXEMPLE^Anne|||||10100000011^RPPS"
PV1 = "PV1|1|O"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    yield Desk(house, "samu")
    house.services.close()


def rf1(status: str = "P", number: str = "R-1^SAMU-DEMO", priority: str = "A") -> str:
    return f"RF1|{status}|{priority}|MED^Médecine|||{number}|20260302||20260302|O^Soins non programmés"


def send(desk: Desk, event: str, *segments: str, minute: int | None = None) -> Message:
    return parse(desk.raw(event, *segments, kind="REF", structure="REF_I12", minute=minute))


def made(desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    (request,), (task,) = desk.current("ServiceRequest"), desk.current("Task")
    return request, task


def statuses(desk: Desk) -> tuple[str, str]:
    request, task = made(desk)
    return request["status"], task["status"]


def test_a_referral_waits_and_is_answered_so(desk: Desk) -> None:
    told = send(desk, "I12", rf1(), RP, RT, PID)

    assert [told["MSH-9.1"], told["MSH-9.2"], told["MSH-9.3"]] == ["RRI", "I12", "RRI_I12"]
    assert [told["MSA-1"], told["RF1-1"], told["RF1-6"], told["RF1-6.2"]] == ["AA", "P", "R-1", "SAMU-DEMO"]
    assert [one.get("1") for one in told.segments_named("PRD")] == ["RP", "RT"]
    assert told["PID-3"] == "000777"
    assert statuses(desk) == ("active", "requested")


@pytest.mark.parametrize(
    ("status", "request_status", "task_status", "answer"),
    [("A", "active", "accepted", "A"), ("R", "revoked", "rejected", "R"), ("E", "revoked", "cancelled", "E")],
)
def test_states_of_a_referral(desk: Desk, status: str, request_status: str, task_status: str, answer: str) -> None:
    told = send(desk, "I12", rf1(status), RP, PID)

    assert statuses(desk) == (request_status, task_status)
    assert told["RF1-1"] == answer


def test_segments_stand_in_any_order(desk: Desk) -> None:
    told = send(desk, "I12", PV1, RT, PID, "NTE|1||Fièvre", RP, rf1(), "DG1|1||R50.9^Fièvre^I10")

    request, _ = made(desk)
    doctors = {one["name"][0]["family"]: one["id"] for one in desk.current("Practitioner")}
    assert told["MSA-1"] == "AA"
    assert request["requester"]["reference"] == f"Practitioner/{doctors['ONDECLAIRE']}"
    assert request["performer"] == [{"reference": f"Practitioner/{doctors['EXEMPLE']}"}]
    assert request["note"] == [{"text": "Fièvre"}]
    assert [reason["coding"][0]["code"] for reason in request["reasonCode"]] == ["O", "R50.9"]


def test_a_referrer_without_number_is_named(desk: Desk) -> None:
    send(desk, "I12", rf1(), "PRD|RP|ONDECLAIRE^Mélusin", PID)

    assert made(desk)[0]["requester"] == {"display": "ONDECLAIRE"}


def test_a_modification_changes_what_it_tells(desk: Desk) -> None:
    send(desk, "I12", rf1(), RP, PID)
    told = send(desk, "I13", rf1("A", priority="S"), PID)

    request, task = made(desk)
    assert [told["MSH-9.2"], told["RF1-1"]] == ["I13", "A"]
    assert [request["priority"], task["status"]] == ["stat", "accepted"]
    assert "requester" in request


def test_a_modification_of_an_unseen_referral_makes_it(desk: Desk) -> None:
    assert send(desk, "I13", rf1(), RP, PID)["MSA-1"] == "AA"
    assert statuses(desk) == ("active", "requested")


@pytest.mark.parametrize("status", ["R", "P", ""])
def test_a_withdrawn_referral(desk: Desk, status: str) -> None:
    send(desk, "I12", rf1(), RP, PID)
    told = send(desk, "I14", rf1(status), PID)

    assert [told["MSH-9.2"], told["MSA-1"], told["RF1-1"]] == ["I14", "AA", "E"]
    assert statuses(desk) == ("revoked", "cancelled")


def test_withdrawing_an_unseen_referral_is_refused(desk: Desk) -> None:
    told = send(desk, "I14", rf1(), RP, PID)

    assert [told["MSH-9.1"], told["MSA-1"], told["ERR-3"]] == ["RRI", "AE", "204"]
    assert desk.current("Patient") == []


def test_an_older_word_does_not_revive_a_withdrawn_referral(desk: Desk) -> None:
    send(desk, "I12", rf1(), RP, PID, minute=1)
    send(desk, "I14", rf1(), PID, minute=9)
    told = send(desk, "I13", rf1("A"), RP, PID, minute=5)

    assert statuses(desk) == ("revoked", "cancelled")
    assert [told["MSA-1"], told["ERR-4"], told["RF1-1"]] == ["AA", "W", "E"]


def test_a_question_is_answered_by_what_stands_here(desk: Desk) -> None:
    send(desk, "I12", rf1(), RP, PID)
    request, task = made(desk)
    accepted = task | {"status": "accepted"}
    desk.house.services.store.transact(SYSTEM, lambda uow: update.put(uow, "Task", task["id"], dict(accepted)))
    before = made(desk)

    told = send(desk, "I15", rf1(priority="R"), RT, PID.replace("Camille", "Camille Marie"))

    assert [told["MSH-9.1"], told["MSH-9.2"], told["MSA-1"], told["RF1-1"]] == ["RRI", "I15", "AA", "A"]
    assert made(desk) == before
    assert request["id"] == before[0]["id"]
    assert [one["name"][0]["family"] for one in desk.current("Practitioner")] == ["ONDECLAIRE"]
    assert desk.current("Patient")[0]["name"][0]["given"] == ["Camille"]


def test_a_question_about_an_unseen_referral_is_refused(desk: Desk) -> None:
    told = send(desk, "I15", rf1(), PID)

    assert [told["MSA-1"], told["ERR-3"]] == ["AE", "204"]
    assert desk.current("Patient") == []


def test_two_referrals_in_one_message_are_refused(desk: Desk) -> None:
    told = send(desk, "I12", rf1(), rf1(number="R-2^SAMU-DEMO"), RP, PID)

    assert [told["MSA-1"], told["ERR-3"]] == ["AE", "100"]
