"""Shapes that HL7's own examples have, in words of ours: accepted, read back unchanged, and found.

The examples themselves (https://www.hl7.org/fhir/R4/downloads.html) are tried by hand at each release.
"""

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.registry.search_params import parameters
from fhir_server.validation.gates import check_body
from tests.contract.test_every_parameter import found_ids
from tests.samples.questions import questions

#: What is unusual about each, and its text.
SHAPES = {
    "a contained resource that nothing else can find": """{"resourceType":"Schedule",
        "contained":[{"resourceType":"Location","id":"cabinet","name":"Cabinet du Valdoré"}],
        "actor":[{"reference":"#cabinet","display":"Cabinet"},{"reference":"Practitioner/dr-brumeval"}]}""",
    "extensions of a primitive, with and without its value": """{"resourceType":"Patient",
        "name":[{"family":"ESSAI","_family":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/humanname-own-name",
        "valueString":"ESSAI"}]},"given":["Camille",null],"_given":[null,{"extension":[{
        "url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}]}],
        "_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}""",
    "decimals whose digits tell their precision": """{"resourceType":"Location","name":"Point",
        "position":{"longitude":6.170,"latitude":49.1100,"altitude":-1.50e2}}""",
    "dates of every precision": """{"resourceType":"Encounter","status":"finished",
        "class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
        "period":{"start":"2026","end":"2026-03-02T08:00:00.123456+01:00"},
        "location":[{"location":{"reference":"Location/1"},"period":{"start":"2026-02"}}]}""",
    "a period without an end": """{"resourceType":"PractitionerRole","period":{"start":"2026-01-01"},
        "practitioner":{"reference":"Practitioner/dr-brumeval"}}""",
    "references by identifier, elsewhere, by urn and by words": """{"resourceType":"Task",
        "status":"requested","intent":"order",
        "basedOn":[{"reference":"https://ailleurs.example/fhir/ServiceRequest/1/_history/2"}],
        "partOf":[{"reference":"urn:uuid:9b1c2d3e-0007-4000-8000-000000000007"}],
        "for":{"identifier":{"system":"urn:oid:1.2.250.1.999.1","value":"P-1"},"type":"Patient"},
        "owner":{"display":"Le secrétariat"}}""",
    "codes without a system, systems without a code, only words": """{"resourceType":"HealthcareService",
        "category":[{"text":"Soins non programmés"}],"type":[{"coding":[{"code":"57"},{"system":"urn:x:s"}]}],
        "name":"Maison médicale de garde"}""",
    "a device known by its type's words": """{"resourceType":"Device",
        "type":{"coding":[{"system":"http://snomed.info/sct","code":"25062003","display":"Sonde"}],
        "text":"Sonde d'essai"},"status":"active"}""",
    "a canonical that is relative": """{"resourceType":"Communication","status":"completed",
        "instantiatesCanonical":["PlanDefinition/rappel"]}""",
    "a note with markdown and a narrative": """{"resourceType":"Communication","status":"completed",
        "text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><p>Fait &amp; dit</p></div>"},
        "payload":[{"contentString":"Bonjour\\nà vous"}],"note":[{"time":"2026-03-02","text":"*Vu*"}]}""",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_kept_as_it_was_sent_and_found(services: Services, shape: str) -> None:
    sent = json.decode(SHAPES[shape].encode())
    type_name = sent["resourceType"]
    stored = create(services.store, SYSTEM, type_name, check_body(SHAPES[shape].encode(), type_name))
    kept = json.decode(read(services.store, SYSTEM, type_name, stored.id).body.encode())

    assert sent == {name: value for name, value in kept.items() if name not in ("id", "meta")}
    for parameter in parameters(type_name).values():
        for question in questions(parameter, kept):
            assert stored.id in found_ids(services.store, type_name, question.asked), question.asked


def test_decimals_keep_their_digits(services: Services) -> None:
    text = SHAPES["decimals whose digits tell their precision"].encode()
    stored = create(services.store, SYSTEM, "Location", check_body(text, "Location"))

    assert '"longitude":6.170,"latitude":49.1100' in stored.body
