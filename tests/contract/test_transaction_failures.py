"""A transaction of which one entry fails leaves nothing behind, and says which it was, on every store."""

from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.bundle import MAX_ENTRIES, process
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError
from tests import builders
from tests.contract.bundles import (
    BASE,
    MRN,
    RIVAL,
    URN,
    VENDOR,
    bundle,
    entry,
    everything,
    identified,
    only,
    patient_named,
    refusal,
    stored,
    transact,
    versions,
)
from tests.contract.bundles import statuses as statuses_of

NEW = builders.patient()
NEW_ENTRY = entry("POST", "Patient", NEW)


def test_nothing_is_stored_when_one_entry_fails(services: Services) -> None:
    """Behaviour 61."""
    kept = patient_named(services)

    found = refusal(
        services,
        entry("DELETE", f"Patient/{kept}"),
        entry("POST", "Patient", builders.patient()),
        entry("PUT", "Schedule/new", builders.schedule(id="new")),
        entry("PUT", f"Patient/{kept}x", builders.patient(id=f"{kept}x"), ifMatch='W/"7"'),
    )

    assert found == (Category.VERSION_CONFLICT, "Bundle.entry[3]")
    assert stored(services, f"Patient/{kept}")["meta"]["versionId"] == "1"
    assert (versions(services, "Patient"), versions(services, "Schedule")) == (1, 0)


@pytest.mark.parametrize(
    ("failing", "category", "expression"),
    [
        (
            entry("POST", "Patient", builders.patient(gender="x")),
            Category.CODE_INVALID,
            "Bundle.entry[1].resource.gender",
        ),
        (entry("POST", "Patient", builders.slot()), Category.STRUCTURE, "Bundle.entry[1]"),
        (entry("POST", "Patient"), Category.REQUIRED, "Bundle.entry[1]"),
        (entry("POST", "Nonsense", NEW), Category.NOT_SUPPORTED_TYPE, "Bundle.entry[1]"),
        (entry("POST", "AuditEvent", {"resourceType": "AuditEvent"}), Category.METHOD_NOT_ALLOWED, "Bundle.entry[1]"),
        (entry("POST", "Patient/1", NEW), Category.INVALID, "Bundle.entry[1]"),
        (entry("GET", "https://other.example/fhir/Patient/1"), Category.INVALID, "Bundle.entry[1]"),
        (entry("GET", "Patient/1/$everything"), Category.METHOD_NOT_ALLOWED, "Bundle.entry[1]"),
        (entry("GET", "Patient/a b"), Category.VALUE, "Bundle.entry[1].request.url"),
        (entry("PUT", "Patient/1", NEW), Category.INVALID, "Bundle.entry[1].resource.id"),
        (entry("PUT", "Patient", NEW), Category.REQUIRED, "Bundle.entry[1]"),
        (entry("DELETE", "Patient?"), Category.MULTIPLE_MATCHES, "Bundle.entry[1]"),
        (entry("DELETE", "Patient?nonsense=1"), Category.INVALID, "Bundle.entry[1]"),
        (entry("PUT", "Patient/1", builders.patient(id="1"), ifMatch="3"), Category.INVALID, "Bundle.entry[1]"),
        (entry("GET", "Patient/unknown"), Category.NOT_FOUND, "Bundle.entry[1]"),
        (entry("PATCH", "Patient/unknown", {"resourceType": "Parameters"}), Category.NOT_FOUND, "Bundle.entry[1]"),
        (entry("POST", "Slot", builders.slot(schedule={"reference": URN.format(9)})), Category.VALUE, None),
        (entry("POST", "Slot", builders.slot(schedule={"reference": "nowhere"})), Category.VALUE, None),
    ],
)
def test_what_is_wrong_is_told_of_its_entry(
    services: Services, failing: dict[str, Any], category: Category, expression: str | None
) -> None:
    """Behaviours 58, 63 and 68."""
    found = refusal(services, entry("POST", "Patient", builders.patient()), failing)

    assert found == (category, expression or "Bundle.entry[1].resource.schedule.reference")
    assert versions(services, "Patient") == 0


def test_the_same_resource_twice_is_refused(services: Services) -> None:
    """Behaviour 62, also where a search names the resource."""
    kept = patient_named(services)
    put = entry("PUT", f"Patient/{kept}", builders.patient(id=kept))
    by_search = f"identifier={MRN}|p"

    for other in (
        entry("DELETE", f"Patient/{kept}"),
        entry("DELETE", f"Patient?{by_search}"),
        entry("POST", "Patient", builders.patient(), ifNoneExist=by_search),
        entry("PUT", f"Patient?{by_search}", builders.patient()),
    ):
        assert refusal(services, put, other) == (Category.INVALID, "Bundle.entry[1]")
    new = entry("POST", "Patient", builders.patient(), ifNoneExist=f"identifier={MRN}|new")
    assert refusal(services, new, new) == (Category.INVALID, "Bundle.entry[1]")


