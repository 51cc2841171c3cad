"""The CapabilityStatement of a live server is true: what it tells is served, and what it does not tell is refused."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from fhir_server.registry.search_params import parameters
from tests.availability import availability, offer, rule
from tests.end_to_end.conftest import Answer, Server
from tests.samples.questions import questions, samples
from tests.scheduling_calls import parameters as parameters_of

ADD_LANGUAGE = [{"op": "add", "path": "/language", "value": "fr"}]
FHIRPATH_LANGUAGE = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "{type}.language"},
                {"name": "value", "valueCode": "en"},
            ],
        }
    ],
}
FHIRPATH_XML = (
    '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
    '<part><name value="type"/><valueCode value="replace"/></part>'
    '<part><name value="path"/><valueString value="{type}.language"/></part>'
    '<part><name value="value"/><valueCode value="de"/></part></parameter></Parameters>'
)
#: What may be asked of a type, by interaction: method, what follows the type's name, and a body.
PROBES: dict[str, tuple[str, str, Any]] = {
    "read": ("GET", "/unknown", None),
    "vread": ("GET", "/unknown/_history/1", None),
    "history-instance": ("GET", "/unknown/_history", None),
    "history-type": ("GET", "/_history", None),
    "search-type": ("GET", "?_id=unknown", None),
    "create": ("POST", "", {}),
    "update": ("PUT", "/unknown", {}),
    "patch": ("PATCH", "/unknown", []),
    "delete": ("DELETE", "/unknown", None),
}
#: Includes one search may ask for.
SOME = 50


@dataclass
class Client:
    """The territory's coordinator, who notes what was answered otherwise than expected."""

    server: Server
    token: str
    surprises: list[str]

    def ask(self, expected: int, method: str, path: str, content: Any = None, **headers: str) -> Answer:
        answer = self.server.fhir(method, path, content, token=self.token, **headers)
        if answer.status != expected:
            self.surprises.append(f"{method} {path}: {answer.status} for {expected} {json.dumps(answer.content)[:400]}")
        return answer

    def raw(self, expected: int, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """As `ask`, for forms of answers and bodies that are not JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.server.origin}/fhir/{path}", body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, received = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                status, received = refusal.code, refusal.read()
        if status != expected:
            self.surprises.append(f"{method} {path} {sorted(headers)}: {status} for {expected}")
        return bytes(received)


@pytest.fixture
def client(server: Server) -> Client:
    server.start("web")
    return Client(server, server.token("demo-coordinator"), [])


def rest(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.ask(200, "GET", "metadata").content["rest"][0]
    return found


def test_what_is_told_is_served(client: Client) -> None:
    told = rest(client)
    for resource in told["resource"]:
        codes = {one["code"] for one in resource["interaction"]}
        stored = [_create(client, sample) for sample in samples(resource["type"])] if "create" in codes else []
        _check_search(client, resource, stored)
        _check_includes(client, resource)
        _check_operations(client, resource, stored)
        if stored:
            _check_reads(client, stored[0])
            _check_conditions(client, resource, stored[0])
            _check_creation_by_update(client, resource, stored[-1])
            _check_writes(client, stored[0])
            if "delete" in codes:
                _check_deletion(client, stored[0])
    _check_system(client, told)

    assert "" == "\n".join(client.surprises)


def test_what_is_not_told_is_refused(client: Client) -> None:
    told = rest(client)
    for resource in told["resource"]:
        name = resource["type"]
        codes = {one["code"] for one in resource["interaction"]}
        for code, (method, rest_of_path, content) in PROBES.items():
            if code not in codes:
                client.ask(405, method, name + rest_of_path, content)
        for code, method in (("update", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")):
            if code not in codes:
                client.ask(405, method, f"{name}?_id=unknown", {})
        if "create" not in codes:
            _check_bundle_refuses(client, samples(name)[0])
        client.ask(400, "GET", f"{name}?no-such-parameter=1", Prefer="handling=strict")
        client.ask(400, "GET", f"{name}?_id:no-such-modifier=1")
        client.ask(400, "GET", f"{name}?_include={name}:no-such-parameter")
        client.ask(400, "GET", f"{name}?_revinclude=Observation:subject")
        client.ask(404, "POST", f"{name}/$no-such-operation", {"resourceType": "Parameters"})
    for name in ("Observation", "Bundle", "Parameters", "OperationOutcome", "slot"):
        client.ask(404, "GET", f"{name}/1")
    client.ask(406, "GET", "Slot?_format=text/turtle")
    client.raw(415, "POST", "Slot", b"{}", Content_Type="text/turtle")

    assert "" == "\n".join(client.surprises)


def test_the_forms_told_are_served(client: Client) -> None:
    told = client.ask(200, "GET", "metadata").content
    person = _create(client, samples("Patient")[0])
    path = f"Patient/{person['id']}"
    for form in told["format"]:
        received = client.raw(200, "GET", f"{path}?_format={quote(form, safe='')}")

        assert received.startswith(b"<" if "xml" in form else b"{")
    bodies = {
        "application/json-patch+json": json.dumps(ADD_LANGUAGE),
        "application/fhir+json": json.dumps(FHIRPATH_LANGUAGE).replace("{type}", "Patient"),
        "application/fhir+xml": FHIRPATH_XML.replace("{type}", "Patient"),
    }
    assert set(bodies) == set(told["patchFormat"])
    for form, language in zip(told["patchFormat"], ("fr", "en", "de"), strict=True):
        client.raw(200, "PATCH", path, bodies[form].encode(), Content_Type=form, Accept="application/fhir+json")

        assert language == client.ask(200, "GET", path).content["language"]
    assert "" == "\n".join(client.surprises)


def _create(client: Client, sample: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = client.ask(201, "POST", sample["resourceType"], sample).content
    return content


def _check_search(client: Client, resource: dict[str, Any], stored: list[dict[str, Any]]) -> None:
    name = resource["type"]
    client.ask(200, "GET", name, Prefer="handling=strict")
    client.raw(200, "POST", f"{name}/_search", b"_count=1", Content_Type="application/x-www-form-urlencoded")
    for told in resource["searchParam"]:
        client.ask(200, "GET", f"{name}?{told['name']}:missing=true", Prefer="handling=strict")
        for content in stored:
            question = next(questions(parameters(name)[told["name"]], content), None)
            if question is None:
                continue
            query = urlencode([*question.asked, ("_id", content["id"])])
            answer = client.ask(200, "GET", f"{name}?{query}", Prefer="handling=strict")
            if [content["id"]] != [entry["resource"]["id"] for entry in answer.content.get("entry", ())]:
                client.surprises.append(f"{name}?{query}: not found")


def _check_includes(client: Client, resource: dict[str, Any]) -> None:
    for directive, member in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
        told = resource.get(member, [])
        for start in range(0, len(told), SOME):
            query = "&".join(f"{directive}={one}" for one in told[start : start + SOME])
            answer = client.ask(200, "GET", f"{resource['type']}?{query}", Prefer="handling=strict")
            (link,) = (one["url"] for one in answer.content["link"] if one["relation"] == "self")
            assert all(f"{directive}={quote(one, safe=':')}" in link for one in told[start : start + SOME])


def _check_operations(client: Client, resource: dict[str, Any], stored: list[dict[str, Any]]) -> None:
    for told in resource.get("operation", ()):
        CHECKS[told["name"]](client, resource["type"], stored)


def _check_validate(client: Client, name: str, stored: list[dict[str, Any]]) -> None:
    for content in stored or samples(name):
        outcome = client.ask(200, "POST", f"{name}/$validate", content).content
        if any(issue["severity"] in ("error", "fatal") for issue in outcome["issue"]):
            client.surprises.append(f"{name}/$validate finds fault with a sample")
    for content in stored:
        client.ask(200, "POST", f"{name}/{content['id']}/$validate", content)


def _check_translate(client: Client, name: str, _stored: list[dict[str, Any]]) -> None:
    coding = {"system": "urn:x:s", "code": "x"}
    asked = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": coding}]}
    client.ask(404, "POST", f"{name}/$translate?url=urn:x:none", asked)
    client.ask(404, "GET", f"{name}/unknown/$translate?{urlencode(coding)}")
    client.ask(400, "GET", f"{name}/$translate")


def _check_generate_slots(client: Client, name: str, stored: list[dict[str, Any]]) -> None:
    start, end = (f"2026-01-05T{hour:02}:00:00+01:00" for hour in (8, 9))
    rules = [availability(start, end, rule(freq="DAILY"), offer(minutes=20))]
    made = _create(client, {"resourceType": name, "actor": stored[0]["actor"], "extension": rules})
    client.ask(200, "POST", f"{name}/{made['id']}/$generate-slots", {"resourceType": "Parameters"})
    client.ask(404, "POST", f"{name}/{stored[0]['id']}/$generate-slots", {"resourceType": "Parameters"})
    client.ask(404, "POST", f"{name}/unknown/$generate-slots", {"resourceType": "Parameters"})
    client.ask(405, "GET", f"{name}/{made['id']}/$generate-slots")


def _check_find(client: Client, name: str, _stored: list[dict[str, Any]]) -> None:
    window = parameters_of(("start", "2099-01-01"), ("end", "2099-01-08"))
    assert 0 == client.ask(200, "POST", f"{name}/$find", window).content["total"]
    client.ask(400, "POST", f"{name}/$find", {"resourceType": "Parameters"})
    client.ask(405, "GET", f"{name}/$find")


def _check_hold_and_book(client: Client, name: str, _stored: list[dict[str, Any]]) -> None:
    unknown = parameters_of(("appointment-reference", {"reference": f"{name}/unknown"}))
    for operation in ("hold", "book"):
        assert 0 == client.ask(200, "POST", f"{name}/${operation}", unknown).content["total"]
        client.ask(400, "POST", f"{name}/${operation}", {"resourceType": "Parameters"})
        client.ask(405, "GET", f"{name}/${operation}")


def _check_evaluate_measure(client: Client, name: str, _stored: list[dict[str, Any]]) -> None:
    days = {"periodStart": "2026-03-01", "periodEnd": "2026-03-31"}
    asked = f"{name}/unplanned-care/$evaluate-measure?{urlencode(days)}"
    assert "MeasureReport" == client.ask(200, "GET", asked).content["resourceType"]
    client.ask(400, "POST", f"{name}/unplanned-care/$evaluate-measure", {"resourceType": "Parameters"})
    client.ask(404, "GET", asked.replace("unplanned-care", "unknown"))


def _check_match(client: Client, name: str, _stored: list[dict[str, Any]]) -> None:
    client.ask(404, "GET", f"{name}/unknown/$match")
    client.ask(404, "POST", f"{name}/unknown/$match", {"resourceType": "Parameters"})


#: How each operation is tried.
CHECKS = {
    "validate": _check_validate,
    "translate": _check_translate,
    "generate-slots": _check_generate_slots,
    "find": _check_find,
    "hold": _check_hold_and_book,
    "book": _check_hold_and_book,
    "match": _check_match,
    "evaluate-measure": _check_evaluate_measure,
}


def _check_reads(client: Client, content: dict[str, Any]) -> None:
    path = f"{content['resourceType']}/{content['id']}"
    client.ask(200, "GET", path)
    client.ask(304, "GET", path, If_None_Match='W/"1"')
    client.ask(200, "GET", f"{path}/_history/1")
    assert 1 == len(client.ask(200, "GET", f"{path}/_history").content["entry"])
    client.ask(200, "GET", f"{content['resourceType']}/_history?_count=1")


def _check_conditions(client: Client, resource: dict[str, Any], content: dict[str, Any]) -> None:
    name, condition = resource["type"], f"_id={content['id']}"
    codes = {one["code"] for one in resource["interaction"]}
    assert (True, True, "single" if "delete" in codes else "not-supported") == tuple(
        resource[f"conditional{action}"] for action in ("Create", "Update", "Delete")
    )
    again = client.ask(200, "POST", name, content, If_None_Exist=condition)
    assert content["id"] == again.content["id"]
    client.ask(200, "PUT", f"{name}?{condition}", content, If_Match='W/"1"')
    client.ask(200, "GET", f"{name}/{content['id']}")


def _check_bundle_refuses(client: Client, sample: dict[str, Any]) -> None:
    """What a type's row does not allow is not done inside a Bundle either."""
    name = sample["resourceType"]
    entries = [
        {"resource": sample, "request": {"method": "POST", "url": name}},
        {"resource": sample | {"id": "a"}, "request": {"method": "PUT", "url": f"{name}/a"}},
        {"request": {"method": "DELETE", "url": f"{name}/a"}},
    ]
    answer = client.ask(200, "POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    for told in answer.content.get("entry", ()):
        if not told["response"]["status"].startswith("405"):
            client.surprises.append(f"{name} in a batch: {told['response']['status']}")


def _check_creation_by_update(client: Client, resource: dict[str, Any], content: dict[str, Any]) -> None:
    name = resource["type"]
    if resource["updateCreate"]:
        client.ask(201, "PUT", f"{name}/chosen", content | {"id": "chosen"})
    else:
        client.ask(405, "PUT", f"{name}/chosen", content | {"id": "chosen"})
    is_named = resource["versioning"] == "versioned-update"
    client.ask(400 if is_named else 200, "PUT", f"{name}/{content['id']}", content)


def _check_writes(client: Client, content: dict[str, Any]) -> None:
    name = content["resourceType"]
    path = f"{name}/{content['id']}"
    changed = client.ask(200, "PUT", path, content | {"language": "en"}, If_Match='W/"1"')
    assert "2" == changed.content["meta"]["versionId"]
    stale = client.ask(412, "PUT", path, content, If_Match='W/"1"')
    assert "OperationOutcome" == stale.content["resourceType"]
    patch = {"Content_Type": "application/json-patch+json", "If_Match": 'W/"2"'}
    assert "fr" == client.ask(200, "PATCH", path, ADD_LANGUAGE, **patch).content["language"]


def _check_deletion(client: Client, content: dict[str, Any]) -> None:
    name, path = content["resourceType"], f"{content['resourceType']}/{content['id']}"
    client.raw(204, "DELETE", f"{name}?_id={content['id']}")
    client.ask(410, "GET", path)
    client.raw(204, "DELETE", path)


def _check_system(client: Client, told: dict[str, Any]) -> None:
    assert {"batch", "history-system", "search-system", "transaction"} == {one["code"] for one in told["interaction"]}
    entry = {"request": {"method": "GET", "url": "Slot?_count=1"}}
    for kind in ("batch", "transaction"):
        answer = client.ask(200, "POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert f"{kind}-response" == answer.content["type"]
    client.ask(200, "GET", "_history?_count=1")
    for parameter in told["searchParam"]:
        client.ask(200, "GET", f"?_type=Slot,Schedule&{parameter['name']}:missing=true", Prefer="handling=strict")
    # The sample was booked before: under its identifier it would be another booking.
    anonymous = {name: value for name, value in samples("Appointment")[0].items() if name != "identifier"}
    member = anonymous | {"participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}]}
    booked = _create(client, member)
    found = client.ask(200, "GET", "Patient/p1/Appointment").content
    assert [booked["id"]] == [entry["resource"]["id"] for entry in found["entry"]]
    assert {"Patient", "Practitioner"} == {one.rpartition("/")[2].capitalize() for one in told["compartment"]}
