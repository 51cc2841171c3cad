"""A practice publishes its rota, a regulator takes what is kept for it, an operator looks at what does not fit."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests import availability as rules
from tests.end_to_end.rest.conftest import Api

TWO_HOURS = {"value": 2, "system": "http://unitsofmeasure.org", "code": "h"}


def _rota(name: str, **offered: Any) -> dict[str, Any]:
    start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2)
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (start, start + timedelta(hours=1))]
    period = rules.availability(*texts, rules.offer(minutes=30, holidays="open", **offered))
    return rules.schedule(period, id=name, actor=[{"reference": "HealthcareService/csnp"}])


def _free(api: Api, name: str) -> list[dict[str, Any]]:
    found = api.get(f"Slot?schedule=Schedule/{name}&status=free").json()
    return [entry["resource"] for entry in found.get("entry", ())]


def test_a_rota_is_kept_for_the_samu_until_its_release(api: Api) -> None:
    agenda, samu, vendor = (api.as_client(f"demo-{one}") for one in ("agenda", "samu", "vendor"))
    kept = _rota("rota-samu", holder="samu", releaseBefore=TWO_HOURS)
    assert agenda.put("Schedule/rota-samu", kept).status_code == 201

    made = agenda.post("Schedule/rota-samu/$generate-slots")

    assert made.status_code == 200
    assert made.json()["issue"][0]["diagnostics"].startswith("2 slots made")
    assert [len(_free(one, "rota-samu")) for one in (samu, agenda, vendor)] == [2, 2, 0]
    slot = _free(samu, "rota-samu")[0]
    booking = {
        "resourceType": "Appointment",
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [{"actor": {"reference": "HealthcareService/csnp"}, "status": "accepted"}],
    }
    assert vendor.get(f"Slot/{slot['id']}").status_code == 404
    refused = vendor.post("Appointment", booking)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, ["Appointment.slot[0]"])
    assert samu.post("Appointment", booking).status_code == 201


def test_conflicts_are_listed_and_nothing_is_written_by_a_dry_run(api: Api) -> None:
    agenda = api.as_client("demo-agenda")
    agenda.put("Schedule/rota-dry", _rota("rota-dry"))
    agenda.post("Schedule/rota-dry/$generate-slots")
    slot = _free(agenda, "rota-dry")[0]
    booking = {
        "resourceType": "Appointment",
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [{"actor": {"reference": "HealthcareService/csnp"}, "status": "accepted"}],
    }
    api.post("Appointment", booking)
    agenda.put("Schedule/rota-dry", _rota("rota-dry") | {"active": False})
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "dryRun", "valueBoolean": True}]}

    told = agenda.post("Schedule/rota-dry/$generate-slots", parameters).json()

    assert [(issue["severity"], issue["code"]) for issue in told["issue"]] == [
        ("information", "informational"),
        ("warning", "conflict"),
    ]
    assert told["issue"][1]["expression"] == [f"Slot/{slot['id']}"]
    assert len(_free(agenda, "rota-dry")) == 1


def test_rules_that_cannot_be_understood_are_422(api: Api) -> None:
    wrong = _rota("rota-wrong", holder="police")

    refused = api.put("Schedule/rota-wrong", wrong)

    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Schedule.extension[0].extension[4].extension[2]"]


def test_who_may_make_slots(api: Api) -> None:
    api.put("Schedule/rota-mine", _rota("rota-mine"))

    path = "Schedule/rota-mine/$generate-slots"
    assert api.get(path).status_code == 405
    assert api.as_client("demo-vendor").post(path).status_code == 403
    assert api.as_client("demo-agenda").post(path).status_code == 403
    assert api.post("Schedule/rota-unknown/$generate-slots").status_code == 404
    far = {"resourceType": "Parameters", "parameter": [{"name": "until", "valueDate": "2099-01-01"}]}
    assert api.post(path, far).status_code == 422