def test_what_the_scopes_do_not_allow_refuses_the_whole(services: Services) -> None:
    """Behaviour 71."""
    create_patient = entry("POST", "Patient", builders.patient())
    put = entry("PUT", "Schedule/new", builders.schedule(id="new"))
    conditional = entry("POST", "Patient", builders.patient(), ifNoneExist="family=ESSAI")
    chained = entry("GET", "Appointment?patient.family=ESSAI")

    for entries, scopes, number in (
        ((create_patient, put), ("Patient.c", "Schedule.u"), 1),
        ((create_patient, put), ("Patient.c",), 1),
        ((create_patient, put), ("Schedule.cu",), 0),
        ((conditional,), ("Patient.c",), 0),
        ((chained,), ("Appointment.s",), 0),
    ):
        found = refusal(services, *entries, check=only(*scopes))
        assert found == (Category.FORBIDDEN, f"Bundle.entry[{number}]")
    assert (versions(services, "Patient"), versions(services, "Schedule")) == (0, 0)
    assert statuses_of(transact(services, create_patient, put, check=only("Patient.c", "Schedule.cu"))) == [201, 201]


def test_another_partners_resource_does_not_exist(services: Services) -> None:
    kept = patient_named(services)

    for failing in (entry("DELETE", f"Patient/{kept}"), entry("GET", f"Patient/{kept}")):
        assert refusal(services, failing, actor=RIVAL)[0] is Category.NOT_FOUND
    (answer,) = transact(
        services,
        entry("POST", "Patient", builders.patient(**identified("p")), ifNoneExist=f"identifier={MRN}|p"),
        actor=RIVAL,
    )
    assert answer["response"]["status"] == "201 Created"


@pytest.mark.parametrize(
    ("content", "category", "expression"),
    [
        ({"resourceType": "Patient"}, Category.STRUCTURE, "Bundle.resourceType"),
        ({"resourceType": "Bundle"}, Category.REQUIRED, "Bundle.type"),
        (bundle("collection"), Category.VALUE, "Bundle.type"),
        (bundle("nonsense"), Category.VALUE, "Bundle.type"),
        (bundle("transaction", {"resource": builders.patient()}), Category.INVARIANT, "Bundle.entry"),
        (bundle("transaction", entry("FETCH", "Patient/1")), Category.CODE_INVALID, "Bundle.entry[0].request.method"),
        (
            bundle("batch", entry("POST", "Patient", bundle("batch"))),
            Category.INVALID,
            "Bundle.entry[0].resource",
        ),
        (
            bundle("transaction", *[NEW_ENTRY] * (MAX_ENTRIES + 1)),
            Category.TOO_LARGE,
            "Bundle.entry",
        ),
    ],
)
def test_what_is_no_bundle_to_process_is_refused(
    services: Services, content: dict[str, Any], category: Category, expression: str
) -> None:
    """Behaviours 58 and 72."""
    with pytest.raises(FhirError) as caught:
        process(services.store, everything, VENDOR, content, BASE)

    assert (caught.value.category, caught.value.issues[0].expression) == (category, expression)


@pytest.mark.parametrize("second", [VENDOR, RIVAL])
def test_one_slot_is_not_booked_twice_in_one_transaction(services: Services, second: Actor) -> None:
    """The second booking fails and takes the first with it, and the patient made for it."""
    slot = entry("PUT", "Slot/s", builders.slot(id="s"))
    transact(services, slot)
    booking = entry("POST", "Appointment", builders.appointment("s"))

    found = refusal(services, NEW_ENTRY, booking, booking, actor=second)

    assert found == (Category.CONFLICT, "Bundle.entry[2].resource.slot[0]")
    assert (versions(services, "Appointment"), versions(services, "Patient"), versions(services, "Slot")) == (0, 0, 1)
    assert stored(services, "Slot/s")["status"] == "free"
    assert statuses_of(transact(services, booking, actor=second)) == [201]


def test_a_cancellation_is_undone_with_the_booking_that_failed(services: Services) -> None:
    transact(services, entry("PUT", "Slot/s", builders.slot(id="s")))
    booked = transact(services, entry("POST", "Appointment", builders.appointment("s")))[0]["resource"]
    cancel = entry("PUT", f"Appointment/{booked['id']}", booked | builders.CANCELLED, ifMatch='W/"1"')

    found = refusal(services, cancel, entry("POST", "Appointment", builders.appointment("none")))

    assert found == (Category.UNKNOWN_REFERENCE, "Bundle.entry[1].resource.slot[0]")
    assert (stored(services, f"Appointment/{booked['id']}")["status"], stored(services, "Slot/s")["status"]) == (
        "booked",
        "busy",
    )
