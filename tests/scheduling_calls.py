"""Calls of `$find`, `$hold` and `$book` as a partner's client makes them: a test states only what matters to it."""

from datetime import datetime
from typing import Any

from fhir_server.bootstrap import Services
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.book_appointment import book
from fhir_server.interactions.chosen import Call
from fhir_server.interactions.create import create
from fhir_server.interactions.find_appointments import find
from fhir_server.interactions.hold_appointment import hold
from fhir_server.interactions.idempotent import key_of
from fhir_server.interactions.read import read
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from tests import builders

BASE = "http://x/fhir"
HOLD_SECONDS = 300
#: The day after the standing clock's.
START, END = "2026-03-03T08:00:00+01:00", "2026-03-03T20:00:00+01:00"

Json = dict[str, Any]


def given(name: str, value: Any) -> Json:
    """One parameter, by the kind of its value."""
    if isinstance(value, dict) and "resourceType" in value:
        return {"name": name, "resource": value}
    if isinstance(value, str):
        kind = "valueDateTime" if name in ("start", "end") else "valueString"
        return {"name": name, kind: value}
    kinds = {"timing": "valueTiming", "referral-identifier": "valueIdentifier"}
    return {"name": name, kinds.get(name, "valueReference"): value}


def parameters(*pairs: tuple[str, Any]) -> Json:
    """A Parameters resource."""
    found = [given(name, value) for name, value in pairs]
    return {"resourceType": "Parameters"} | ({"parameter": found} if found else {})


def reference(id_: str) -> Json:
    """A reference to an Appointment."""
    return {"reference": f"Appointment/{id_}"}


def outcome(bundle: Json) -> list[tuple[str, str]]:
    """Severity and code of what a Bundle has to say."""
    entries = [one["resource"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "outcome"]
    return [(issue["severity"], issue["code"]) for one in entries for issue in one["issue"]]


def matches(bundle: Json) -> list[Json]:
    """The appointments of a Bundle."""
    return [one["resource"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "match"]


GONE = [("fatal", "not-found")]


class Partner:
    """A partner's client."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self.services = services
        self.store = services.store
        self.actor = actor

    def find(self, *pairs: tuple[str, Any], start: str = START, end: str = END, count: int | None = None) -> Json:
        asked = parameters(("start", start), ("end", end), *pairs)
        return find(self.store, self.actor, asked, access_check=_anything, base_url=BASE, count=count)

    def options(self, *pairs: tuple[str, Any], **window: Any) -> list[Json]:
        return matches(self.find(*pairs, **window))

    def hold(self, id_: str, key: str | None = None) -> Answer:
        body = parameters(("appointment-reference", reference(id_)))
        return hold(self.store, self.actor, self._call("$hold", body, key), seconds=HOLD_SECONDS)

    def book(self, *pairs: tuple[str, Any], key: str | None = None, if_match: int | None = None) -> Answer:
        return book(self.store, self.actor, self._call("$book", parameters(*pairs), key), if_match=if_match)

    def book_option(self, id_: str, *pairs: tuple[str, Any], key: str | None = None) -> Answer:
        return self.book(("appointment-reference", reference(id_)), *pairs, key=key)

    def appointment(self, id_: str) -> Json:
        return read(self.store, self.actor, "Appointment", id_).content()

    def _call(self, name: str, body: Json, key: str | None) -> Call:
        return Call(body, _anything, BASE, key_of(key, name, body))


def held(answer: Answer) -> Json:
    """The one Appointment of an answer."""
    assert [] == outcome(answer.content), answer.content
    [found] = matches(answer.content)
    return found


def publish(services: Services, id_: str | None = None, actor: Actor = SYSTEM, **elements: Any) -> str:
    """A free slot; its id."""
    return create(services.store, actor, "Slot", builders.slot(**elements)).id


def status_of(services: Services, slot_id: str) -> str:
    """The status of a slot, as the territory sees it."""
    found = json.load(read(services.store, SYSTEM, "Slot", slot_id).body.encode())
    return str(found["status"])


def expiry_ms(answer: Answer) -> int:
    """The moment that `Expires` names."""
    moment = datetime.strptime(answer.headers["Expires"], "%a, %d %b %Y %H:%M:%S GMT")
    return int((moment - datetime(1970, 1, 1)).total_seconds()) * 1000


def _anything(_type: str, _letter: str) -> None:
    """Every scope."""
