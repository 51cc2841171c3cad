"""The SAS platform's receiver of appointments, as its published contract has it, on a real socket.

`POST /Appointment` makes, `PUT /Appointment?identifier=` changes or makes; what is not FrAppointmentSAS is 422. Faults
are played once each, in their order.
"""

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

_TYPES = "http://interopsante.org/fhir/CodeSystem/fr-v2-0203"
_OPERATOR = "http://interopsante.org/fhir/StructureDefinition/FrAppointmentOperator"
_CATEGORY = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-categorie-orientation"
_INDIVIDUAL = "http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS"
_SOS = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-sos-appointment"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SYSTEM_OF = {"IDNPS": "urn:oid:1.2.250.1.71.4.2.1", "INTRN": "urn:oid:1.2.250.1.213.3.6"}
#: Elements that tell nothing of a patient.
_ELEMENTS = {"resourceType", "meta", "extension", "identifier", "status", "start", "end", "created", "participant"}


@dataclass
class Request:
    """One request as it came."""

    method: str
    query: dict[str, list[str]]
    body: Json
    status: int


@dataclass
class Platform:
    """What it was told, and what it is to do wrong."""

    url: str = ""
    #: By identifier, as `system|value`.
    appointments: dict[str, Json] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    #: `lost` (applied, but the answer never leaves), `silent`, or a status.
    faults: list[str | int] = field(default_factory=list)
    #: Whether PUT makes what is not known.
    is_making: bool = True

    @property
    def told(self) -> list[tuple[str, int, str]]:
        """Method, answer and status of every request."""
        return [(one.method, one.status, one.body.get("status", "")) for one in self.requests]

    def take(self, method: str, query: dict[str, list[str]], body: Json) -> tuple[int, str]:
        """The status of the answer, and the number of the appointment or what is wrong with it."""
        problem = next(problems(body), None)
        if problem is not None:
            return 422, problem
        key = "{system}|{value}".format(**body["identifier"][0])
        if method == "POST" and key in self.appointments:
            return 422, "identifier is known"
        if method == "PUT" and query.get("identifier") != [key]:
            return 400, "identifier of the URL is not that of the body"
        is_new = key not in self.appointments
        if method == "PUT" and is_new and not self.is_making:
            return 404, "not found"
        self.appointments[key] = body
        return (201 if is_new else 200), str(list(self.appointments).index(key))


def problems(body: Json) -> Iterator[str]:
    """All that keeps a body from being a notice of its profile."""
    profile = body.get("meta", {}).get("profile")
    if body.get("resourceType") != "Appointment" or profile not in ([_INDIVIDUAL], [_SOS]):
        yield "meta.profile"
        return
    yield from sorted(set(body) - _ELEMENTS)
    yield from _operator([one for one in body.get("extension", ()) if one.get("url") == _OPERATOR])
    if any(one.get("url") not in (_OPERATOR, _CATEGORY) for one in body["extension"]):
        yield "extension"
    identifiers = body.get("identifier", [])
    if len(identifiers) != 1 or not identifiers[0].get("system") or not _UUID.fullmatch(identifiers[0]["value"]):
        yield "identifier"
    if body.get("status") not in ("booked", "fulfilled", "noshow", "cancelled"):
        yield "status"
    yield from (name for name in ("start", "end", "created") if not _INSTANT.fullmatch(body.get(name, "")))
    if not body.get("participant"):
        yield "participant"
    for one in body.get("participant", ()):
        yield from _participant(one, profile == [_SOS])


def _operator(found: list[Json]) -> Iterator[str]:
    if (
        len(found) != 1
        or set(found[0]) != {"url", "valueReference"}
        or set(found[0]["valueReference"]) != {"identifier"}
    ):
        yield "extension.operator"
        return
    yield from _identifier(found[0]["valueReference"]["identifier"], ("IDNPS", "INTRN"))


def _participant(one: Json, is_sos: bool) -> Iterator[str]:
    if "actor" in one:
        if one.get("status") != "accepted" or set(one["actor"]) != {"identifier"}:
            yield "participant"
            return
        yield from _identifier(one["actor"]["identifier"], ("IDNPS",))
        if not re.fullmatch(r"8\d{11}|0[0-9AB]{9}", one["actor"]["identifier"].get("value", "")):
            yield "participant.actor.identifier.value"
    elif not is_sos or one.get("status") != "needs-action" or one["type"][0]["coding"][0]["code"] != "ADM":
        yield "participant"


def _identifier(one: Json, codes: tuple[str, ...]) -> Iterator[str]:
    coding = one.get("type", {}).get("coding", [])
    if len(coding) != 1 or coding[0].get("system") != _TYPES or coding[0].get("code") not in codes:
        yield "identifier.type"
    elif one.get("system") != _SYSTEM_OF[coding[0]["code"]] or not one.get("value"):
        yield "identifier.system"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: Platform
    #: Longer than any sender of a test waits.
    silence = 2.0

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""

    def _answer(self) -> None:
        address = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        query = parse_qs(address.query)
        platform = self.platform
        fault = platform.faults.pop(0) if platform.faults else None
        if fault == "silent":
            time.sleep(self.silence)
        if fault in (None, "lost"):
            status, told = platform.take(self.command, query, body)
        else:
            status, told = (fault, "fault") if isinstance(fault, int) else (0, "")
        if address.path != "/fhir/Appointment" or "fhir+json" not in self.headers["Content-Type"]:
            status, told = 400, "address"
        platform.requests.append(Request(self.command, query, body, status))
        if isinstance(fault, str):
            self.close_connection = True
            return
        self._send(status, told)

    def _send(self, status: int, told: str) -> None:
        issue = {"severity": "error", "code": "business-rule", "diagnostics": told, "expression": ["Appointment"]}
        body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode() if status >= 400 else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        if status < 400:
            self.send_header("Location", f"{self.platform.url}/Appointment/{told}")
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def platform(context: Callable[[], ssl.SSLContext] | None = None) -> Iterator[Platform]:
    """A platform that listens, over TLS with a context."""
    made = Platform()
    handler = type("Handler", (_Handler,), {"platform": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a handshake refused is no fault of ours
    if context is not None:
        server.socket = context().wrap_socket(server.socket, server_side=True)
    made.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
