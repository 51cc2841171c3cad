"""Every address of the application, asked by somebody let in, with whatever a client may send: never a failure of ours.

Bounded by time; a failure tells its seed and number.
"""

import json
import random
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Flask

from adapters.service import build_house, web_application
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.settings import Settings
from tests.samples.questions import samples

#: Seconds for each store, and the seed.
SECONDS, SEED = 8.0, 20_260_302
WORDS = (
    *("", "0", "-1", "1", "a", "é", "\0", "%00", "../..", "' OR 1=1 --", "9" * 40, "x" * 3000, "null", "NaN", "1e400"),
    *("2026-13-45", "ge2026-03-02", "gt9999-12-31T23:59:59Z", "0000", "Patient/x", "|", "a|b|c", "urn:oid:1|", "a,\\,"),
    *("http://[::1", "\U0001f600", "true", "_id", "1|2|km", "48.1|2.1|5|km", "AAAA", "*", ":", "Patient:name", "$"),
)
MODIFIERS = ("", ":exact", ":not", ":missing", ":of-type", ":below", ":identifier", ":contains", ":text", ":x", ".name")
GENERAL = (
    *("_sort", "_count", "_include", "_revinclude", "_has:Slot:schedule:status", "_summary", "_elements", "_cursor"),
    *("_total", "_format", "_pretty", "_since", "_at", "_type", "nonsense"),
)
FORMS = (
    *("application/fhir+json", "application/json-patch+json", "application/fhir+xml", "text/plain", '"', ""),
    *("application/x-www-form-urlencoded", "x-application/hl7-v2+er7"),
)
HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Type": FORMS,
    "Accept": ("application/fhir+xml", "*/*", "text/turtle", ";;;", "application/json;q=x"),
    "If-Match": ('W/"1"', "1", '"', "*", 'W/"99999999999999999999"'),
    "If-None-Match": ("*", 'W/"1"', "x"),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 99999 00:00:00 GMT"),
    "If-None-Exist": ("_id=x", "identifier=|", "%", "a=b&c"),
    "Prefer": ("return=minimal", "handling=strict", "return=OperationOutcome", "respond-async", "x=y; z"),
    "Idempotency-Key": ("k", '"', "x" * 300),
    "Content-Encoding": ("gzip", "br"),
    "X-Request-Id": ("x", "x" * 200),
    "Range": ("bytes=0-1",),
}


class Sender:
    """Requests without sense, made by a seed."""

    def __init__(self, app: Flask, services: Services) -> None:
        self.random = random.Random(SEED)
        self.rules = sorted({(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()})
        self.bodies = [sample for name in RESOURCES for sample in samples(name)]
        self.ids = ["x", "absent", "1"]
        token = tokens.issue(
            services.keys,
            issuer=services.settings.issuer,
            audience=services.settings.base_url,
            client_id="demo-coordinator",
            scopes=Scopes.parse("system/*.cruds creneau/ins.read"),
            seconds=3600,
        )
        self.token = f"Bearer {token}"

    def requests(self) -> Iterator[dict[str, Any]]:
        """One for each address and method, over and over."""
        while True:
            for rule, method in self.random.sample(self.rules, len(self.rules)):
                yield self.request(rule, method)

    def request(self, rule: str, method: str) -> dict[str, Any]:
        type_name = self.random.choice(list(RESOURCES))
        headers = {name: self.random.choice(them) for name, them in HEADERS.items() if self.random.random() < 0.15}
        headers.setdefault("Content-Type", "application/fhir+json")
        return {
            "method": method,
            "path": self.path(rule, type_name),
            "query_string": self.query(type_name) if self.random.random() < 0.7 else "",
            "data": self.body() if method in ("POST", "PUT", "PATCH") else b"",
            "headers": headers | {"Authorization": self.token},
        }

    def path(self, rule: str, type_name: str) -> str:
        pick = self.random.choice
        known = {"type_name": type_name, "operation": pick([*OPERATIONS, "nonsense"]), "version": pick(["1", *WORDS])}
        while "<" in rule:
            before, _, rest = rule.partition("<")
            name, _, after = rest.partition(">")
            value = known.get(name.rpartition(":")[2]) or pick([*self.ids, *WORDS]) or "x"
            rule = f"{before}{quote(value, safe='')}{after}"
        return rule

    def query(self, type_name: str) -> str:
        pick, codes = self.random.choice, [*parameters(type_name), *GENERAL]
        pairs = [(pick(codes) + pick(MODIFIERS), pick(WORDS)) for _ in range(self.random.randint(1, 3))]
        return "&".join(f"{quote(name, safe=':')}={quote(value, safe='|/:,')}" for name, value in pairs)

    def body(self) -> bytes:
        kind = self.random.random()
        if kind < 0.1:
            return self.random.choice(WORDS).encode()
        if kind < 0.2:
            return self.random.randbytes(self.random.randint(0, 80))
        content: Any = json.loads(json.dumps(self.random.choice(self.bodies)))
        name = content.get("resourceType", "Slot")
        for _ in range(self.random.randint(0, 3)):
            self.spoil(content)
        if kind > 0.85:
            request = {"method": self.random.choice(["POST", "PUT", "GET"]), "url": name}
            content = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": content, "request": request}]}
        elif kind > 0.7:
            content = [{"op": "add", "path": f"/{self.random.choice([*content, 'x'])}", "value": content}]
        return json.dumps(content).encode()

    def spoil(self, content: Any) -> None:
        """Change one member, somewhere."""
        while isinstance(content, dict | list) and content:
            key = self.random.choice(list(content) if isinstance(content, dict) else range(len(content)))
            if not isinstance(content[key], dict | list) or self.random.random() < 0.3:
                content[key] = self.random.choice([None, 0, -1.5, True, [], {}, [[]], "x" * 100, *WORDS])
                return
            content = content[key]


def test_no_route_fails(settings: Settings) -> None:
    house = build_house(settings, pool_size=4)
    app = web_application(house)
    client, sender, ends = app.test_client(), Sender(app, house.services), time.monotonic() + SECONDS
    failed, statuses = [], set()
    for number, one in enumerate(sender.requests()):
        if time.monotonic() > ends and number >= len(sender.rules):
            break
        answer = client.open(**one)
        statuses.add(answer.status_code)
        if answer.status_code == 201 and "Location" in answer.headers:
            sender.ids.append(answer.headers["Location"].split("/_history")[0].rpartition("/")[2])
        if answer.status_code >= 500:
            failed.append((number, one["method"], one["path"], one["query_string"], one["data"][:300]))
    house.services.close()

    assert [] == failed
    assert {200, 201, 400, 404, 405} & statuses >= {200, 400, 404}
