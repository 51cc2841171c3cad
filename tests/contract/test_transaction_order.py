"""Transactions are done as a whole, in their order, and answered in the order submitted, on every store."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.bundle import MAX_ENTRIES, process
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.errors import Category
from tests import builders
from tests.contract.bundles import (
    BASE,
    MRN,
    RIVAL,
    URN,
    VENDOR,
    entry,
    everything,
    identified,
    json_patch,
    patient_named,
    refusal,
    stored,
    transact,
    versions,
)
from tests.contract.bundles import statuses as statuses_of


def test_answers_come_in_the_order_submitted(services: Services) -> None:
    """Behaviour 60."""
    gone, kept = patient_named(services, "gone"), patient_named(services, "kept")

    answers = transact(
        services,
        entry("GET", f"Patient/{kept}"),
        entry("PUT", f"Patient/{kept}", builders.patient(id=kept, gender="male")),
        entry("POST", "Patient", builders.patient()),
        entry("DELETE", f"Patient/{gone}"),
        entry("GET", f"Patient?identifier={MRN}|gone"),
        entry("HEAD", f"Patient/{kept}"),
    )

    assert statuses_of(answers) == [200, 200, 201, 204, 200, 200]
    # The read comes after the write, whatever the order submitted.
    assert (answers[0]["resource"]["gender"], answers[0]["response"]["etag"]) == ("male", 'W/"2"')
    assert answers[4]["resource"]["total"] == 0
    assert "resource" not in answers[5]
    created = answers[2]
    assert created["response"]["location"] == f"{created['fullUrl']}/_history/1"
    assert created["response"]["lastModified"] == "2026-03-02T07:00:00.000Z"


def test_if_none_match_creates_only(services: Services) -> None:
    """Behaviour 23."""
    put = entry("PUT", "Patient/one", builders.patient(id="one"), ifNoneMatch="*")

    assert statuses_of(transact(services, put)) == [201]
    assert refusal(services, put) == (Category.VERSION_CONFLICT, "Bundle.entry[0]")
    by_search = entry("PUT", "Patient?_id=one", builders.patient(), ifNoneMatch="*")
    assert refusal(services, by_search) == (Category.VERSION_CONFLICT, "Bundle.entry[0]")


def test_a_conditional_transaction_is_idempotent(services: Services) -> None:
    """Behaviour 66: the second time the patient is found, the request unchanged."""
    entries = (
        entry("POST", "Patient", builders.patient(**identified("a")), URN.format(1), ifNoneExist=f"identifier={MRN}|a"),
        entry(
            "PUT",
            f"ServiceRequest?identifier={MRN}|r",
            builders.service_request(subject={"reference": URN.format(1)}, **identified("r")),
        ),
    )

    first, second = transact(services, *entries), transact(services, *entries)

    assert (statuses_of(first), statuses_of(second)) == ([201, 201], [200, 200])
    assert [one["resource"] for one in first] == [one["resource"] for one in second]
    assert second[1]["resource"]["subject"]["reference"] == f"Patient/{first[0]['resource']['id']}"


def test_an_update_that_changes_nothing_makes_no_version(services: Services) -> None:
    """Behaviours 21 and 59."""
    update(services.store, VENDOR, "Schedule", "csnp", builders.schedule(), None)
    (answer,) = transact(services, entry("PUT", "Schedule/csnp", builders.schedule(id="csnp")))

    assert answer["response"]["etag"] == 'W/"1"'


def test_the_same_id_in_two_types_is_two_resources(services: Services) -> None:
    """Behaviour 65."""
    answers = transact(
        services,
        entry("PUT", "Patient/same", builders.patient(id="same")),
        entry("PUT", "Schedule/same", builders.schedule(id="same")),
    )

    assert statuses_of(answers) == [201, 201]


def test_patches_in_a_transaction(services: Services) -> None:
    """Behaviour 50: FHIRPath Patch by id, JSON Patch in a Binary by search, each with what the other entries give."""
    first, second = patient_named(services, "a"), patient_named(services, "b")
    operation = {
        "name": "operation",
        "part": [
            {"name": "type", "valueCode": "add"},
            {"name": "path", "valueString": "Patient"},
            {"name": "name", "valueString": "managingOrganization"},
            {"name": "value", "valueReference": {"reference": URN.format(1)}},
        ],
    }
    steps = [{"op": "replace", "path": "/gender", "value": "male"}]
    binary = json_patch(steps)

    answers = transact(
        services,
        entry("PATCH", f"Patient/{first}", {"resourceType": "Parameters", "parameter": [operation]}, ifMatch='W/"1"'),
        entry("PATCH", f"Patient?identifier={MRN}|b", binary),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "CPTS"}, URN.format(1)),
    )

    assert statuses_of(answers) == [200, 200, 201]
    organization = answers[2]["resource"]["id"]
    assert stored(services, f"Patient/{first}")["managingOrganization"]["reference"] == f"Organization/{organization}"
    assert (answers[1]["resource"]["id"], answers[1]["resource"]["gender"]) == (second, "male")
    stale = entry("PATCH", f"Patient/{first}", {"resourceType": "Parameters"}, ifMatch='W/"1"')
    assert refusal(services, stale)[0] is Category.VERSION_CONFLICT
    other = binary | {"contentType": "text/plain"}
    found = refusal(services, entry("PATCH", f"Patient/{first}", other))
    assert found == (Category.UNSUPPORTED_MEDIA, "Bundle.entry[0]")


def test_a_booking_is_made_with_all_that_it_needs(services: Services) -> None:
    """Patient, referral, slot and appointment in one go; taken twice, nothing of the second is stored."""

    def booking(slot: str) -> tuple[dict[str, Any], ...]:
        appointment = builders.appointment(
            slot,
            basedOn=[{"reference": URN.format(2)}],
            participant=[{"actor": {"reference": URN.format(1)}, "status": "accepted"}],
        )
        return (
            entry("POST", "Appointment", appointment),
            entry(
                "POST", "ServiceRequest", builders.service_request(subject={"reference": URN.format(1)}), URN.format(2)
            ),
            entry("POST", "Patient", builders.patient(), URN.format(1)),
        )

    slot = entry("PUT", "Slot/s", builders.slot(id="s"))
    answers = transact(services, *booking("s"), slot)

    assert statuses_of(answers) == [201, 201, 201, 201]
    assert stored(services, "Slot/s")["status"] == "busy"
    assert refusal(services, *booking("s"), actor=RIVAL) == (Category.CONFLICT, "Bundle.entry[0].resource.slot[0]")
    assert (versions(services, "Patient"), versions(services, "Appointment")) == (1, 1)


@pytest.fixture
def booked(services: Services) -> dict[str, Any]:
    """A booking of the slot `s`."""
    slot, appointment = entry("PUT", "Slot/s", builders.slot(id="s")), entry("POST", "Appointment", BOOKING)
    found: dict[str, Any] = transact(services, slot, appointment)[1]["resource"]
    return found


BOOKING = builders.appointment("s")
CANCEL = [
    {"op": "replace", "path": "/status", "value": "cancelled"},
    {"op": "add", "path": "/cancelationReason", "value": {"text": "Empêchement"}},
]


@pytest.mark.parametrize("by", ["PUT", "PATCH"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_slot_is_given_back_and_taken_again_in_one_go(
    services: Services, booked: dict[str, Any], by: str, is_first: bool
) -> None:
    """A booking moved to another person, whichever entry comes first."""
    content = booked | builders.CANCELLED if by == "PUT" else json_patch(CANCEL)
    cancel = entry(by, f"Appointment/{booked['id']}", content, ifMatch='W/"1"')
    again = entry("POST", "Appointment", BOOKING)

    answers = transact(services, *((cancel, again) if is_first else (again, cancel)))

    cancelled, made = answers if is_first else answers[::-1]
    assert (cancelled["resource"]["status"], made["resource"]["status"]) == ("cancelled", "booked")
    assert stored(services, "Slot/s")["status"] == "busy"
    assert refusal(services, again) == (Category.CONFLICT, "Bundle.entry[0].resource.slot[0]")
    back = entry("PUT", f"Appointment/{booked['id']}", booked, ifMatch='W/"2"')
    assert refusal(services, back) == (Category.BUSINESS_RULE, "Bundle.entry[0].resource.status")


def test_a_booking_is_moved_to_a_slot_that_another_leaves(services: Services, booked: dict[str, Any]) -> None:
    later = {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"}
    transact(services, entry("PUT", "Slot/later", builders.slot(id="later", **later)))
    other = transact(services, entry("POST", "Appointment", builders.appointment("later", **later)))[0]["resource"]
    moved = {name: booked[name] for name in ("slot", "start", "end")}

    answers = transact(
        services,
        entry("PUT", f"Appointment/{other['id']}", other | moved, ifMatch='W/"1"'),
        entry("PUT", f"Appointment/{booked['id']}", booked | builders.CANCELLED, ifMatch='W/"1"'),
    )

    assert statuses_of(answers) == [200, 200]
    assert [stored(services, f"Slot/{id_}")["status"] for id_ in ("s", "later")] == ["busy", "free"]


@pytest.mark.parametrize(
    ("returned", "has_resource", "has_outcome"),
    [("minimal", False, False), ("representation", True, False), ("OperationOutcome", False, True)],
)
def test_the_answer_holds_what_was_preferred(
    services: Services, returned: str, has_resource: bool, has_outcome: bool
) -> None:
    answers = transact(services, entry("POST", "Patient", builders.patient()), returned=returned)

    assert ["resource" in answers[0], "outcome" in answers[0]["response"]] == [has_resource, has_outcome]


def test_an_empty_transaction_is_answered(services: Services) -> None:
    answer = process(services.store, everything, VENDOR, {"resourceType": "Bundle", "type": "transaction"}, BASE)

    assert answer == {"resourceType": "Bundle", "type": "transaction-response"}


def test_decimals_and_offsets_are_kept(services: Services) -> None:
    """Behaviour 6, inside a transaction."""
    place = {"resourceType": "Location", "position": {"longitude": Decimal("2.3500"), "latitude": Decimal("48.850")}}
    when = "2026-03-03T09:00:00.1+02:00"
    answers = transact(services, entry("POST", "Location", place), entry("POST", "Slot", builders.slot(start=when)))

    assert '"longitude":2.3500' in read(services.store, VENDOR, "Location", answers[0]["resource"]["id"]).body
    assert answers[1]["resource"]["start"] == when


def test_the_largest_transaction_is_done(services: Services) -> None:
    """Behaviour 72: as many entries as are allowed, found by id, by search and by reference."""
    number = MAX_ENTRIES // 4
    urns = [f"urn:uuid:00000000-0000-4000-8000-{n:012d}" for n in range(number)]
    entries = [entry("POST", "Patient", builders.patient(), urn) for urn in urns]
    entries += [entry("POST", "ServiceRequest", builders.service_request(subject={"reference": urn})) for urn in urns]
    entries += [entry("PUT", f"Schedule/s{n}", builders.schedule(id=f"s{n}")) for n in range(number)]
    entries += [
        entry("POST", "Patient", builders.patient(**identified(f"i{n}")), ifNoneExist=f"identifier={MRN}|i{n}")
        for n in range(number)
    ]

    assert statuses_of(transact(services, *entries, returned="minimal")) == [201] * MAX_ENTRIES
