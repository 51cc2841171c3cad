"""Transactions are done as a whole or not at all, on every store."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.bundle import MAX_ENTRIES, process
from fhir_server.interactions.create import create
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from tests import builders
from tests.contract.bundles import BASE, MRN, RIVAL, VENDOR, bundle, entry, everything, identified, only, transact
from tests.contract.bundles import statuses as statuses_of

URN = "urn:uuid:88888888-4444-4444-4444-00000000000{}"


def _refusal(services: Services, *entries: dict[str, Any], **named: Any) -> tuple[Category, str | None]:
    with pytest.raises(FhirError) as caught:
        transact(services, *entries, **named)
    assert all("Bundle.entry" in issue.diagnostics or issue.expression for issue in caught.value.issues)
    return caught.value.category, caught.value.issues[0].expression


def _stored(services: Services, reference: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(read(services.store, SYSTEM, *reference.split("/")).body)
    return content


def _versions(services: Services, type_name: str) -> int:
    return int(json.loads(history(services.store, SYSTEM, type_name, None, [], BASE))["total"])


def _patient(services: Services, value: str = "p", **elements: Any) -> str:
    return create(services.store, VENDOR, "Patient", builders.patient(**identified(value), **elements)).id


def test_answers_come_in_the_order_submitted(services: Services) -> None:
    """Behaviour 60."""
    gone, kept = _patient(services, "gone"), _patient(services, "kept")

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


def test_references_between_entries_are_written_anew_everywhere(services: Services) -> None:
    """Behaviour 64: references nested and in arrays, uris, extensions, contained resources and narratives."""
    patient, request, definition = URN.format(1), URN.format(2), "urn:oid:1.2.3.4"
    narrative = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{patient}">who</a> <b>{patient}</b></div>'
    referral = builders.service_request(
        subject={"reference": patient},
        supportingInfo=[
            {"reference": request},
            {"reference": "https://other.example/fhir/Patient/1"},
            {"reference": "#t"},
        ],
        instantiatesUri=[definition],
        instantiatesCanonical=[patient],
        text={"status": "generated", "div": narrative},
        contained=[
            {"resourceType": "Task", "id": "t", "status": "draft", "intent": "order", "focus": {"reference": patient}}
        ],
        extension=[{"url": "http://x.test/e", "valueReference": {"reference": patient}}],
        basedOn=[{"reference": request}],
    )

    answers = transact(
        services,
        entry("POST", "ServiceRequest", referral, URN.format(3)),
        entry("POST", "Patient", builders.patient(), patient),
        entry("POST", "ServiceRequest", builders.service_request(), request),
        entry("POST", "Task", {"resourceType": "Task", "status": "draft", "intent": "order"}, definition),
    )

    who, what, task = (answers[number]["response"]["location"].split("/")[-4:-2] for number in (1, 2, 3))
    found = _stored(services, "/".join(answers[0]["response"]["location"].split("/")[-4:-2]))
    person = "/".join(who)
    assert found["subject"]["reference"] == person
    assert [one["reference"] for one in found["supportingInfo"]] == [
        "/".join(what),
        "https://other.example/fhir/Patient/1",
        "#t",
    ]
    assert found["instantiatesUri"] == ["/".join(task)]
    assert found["instantiatesCanonical"] == [patient]
    assert found["text"]["div"] == narrative.replace(f'href="{patient}"', f'href="{person}"')
    assert found["contained"][0]["focus"]["reference"] == person
    assert found["extension"][0]["valueReference"]["reference"] == person
    assert found["basedOn"] == [{"reference": "/".join(what)}]


def test_a_placeholder_id_of_a_new_resource_is_written_anew_too(services: Services) -> None:
    answers = transact(
        services,
        entry("POST", "Patient", builders.patient(), "http://client.example/fhir/Patient/temporary"),
        entry("POST", "ServiceRequest", builders.service_request(subject={"reference": "Patient/temporary"})),
    )

    assert answers[1]["resource"]["subject"]["reference"] == f"Patient/{answers[0]['resource']['id']}"


def test_nothing_is_stored_when_one_entry_fails(services: Services) -> None:
    """Behaviour 61."""
    kept = _patient(services)

    refusal = _refusal(
        services,
        entry("DELETE", f"Patient/{kept}"),
        entry("POST", "Patient", builders.patient()),
        entry("PUT", "Schedule/new", builders.schedule(id="new")),
        entry("PUT", f"Patient/{kept}x", builders.patient(id=f"{kept}x"), ifMatch='W/"7"'),
    )

    assert refusal == (Category.VERSION_CONFLICT, "Bundle.entry[3]")
    assert _stored(services, f"Patient/{kept}")["meta"]["versionId"] == "1"
    assert (_versions(services, "Patient"), _versions(services, "Schedule")) == (1, 0)


NEW = builders.patient()


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
    refusal = _refusal(services, entry("POST", "Patient", builders.patient()), failing)

    assert refusal == (category, expression or "Bundle.entry[1].resource.schedule.reference")
    assert _versions(services, "Patient") == 0


def test_a_reference_between_entries_must_be_to_a_type_that_may_stand_there(services: Services) -> None:
    refusal = _refusal(
        services,
        entry("POST", "Slot", builders.slot(schedule={"reference": URN.format(1)})),
        entry("POST", "Patient", builders.patient(), URN.format(1)),
    )

    assert refusal == (Category.VALUE, "Bundle.entry[0].resource.schedule")


def test_the_same_resource_twice_is_refused(services: Services) -> None:
    """Behaviour 62, also where a search names the resource."""
    kept = _patient(services)
    put = entry("PUT", f"Patient/{kept}", builders.patient(id=kept))
    by_search = f"identifier={MRN}|p"

    for other in (
        entry("DELETE", f"Patient/{kept}"),
        entry("DELETE", f"Patient?{by_search}"),
        entry("POST", "Patient", builders.patient(), ifNoneExist=by_search),
        entry("PUT", f"Patient?{by_search}", builders.patient()),
    ):
        assert _refusal(services, put, other) == (Category.INVALID, "Bundle.entry[1]")
    new = entry("POST", "Patient", builders.patient(), ifNoneExist=f"identifier={MRN}|new")
    assert _refusal(services, new, new) == (Category.INVALID, "Bundle.entry[1]")


def test_the_same_id_in_two_types_is_two_resources(services: Services) -> None:
    """Behaviour 65."""
    answers = transact(
        services,
        entry("PUT", "Patient/same", builders.patient(id="same")),
        entry("PUT", "Schedule/same", builders.schedule(id="same")),
    )

    assert statuses_of(answers) == [201, 201]


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


def test_a_conditional_reference_is_resolved(services: Services) -> None:
    """Behaviour 38: in the store, among the transaction's own, ambiguous, and to nothing."""
    stored = _patient(services, "stored")

    def refer(value: str) -> dict[str, Any]:
        subject = {"reference": f"Patient?identifier={MRN}|{value}"}
        return entry("POST", "ServiceRequest", builders.service_request(subject=subject))

    one, two, made = transact(
        services,
        refer("stored"),
        refer("made"),
        entry("POST", "Patient", builders.patient(**identified("made"))),
    )
    assert one["resource"]["subject"]["reference"] == f"Patient/{stored}"
    assert two["resource"]["subject"]["reference"] == f"Patient/{made['resource']['id']}"

    assert _refusal(services, refer("none"))[0] is Category.UNKNOWN_REFERENCE
    _patient(services, "stored")
    assert _refusal(services, NEW_ENTRY, refer("stored")) == (Category.MULTIPLE_MATCHES, "Bundle.entry[1]")
    gone = entry("DELETE", f"Patient/{stored}")
    (answer, _) = transact(services, refer("stored"), gone)
    assert answer["response"]["status"] == "201 Created"


