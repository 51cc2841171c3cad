"""A small territory for tests of `/sas`, and the platform that asks of it: invented doctors, places and slots."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from fhir_server.app import create_app
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import to_instant

Json = dict[str, Any]

PERSON, STRUCTURE = "urn:oid:1.2.250.1.71.4.2.1", "urn:oid:1.2.250.1.71.4.2.2"
R314 = "https://mos.esante.gouv.fr/NOS/TRE_R314-TypeCreneau/FHIR/TRE-R314-TypeCreneau"
R66 = "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
R38 = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v2-0276"
SERVICE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Slot.serviceType"

#: In whose name everything is published: a vendor of agendas.
AGENDA = Actor("agenda")
SCOPES = "system/*.rs"
#: RPPS numbers of invented doctors, without prefix.
RPPS = ("99700960018", "99700960026", "99700960034")
HOUR_MS = 3_600_000

PRACTITIONERS = "schedule.actor:Practitioner.identifier"
INCLUDES = "_include=Slot:schedule&_include:iterate=Schedule:actor"
OF_CPTS = "&_include=Slot:service-type-reference&_include:iterate=HealthcareService:organization"


def concept(system: str, code: str) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def belonging(service: str) -> Json:
    """What makes a slot a CPTS's."""
    extension = {"url": SERVICE, "valueReference": {"reference": f"HealthcareService/{service}"}}
    return {"extension": [extension], **concept(R66, "604")}


def meant(*codes: str) -> Json:
    """The meta of a slot for these audiences."""
    return {"security": [{"system": R314, "code": code} for code in codes]}


#: Stores a resource under its id.
Put = Callable[[Json], None]


