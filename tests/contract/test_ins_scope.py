"""Who may read the national health identity: nobody without its own scope, on whichever way out."""

import json
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest

from fhir_server.app import create_app
from fhir_server.auth.secrets import hash_secret
from fhir_server.bootstrap import Services
from fhir_server.registry import ins
from tests import builders
from tests.contract.oauth import add_partner, basic
from tests.contract.sas_doors import Caller, caller
from tests.unit.fhir_server.validation.test_ins import patient

Json = dict[str, Any]
NUMBER, SYSTEM = "279035799999941", "urn:oid:1.2.250.1.213.1.4.8"
LOCAL = {"system": "urn:oid:2.999.7", "value": "P-17"}
NARRATIVE = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">INS {NUMBER}</div>'}


def person(**elements: Any) -> Json:
    numbers = [*patient()["identifier"], LOCAL]
    return patient(*numbers, text=NARRATIVE, **elements)


@pytest.fixture
def reader(services: Services) -> Caller:
    """May read all that its scopes reach, the INS too."""
    return caller(services, scopes=f"system/*.cruds {ins.SCOPE}")


@pytest.fixture
def blind(reader: Caller) -> Caller:
    """The same partner, with a token that did not ask for it."""
    return caller(reader.services, scopes="system/*.cruds", client=reader.client)


@pytest.fixture
def stored(reader: Caller) -> Json:
    answer = reader.ask("POST", "/fhir/Patient", person())
    assert 201 == answer.status_code, answer.text
    found: Json = answer.json
    return found


def referral(reader: Caller, stored: Json) -> Json:
    """A referral that names its patient by the number as well."""
    subject = {"reference": f"Patient/{stored['id']}", "identifier": {"system": SYSTEM, "value": NUMBER}}
    found: Json = reader.ask("POST", "/fhir/ServiceRequest", builders.service_request(subject=subject)).json
    return found


def ways_out(stored: Json, referral: Json) -> list[tuple[str, str, Json | None]]:
    own = f"Patient/{stored['id']}"
    look = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": own}}]}
    return [
        ("GET", f"/fhir/{own}", None),
        ("GET", f"/fhir/{own}?_format=xml", None),
        ("GET", f"/fhir/{own}?_elements=identifier", None),
        ("GET", f"/fhir/{own}/_history/1", None),
        ("GET", f"/fhir/{own}/_history", None),
        ("GET", "/fhir/Patient/_history", None),
        ("GET", "/fhir/Patient?family=ESSAI", None),
        ("GET", f"/fhir/Patient?identifier={quote('urn:oid:2.999.7|P-17')}", None),
        ("GET", f"/fhir/{own}/$everything", None),
        ("GET", f"/fhir/ServiceRequest/{referral['id']}", None),
        ("GET", f"/fhir/ServiceRequest?_id={referral['id']}&_include=ServiceRequest:subject", None),
        ("GET", f"/fhir/Patient?_id={stored['id']}&_revinclude=ServiceRequest:subject", None),
        ("POST", "/fhir", look),
        ("POST", "/fhir/Patient/$validate", {"resourceType": "Patient", "id": stored["id"]}),
        ("PUT", f"/fhir/{own}", {name: value for name, value in stored.items() if name != "meta"}),
    ]


def test_it_is_there_with_the_scope_and_nowhere_without(reader: Caller, blind: Caller, stored: Json) -> None:
    other = referral(reader, stored)
    shown = {path: NUMBER in reader.ask(method, path, body).text for method, path, body in ways_out(stored, other)}
    leaked = [path for method, path, body in ways_out(stored, other) if NUMBER in blind.ask(method, path, body).text]

    assert [] == leaked
    # What is tested shows it to who may see it.
    assert {"/fhir/Patient/$validate", f"/fhir/Patient/{stored['id']}/$everything"} >= {
        path for path, is_shown in shown.items() if not is_shown
    }