NEW_ENTRY = entry("POST", "Patient", NEW)


def test_if_none_match_creates_only(services: Services) -> None:
    """Behaviour 23."""
    put = entry("PUT", "Patient/one", builders.patient(id="one"), ifNoneMatch="*")

    assert statuses_of(transact(services, put)) == [201]
    assert _refusal(services, put) == (Category.VERSION_CONFLICT, "Bundle.entry[0]")
    by_search = entry("PUT", "Patient?_id=one", builders.patient(), ifNoneMatch="*")
    assert _refusal(services, by_search) == (Category.VERSION_CONFLICT, "Bundle.entry[0]")


def test_patches_in_a_transaction(services: Services) -> None:
    """Behaviour 50: FHIRPath Patch by id, JSON Patch in a Binary by search, each with what the other entries give."""
    first, second = _patient(services, "a"), _patient(services, "b")
    operation = {
        "name": "operation",
        "part": [
            {"name": "type", "valueCode": "add"},
            {"name": "path", "valueString": "Patient"},
            {"name": "name", "valueString": "managingOrganization"},
            {"name": "value", "valueReference": {"reference": URN.format(1)}},
        ],
    }
    steps = json.dumps([{"op": "replace", "path": "/gender", "value": "male"}])
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(steps.encode()).decode(),
    }

    answers = transact(
        services,
        entry("PATCH", f"Patient/{first}", {"resourceType": "Parameters", "parameter": [operation]}, ifMatch='W/"1"'),
        entry("PATCH", f"Patient?identifier={MRN}|b", binary),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "CPTS"}, URN.format(1)),
    )

    assert statuses_of(answers) == [200, 200, 201]
    organization = answers[2]["resource"]["id"]
    assert _stored(services, f"Patient/{first}")["managingOrganization"]["reference"] == f"Organization/{organization}"
    assert (answers[1]["resource"]["id"], answers[1]["resource"]["gender"]) == (second, "male")
    stale = entry("PATCH", f"Patient/{first}", {"resourceType": "Parameters"}, ifMatch='W/"1"')
    assert _refusal(services, stale)[0] is Category.VERSION_CONFLICT
    other = binary | {"contentType": "text/plain"}
    refusal = _refusal(services, entry("PATCH", f"Patient/{first}", other))
    assert refusal == (Category.UNSUPPORTED_MEDIA, "Bundle.entry[0]")


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
    assert _stored(services, "Slot/s")["status"] == "busy"
    assert _refusal(services, *booking("s"), actor=RIVAL) == (Category.CONFLICT, "Bundle.entry[0].resource.slot[0]")
    assert (_versions(services, "Patient"), _versions(services, "Appointment")) == (1, 1)


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
        refusal = _refusal(services, *entries, check=only(*scopes))
        assert refusal == (Category.FORBIDDEN, f"Bundle.entry[{number}]")
    assert (_versions(services, "Patient"), _versions(services, "Schedule")) == (0, 0)
    assert statuses_of(transact(services, create_patient, put, check=only("Patient.c", "Schedule.cu"))) == [201, 201]


