"""Every request, refused ones included, is told in the audit trail: once, with who, what and how it ended."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient

from fhir_server import settings as settings_module
from fhir_server.app import create_app
from fhir_server.audit.event import Event
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services, build
from fhir_server.kernel.clock import Clock
from fhir_server.storage import audit
from fhir_server.storage.audit_seal import seal_all
from fhir_server.web.deeds import deed_of
from fhir_server.web.origins import Origins
from tests import builders

Bearer = Callable[..., dict[str, str]]

LIST = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Slot?status=free"}}]}
WRITES = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"resource": builders.patient(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": builders.patient(), "request": {"method": "POST", "url": "Patient"}},
        {"request": {"method": "GET", "url": "Patient/p1"}},
    ],
}
NEW = builders.patient(id="p1", gender="male")
LANGUAGE = [{"op": "add", "path": "/language", "value": "fr"}]
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
#: Kinds that their own transaction tells when they succeed.
COMMITTED = frozenset({"create", "update", "patch", "delete", "transaction"})
#: Method, address, body, headers, status, kind, type, id.
CASES: tuple[tuple[str, str, Any, dict[str, str], int, str, str, str], ...] = (
    ("GET", "Patient/p1", None, {}, 200, "read", "Patient", "p1"),
    ("HEAD", "Patient/p1", None, {}, 200, "read", "Patient", "p1"),
    ("GET", "Patient/p1", None, {"If-None-Match": 'W/"1"'}, 304, "read", "Patient", "p1"),
    ("GET", "Patient/p1", None, {"Accept": "text/turtle"}, 406, "read", "Patient", "p1"),
    ("GET", "Patient/unknown", None, {}, 404, "read", "Patient", "unknown"),
    ("GET", "Patient/p1/_history/1", None, {}, 200, "vread", "Patient", "p1"),
    ("GET", "Patient/p1/_history/9", None, {}, 404, "vread", "Patient", "p1"),
    ("GET", "Patient/p1/_history", None, {}, 200, "history-instance", "Patient", "p1"),
    ("GET", "Patient/_history", None, {}, 200, "history-type", "Patient", ""),
    ("GET", "_history", None, {}, 200, "history-system", "", ""),
    ("GET", "Patient?family=ESSAI", None, {}, 200, "search-type", "Patient", ""),
    ("GET", "Patient?family:nonsense=x", None, {}, 400, "search-type", "Patient", ""),
    ("GET", "?_type=Patient", None, {}, 200, "search-system", "", ""),
    ("GET", "Patient/p1/Appointment", None, {}, 200, "search-type", "Patient", "p1"),
    ("POST", "Patient", builders.patient(), {}, 201, "create", "Patient", ""),
    ("POST", "Patient", builders.patient(), {"If-None-Exist": "_id=p1"}, 200, "create", "Patient", ""),
    ("POST", "Patient", builders.patient(gender="?"), {}, 400, "create", "Patient", ""),
    ("POST", "AuditEvent", {"resourceType": "AuditEvent"}, {}, 405, "create", "AuditEvent", ""),
    ("PUT", "Patient/p1", NEW, {}, 200, "update", "Patient", "p1"),
    ("PUT", "Patient/p1", builders.patient(id="p1"), {}, 200, "update", "Patient", "p1"),
    ("PUT", "Patient/p1", NEW, {"If-Match": 'W/"7"'}, 412, "update", "Patient", "p1"),
    ("PUT", "Patient?_id=p1", NEW, {}, 200, "update", "Patient", ""),
    ("PATCH", "Patient/p1", LANGUAGE, JSON_PATCH, 200, "patch", "Patient", "p1"),
    ("PATCH", "Patient/unknown", LANGUAGE, JSON_PATCH, 404, "patch", "Patient", "unknown"),
    ("DELETE", "Patient/p1", None, {}, 204, "delete", "Patient", "p1"),
    ("DELETE", "Patient/unknown", None, {}, 204, "delete", "Patient", "unknown"),
    ("PUT", "AuditEvent/1", {"resourceType": "AuditEvent", "id": "1"}, {}, 405, "update", "AuditEvent", "1"),
    ("DELETE", "AuditEvent/1", None, {}, 405, "delete", "AuditEvent", "1"),
    ("POST", "", WRITES, {}, 200, "transaction", "", ""),
    ("POST", "", WRITES | {"type": "collection"}, {}, 400, "transaction", "", ""),
    ("POST", "Patient/$validate", builders.patient(), {}, 200, "operation", "Patient", ""),
    ("POST", "Patient/$nonsense", {}, {}, 404, "operation", "Patient", ""),
    ("GET", "Observation/1", None, {}, 404, "read", "", ""),
    ("GET", "Patient/p1/_nonsense/1/2", None, {}, 404, "other", "", ""),
    ("PATCH", "", [], JSON_PATCH, 405, "other", "", ""),
)


@pytest.fixture(autouse=True)
def person(client: FlaskClient, bearer: Bearer) -> None:
    client.put("/fhir/Patient/p1", json=builders.patient(id="p1"), headers=bearer())


def told(services: Services) -> list[Event]:
    """Every event, the latest last."""
    seal_all(services.store, services.settings.journal_folder, b"")
    return [row.event for row in audit.walk(services.store.read())]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "kind", "type_name", "id_"), CASES)
def test_a_request_is_told_once(
    client: FlaskClient,
    services: Services,
    bearer: Bearer,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    status: int,
    kind: str,
    type_name: str,
    id_: str,
) -> None:
    before = len(told(services))
    sent = bearer() | {"X-Request-Id": "r-4711"} | headers

    answer = client.open(f"/fhir/{path}", method=method, json=body, headers=sent)

    assert (status, answer.text) == (answer.status_code, answer.text)
    (event,) = told(services)[before:]
    expected = "committed" if status < 300 and kind in COMMITTED else str(status)
    assert (kind, type_name, id_, expected) == (event.kind, event.type, event.id, event.status)
    # At an address that is none, nobody is asked who they are.
    owner = "" if kind == "other" else "demo-coordinator"
    assert (owner, "r-4711", "127.0.0.1") == (event.owner, event.request_id, event.address)


REFUSED: tuple[tuple[dict[str, str], int, str], ...] = (
    ({}, 401, ""),
    ({"Authorization": "Bearer nonsense"}, 401, ""),
    ({"scopes": "system/Slot.r"}, 403, "demo-coordinator"),
)


@pytest.mark.parametrize(("given", "status", "owner"), REFUSED)
def test_who_is_not_let_in_is_told_too(
    client: FlaskClient, services: Services, bearer: Bearer, given: dict[str, str], status: int, owner: str
) -> None:
    before = len(told(services))
    headers = bearer(given["scopes"]) if "scopes" in given else given

    answer = client.get("/fhir/Patient/p1", headers=headers)

    (event,) = told(services)[before:]
    assert status == answer.status_code
    assert (str(status), owner, "Patient", "p1") == (event.status, owner and event.owner, event.type, event.id)
    assert () == event.patients


#: Endpoints that say nothing of anybody.
OPEN_ROOMS, OPEN = {"about", "well_known"}, {"sas.metadata"}


def test_every_address_is_told_or_known_to_be_open(app: Flask) -> None:
    untold = set()
    for rule in app.url_map.iter_rules():
        asked = Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
        asked.url_rule, asked.view_args = rule, dict.fromkeys(rule.arguments, "Patient")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": rule.rule}
        if deed_of(environ, asked, Origins("http://s.example", "")) is None:
            untold.add(rule.endpoint)

    assert OPEN == {name for name in untold if name.partition(".")[0] not in OPEN_ROOMS}


def test_what_is_open_to_everyone_is_not_told(client: FlaskClient, services: Services) -> None:
    before = len(told(services))

    for path in ("/fhir/metadata", "/health", "/ready", "/.well-known/smart-configuration"):
        assert client.get(path).status_code == 200

    assert [] == told(services)[before:]


def test_asking_for_a_token_is_told(client: FlaskClient, services: Services) -> None:
    before = len(told(services))
    for secret in ("creneau-demo", "wrong"):
        basic = base64.b64encode(f"demo-vendor:{secret}".encode()).decode()
        client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
        )

    good, bad = told(services)[before:]
    assert ("authorization", "token", "demo-vendor", "200") == (good.kind, good.name, good.owner, good.status)
    assert ("authorization", "token", "demo-vendor", "4") == (bad.kind, bad.name, bad.owner, bad.status[0])


def test_a_search_tells_what_was_asked_and_whose_data_was_shown(
    client: FlaskClient, services: Services, bearer: Bearer
) -> None:
    before = len(told(services))
    form = bearer() | {"Content-Type": "application/x-www-form-urlencoded"}

    client.get("/fhir/Patient?family=essai", headers=bearer())
    client.post("/fhir/Patient/_search?_count=5", data="family=essai", headers=form)
    client.get("/fhir/Patient?family=nobody", headers=bearer())
    client.get("/fhir/Patient/p1?_format=xml", headers=bearer())

    by_url, by_form, nobody, as_xml = told(services)[before:]
    assert "Patient?family=essai" == by_url.query
    assert "Patient/_search?_count=5&family=essai" == by_form.query
    assert [("p1",), ("p1",), (), ("p1",)] == [one.patients for one in (by_url, by_form, nobody, as_xml)]


def test_a_booking_tells_every_version_it_made(client: FlaskClient, services: Services, bearer: Bearer) -> None:
    client.put("/fhir/Schedule/csnp", json=builders.schedule(id="csnp"), headers=bearer())
    client.put("/fhir/Slot/s1", json=builders.slot(id="s1"), headers=bearer())
    before = len(told(services))

    booked = client.post("/fhir/Appointment", json=builders.appointment("s1"), headers=bearer())
    again = client.post("/fhir/Appointment", json=builders.appointment("s1"), headers=bearer())

    assert (201, 409) == (booked.status_code, again.status_code)
    won, lost = told(services)[before:]
    assert {f"Appointment/{booked.json['id']}/_history/1", "Slot/s1/_history/2"} == set(won.written)
    assert (("p1",), ("create", "committed")) == (won.patients, (won.kind, won.status))
    assert ((), "409") == (lost.written, lost.status)


def test_a_deletion_tells_whose_data_it_was(client: FlaskClient, services: Services, bearer: Bearer) -> None:
    made = client.post("/fhir/ServiceRequest", json=builders.service_request(), headers=bearer()).json
    before = len(told(services))

    client.delete(f"/fhir/ServiceRequest/{made['id']}", headers=bearer())

    (event,) = told(services)[before:]
    assert ((f"ServiceRequest/{made['id']}/_history/2",), ("p1",)) == (event.written, event.patients)


def test_each_entry_of_a_batch_is_told(client: FlaskClient, services: Services, bearer: Bearer) -> None:
    entries = [
        {"request": {"method": "GET", "url": "Patient/p1"}},
        {"request": {"method": "GET", "url": "Patient/unknown"}},
        {"request": {"method": "GET", "url": "Patient?family=essai"}},
        {"resource": builders.patient(), "request": {"method": "POST", "url": "Patient"}},
        {"request": {"method": "GET", "url": "Observation/1"}},
    ]
    before = len(told(services))

    client.post("/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries}, headers=bearer())

    found = {(one.kind, one.status, one.patients) for one in told(services)[before:]}
    (made,) = (one for one in told(services)[before:] if one.kind == "create")
    assert {
        ("batch", "200", ()),
        ("read", "200", ("p1",)),
        ("read", "404", ()),
        ("search-type", "200", ("p1",)),
        ("create", "committed", made.patients),
        ("other", "404", ()),
    } == found
    assert len(told(services)) == before + len(entries) + 1


def test_an_answer_that_cannot_be_told_is_not_given(sqlite_url: str, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("no folder")
    answers = {
        policy: _asked_without_a_journal(sqlite_url, clock, tmp_path, policy) for policy in ("required", "best-effort")
    }

    assert {"required": 503, "best-effort": 200} == {policy: answer.status_code for policy, answer in answers.items()}
    refused = answers["required"]
    assert "transient" == refused.json["issue"][0]["code"]
    assert "ESSAI" not in refused.text
    assert {"X-Request-Id", "Retry-After"} <= set(refused.headers.keys())


def _asked_without_a_journal(url: str, clock: Clock, tmp_path: Path, policy: str) -> Any:
    folder = str(tmp_path / "blocked" / "audit")
    settings = settings_module.load({}, database_url=url, demo=True, audit=policy, audit_folder=folder)
    services = build(settings, clock=clock, pool_size=2)
    client = create_app(services).test_client()
    answer = client.get("/fhir/Patient/p1", headers=_token_of(services))
    services.close()
    return answer


def _token_of(services: Services) -> dict[str, str]:
    token = tokens.issue(
        services.keys,
        issuer=services.settings.issuer,
        audience=services.settings.base_url,
        client_id="demo-coordinator",
        scopes=Scopes.parse("system/*.cruds"),
        seconds=300,
    )
    return {"Authorization": f"Bearer {token}"}


def test_nothing_is_told_when_audit_is_off(sqlite_url: str, clock: Clock) -> None:
    settings = settings_module.load({}, database_url=sqlite_url, demo=True, audit="off")
    services = build(settings, clock=clock, pool_size=2)
    before = len(told(services))
    client = create_app(services).test_client()

    client.get("/fhir/Patient/p1", headers=_token_of(services))
    client.post("/fhir/Patient", json=builders.patient(), headers=_token_of(services))

    assert before == len(told(services))
    services.close()


def test_a_proxy_we_trust_tells_where_a_request_came_from(sqlite_url: str, clock: Clock) -> None:
    settings = settings_module.load({}, database_url=sqlite_url, demo=True, trusted_proxies="127.0.0.1")
    services = build(settings, clock=clock, pool_size=2)
    client = create_app(services).test_client()
    before = len(told(services))

    for forwarded in ("198.51.100.9, 192.0.2.7", "no address"):
        client.get("/fhir/Patient/p1", headers={"X-Forwarded-For": forwarded})

    assert ["192.0.2.7", "127.0.0.1"] == [one.address for one in told(services)[before:]]
    services.close()


def test_the_trail_is_an_auditors_alone(client: FlaskClient, services: Services, bearer: Bearer, app: Flask) -> None:
    told(services)
    auditor = bearer("system/AuditEvent.rs", "demo-auditor")

    seen = client.get("/fhir/AuditEvent?patient=p1", headers=auditor)
    one = client.get(f"/fhir/AuditEvent/{seen.json['entry'][0]['resource']['id']}", headers=auditor)
    other = client.get("/fhir/AuditEvent?patient=p1", headers=bearer())
    hidden = client.get("/fhir/AuditEvent/1", headers=bearer())
    patient = client.get("/fhir/Patient/p1", headers=auditor)

    assert (200, 200, 200, 404, 403) == tuple(answer.status_code for answer in (seen, one, other, hidden, patient))
    assert (1, 0) == (len(seen.json["entry"]), len(other.json.get("entry", ())))
    assert one.json == seen.json["entry"][0]["resource"]