def test_what_is_hidden_is_marked_and_the_rest_is_there(blind: Caller, stored: Json) -> None:
    identifiers = blind.ask("GET", f"/fhir/Patient/{stored['id']}").json["identifier"]

    assert SYSTEM == identifiers[0]["system"]
    assert "value" not in identifiers[0]
    assert "masked" == identifiers[0]["_value"]["extension"][0]["valueCode"]
    assert LOCAL == identifiers[1]


@pytest.mark.parametrize(
    "query",
    [
        f"Patient?identifier={SYSTEM}|{NUMBER}",
        f"Patient?identifier={SYSTEM}|",
        f"Patient?identifier={NUMBER}",
        f"Patient?identifier=|{NUMBER}",
        f"Patient?identifier=urn:oid:2.999.7|P-17,{SYSTEM}|{NUMBER}",
        f"Patient?identifier:not={SYSTEM}|{NUMBER}",
        f"Patient?identifier:of-type=https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203|INS-NIR|{NUMBER}",
        f"ServiceRequest?patient.identifier={SYSTEM}|{NUMBER}",
        f"ServiceRequest?subject:identifier={SYSTEM}|{NUMBER}",
        f"ServiceRequest?subject:Patient.identifier={SYSTEM}|{NUMBER}",
        f"Practitioner?_has:Patient:general-practitioner:identifier={SYSTEM}|{NUMBER}",
    ],
)
def test_it_is_no_criterion_either(reader: Caller, blind: Caller, stored: Json, query: str) -> None:
    path = f"/fhir/{quote(query, safe='?=&:|,/')}"
    refused = blind.ask("GET", path)
    inside = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": path[6:]}}]}

    assert 200 == reader.ask("GET", path).status_code
    assert (403, "forbidden") == (refused.status_code, refused.json["issue"][0]["code"])
    assert ins.SCOPE in refused.headers["WWW-Authenticate"]
    assert "403" == blind.ask("POST", "/fhir", inside).json["entry"][0]["response"]["status"][:3]


def test_no_condition_of_a_write_tells_of_it(blind: Caller, stored: Json) -> None:
    asked = {"If_None_Exist": quote(f"identifier={SYSTEM}|{NUMBER}", safe="=:|")}
    answers = [
        blind.ask("POST", "/fhir/Patient", builders.patient(), **asked),
        blind.ask("PUT", f"/fhir/Patient?{asked['If_None_Exist']}", builders.patient()),
        blind.ask("DELETE", f"/fhir/Patient?{asked['If_None_Exist']}"),
    ]

    assert [403, 403, 403] == [answer.status_code for answer in answers]


@pytest.mark.parametrize("is_left_out", [False, True])
def test_who_cannot_read_it_does_not_lose_it(reader: Caller, blind: Caller, stored: Json, is_left_out: bool) -> None:
    shown = blind.ask("GET", f"/fhir/Patient/{stored['id']}").json
    changed = deepcopy(shown) | {"telecom": [{"system": "phone", "value": "+33199007001"}]}
    if is_left_out:
        changed["identifier"] = [LOCAL]
    answer = blind.ask("PUT", f"/fhir/Patient/{stored['id']}", changed)
    after = reader.ask("GET", f"/fhir/Patient/{stored['id']}").json

    assert 200 == answer.status_code, answer.text
    assert NUMBER not in answer.text
    assert (stored["identifier"], "+33199007001") == (after["identifier"], after["telecom"][0]["value"])


def test_the_scope_is_given_to_whom_it_is_registered_for_alone(services: Services) -> None:
    client, seen = create_app(services).test_client(), []
    for name, scopes in (("wide", ["system/*.cruds"]), ("trusted", ["system/Patient.rs", ins.SCOPE])):
        add_partner(services, name, scopes=scopes, secret_hash=hash_secret("a-long-secret"))
        for scope in ("", f"system/Patient.rs {ins.SCOPE}", "system/Patient.rs"):
            form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
            answer = client.post("/oauth/token", data=form, headers=basic(name, "a-long-secret"))
            seen.append(ins.SCOPE in answer.json["scope"])

    assert [False, False, False, True, True, False] == seen


def test_bodies_without_it_pass_as_they_are() -> None:
    body = json.dumps(builders.patient()).encode()

    assert body is ins.hidden(body)