def test_another_partners_resource_does_not_exist(services: Services) -> None:
    kept = _patient(services)

    for failing in (entry("DELETE", f"Patient/{kept}"), entry("GET", f"Patient/{kept}")):
        assert _refusal(services, failing, actor=RIVAL)[0] is Category.NOT_FOUND
    (answer,) = transact(
        services,
        entry("POST", "Patient", builders.patient(**identified("p")), ifNoneExist=f"identifier={MRN}|p"),
        actor=RIVAL,
    )
    assert answer["response"]["status"] == "201 Created"


@pytest.mark.parametrize(
    ("returned", "has_resource", "has_outcome"),
    [("minimal", False, False), ("representation", True, False), ("OperationOutcome", False, True)],
)
def test_the_answer_holds_what_was_preferred(
    services: Services, returned: str, has_resource: bool, has_outcome: bool
) -> None:
    answers = transact(services, entry("POST", "Patient", builders.patient()), returned=returned)

    assert ["resource" in answers[0], "outcome" in answers[0]["response"]] == [has_resource, has_outcome]


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


def test_an_update_that_changes_nothing_makes_no_version(services: Services) -> None:
    """Behaviours 21 and 59."""
    update(services.store, VENDOR, "Schedule", "csnp", builders.schedule(), None)
    (answer,) = transact(services, entry("PUT", "Schedule/csnp", builders.schedule(id="csnp")))

    assert answer["response"]["etag"] == 'W/"1"'


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
