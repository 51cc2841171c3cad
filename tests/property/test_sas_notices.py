"""Nothing of a patient is in what the SAS platform is told, whatever stands in the appointment (item 24)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel import json
from fhir_server.sas.notices import notice
from tests.sas_platform import problems

Json = dict[str, Any]
#: What every text of the patient carries.
MARK = "Wxyzess"
TEXTS = st.text(max_size=8).map(lambda text: f"{text}{MARK}{text}")
OPERATOR = {
    "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-appointment-operator",
    "valueReference": {
        "reference": f"Practitioner/{MARK}",
        "display": MARK,
        "identifier": {
            "type": {"text": MARK, "coding": [{"code": "INTRN", "display": MARK}]},
            "system": "urn:oid:1.2.250.1.213.3.6",
            "value": "0b2f6a44-9f59-4a33-9a2e-6d6f1f0c2a11",
            "assigner": {"display": MARK},
        },
    },
}
#: Elements of an Appointment, and any other name, with whatever a patient may have put into them.
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=6
)
ELEMENTS = st.dictionaries(
    st.sampled_from(
        ("comment", "description", "reasonCode", "patientInstruction", "contained", "text", "basedOn", "note", "id_")
    ),
    VALUES,
    max_size=5,
)
EXTENSIONS = st.lists(st.builds(lambda url, text: {"url": url, "valueString": text}, TEXTS, TEXTS), max_size=3)
CATEGORY = {
    "url": "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-categorie-orientation",
    "valueCodeableConcept": {"text": MARK, "coding": [{"system": "urn:x", "code": "001", "display": MARK}]},
}


def appointment(status: str, elements: Json, extensions: list[Json]) -> Json:
    people = [{"actor": {"reference": f"Patient/{MARK}", "display": MARK}, "status": "accepted"}]
    return elements | {
        "resourceType": "Appointment",
        "id": "01m801mw40ztrtkv32xmy6j437",
        "meta": {"tag": [{"code": MARK}], "profile": [MARK]},
        "extension": [*extensions, OPERATOR, CATEGORY],
        "identifier": [{"system": "urn:x", "value": MARK}],
        "status": status,
        "start": "2026-03-03T09:00:00+01:00",
        "end": "2026-03-03T08:15:00Z",
        "participant": people,
    }


@given(
    st.sampled_from(("booked", "arrived", "checked-in", "fulfilled", "noshow", "cancelled", "entered-in-error")),
    ELEMENTS,
    EXTENSIONS,
    st.lists(st.sampled_from(("899700111111", "0999999999")), unique=True),
)
def test_a_notice_holds_nothing_of_the_patient(
    status: str, elements: Json, extensions: list[Json], doctors: list[str]
) -> None:
    made = notice([appointment(status, elements, extensions)], doctors, "urn:oid:1.2.3", 1_772_434_800_000)

    assert MARK not in json.encode(made).decode()
    assert list(problems(made)) == []