@dataclass
class World:
    """Publishes what it is told to."""

    store: Put
    clock: Callable[[], int]
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def put(self, type_name: str, id_: str, **elements: Any) -> str:
        """One resource under its id."""
        self.store({"resourceType": type_name, "id": id_} | elements)
        return id_

    def doctor(self, id_: str, rpps: str, *places: str, **elements: Any) -> None:
        """A doctor with an agenda at each of these places: `agenda-<doctor>-<place>`."""
        named: Json = {
            "identifier": [{"system": PERSON, "value": f"8{rpps}"}],
            "name": [{"family": "BRUMEVAL", "given": ["Aliénor"]}],
        }
        self.put("Practitioner", id_, **(named | elements))
        for place in places or ("moulin",):
            self.role(id_, place)
            self.agenda(id_, place)

    def role(self, doctor: str, place: str, **elements: Any) -> None:
        """What a doctor is at a place."""
        named: Json = {
            "practitioner": {"reference": f"Practitioner/{doctor}"},
            "organization": {"reference": f"Organization/practice-{place}"},
            "location": [{"reference": f"Location/{place}"}],
            "telecom": [{"system": "phone", "value": "02 61 91 01 01"}],
        }
        self.put("PractitionerRole", f"role-{doctor}-{place}", **(named | elements))

    def agenda(self, doctor: str, place: str, **elements: Any) -> None:
        """The Schedule of a doctor at a place."""
        actors = [f"Practitioner/{doctor}", f"PractitionerRole/role-{doctor}-{place}"]
        named: Json = {"actor": [{"reference": one} for one in actors]}
        self.put("Schedule", f"agenda-{doctor}-{place}", **(named | elements))

    def place(self, id_: str, finess: str = "960000040", **elements: Any) -> None:
        """A practice with its address."""
        identifier = {"system": STRUCTURE, "value": f"1{finess}"}
        self.put("Organization", f"practice-{id_}", identifier=[identifier], name="Maison de santé")
        address = {"line": ["3 chemin du Moulin"], "city": "Belombrage", "postalCode": "96010"}
        self.put("Location", id_, **({"name": "Moulin", "address": address} | elements))

    def cpts(self, id_: str, finess: str, **elements: Any) -> None:
        """A CPTS with the service that slots name."""
        named: Json = {
            "identifier": [{"system": STRUCTURE, "value": f"1{finess}"}],
            "name": "CPTS du Pays d'Ambrelune",
            "telecom": [{"system": "phone", "value": "+33261910001"}],
        }
        self.put("Organization", id_, **(named | elements))
        self.put("HealthcareService", f"service-{id_}", providedBy={"reference": f"Organization/{id_}"})

    def slot(
        self, agenda: str, hours: float = 24, *, id_: str = "", zone: str = "Europe/Paris", **elements: Any
    ) -> str:
        """A free quarter of an hour so many hours from now; its id."""
        start = self.clock() + int(hours * HOUR_MS)
        id_ = id_ or f"{agenda}-{next(self._numbers)}"
        named: Json = {
            "meta": meant("SNP"),
            "serviceType": [concept(ACT, "AMB"), {"text": "Soin non programmé"}],
            "specialty": [concept(R38, "SM54")],
            "appointmentType": concept(REASON, "ROUTINE"),
            "schedule": {"reference": f"Schedule/{agenda}"},
            "status": "free",
            "start": to_instant(start, zone),
            "end": to_instant(start + HOUR_MS // 4, zone),
            "comment": f"https://agenda.example/rdv?slot={id_}",
        }
        return self.put("Slot", id_, **(named | elements))


@dataclass(frozen=True)
class Reply:
    """An answer over HTTP."""

    status: int
    #: By their names in lower case.
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Json:
        """The body, parsed."""
        found: Json = json.loads(self.body)
        return found

    def of(self, type_name: str) -> list[Json]:
        """The resources of one type in the Bundle."""
        found = [entry["resource"] for entry in self.content.get("entry", ())]
        return [one for one in found if one["resourceType"] == type_name]

    @property
    def issues(self) -> list[tuple[str, str]]:
        """Code and element of each issue of an OperationOutcome."""
        assert "OperationOutcome" == self.content["resourceType"], self.body
        return [(issue["code"], *issue.get("expression", [""])) for issue in self.content["issue"]]


#: Sends method, path, query and headers, and gives the answer.
Send = Callable[[str, str, str, dict[str, str]], Reply]


@dataclass(frozen=True)
class Platform:
    """The national platform: asks byte by byte as it is told to."""

    send: Send
    clock: Callable[[], int]

    def ask(self, address: str, method: str = "GET", **headers: str) -> Reply:
        """One request; the address is below `/sas` and taken as it is."""
        path, _, query = address.partition("?")
        sent = {"Accept": "application/json+fhir"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.send(method, f"/sas{path}", query, sent)

    def slots(self, *numbers: str, hours: tuple[float, float] = (0, 72), more: str = "") -> Reply:
        """INT_R01 for practitioners, as the guide writes it; `more` is what stands after it."""
        return self.ask(f"/Slot?{self.query(numbers, hours)}{more}")

    def query(self, numbers: Sequence[str], hours: tuple[float, float] = (0, 72)) -> str:
        """The query of INT_R01."""
        asked = ",".join(f"{PERSON}|{number}" for number in numbers)
        return f"{INCLUDES}&{self.window(*hours)}&{PRACTITIONERS}={asked}&status=free"

    def window(self, low: float, high: float, write: Callable[[str], str] = str) -> str:
        """The two parameters of a window that begins and ends so many hours from now."""
        moments = (to_instant(self.clock() + int(hours * HOUR_MS), "Europe/Paris") for hours in (low, high))
        return "&".join(f"start={bound}{write(text)}" for bound, text in zip(("ge", "le"), moments, strict=True))


def world_in(services: Services) -> World:
    """Of a store in this process."""

    def put(content: Json) -> None:
        update(services.store, AGENDA, content["resourceType"], content["id"], content, None)

    return World(put, services.store.database.clock)


def platform_of(services: Services, client_id: str = "demo-sas", scopes: str = SCOPES) -> Platform:
    """Of a server in this process, with a fresh token of a partner for each request."""
    app, settings = create_app(services), services.settings

    def send(method: str, path: str, query: str, headers: dict[str, str]) -> Reply:
        token = tokens.issue(
            services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id=client_id,
            scopes=Scopes.parse(scopes),
            seconds=300,
        )
        named = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
        request = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": BytesIO(b"")}
        return _called(app, create_environ() | {"HTTP_AUTHORIZATION": f"Bearer {token}"} | named | request)

    return Platform(send, services.store.database.clock)


def _called(app: Flask, environ: dict[str, Any]) -> Reply:
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        told.append((status, headers))
        return lambda _: None

    body = b"".join(app(environ, start))
    status, headers = told[0]
    return Reply(int(status[:3]), {name.lower(): text for name, text in headers}, body)
