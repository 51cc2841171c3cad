"""An event as a FHIR AuditEvent, shaped after IHE BALP. https://www.hl7.org/fhir/R4/auditevent.html"""

import base64
from collections.abc import Iterator
from typing import Any

from fhir_server.audit.event import Event
from fhir_server.audit.kinds import KINDS, Coding, outcome
from fhir_server.kernel.dates import to_instant

_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_PERSON, _SYSTEM_OBJECT = (_ENTITY_TYPE, "1", "Person"), (_ENTITY_TYPE, "2", "System Object")
_PATIENT, _DOMAIN, _QUERY = (_ROLE, "1", "Patient"), (_ROLE, "4", "Domain Resource"), (_ROLE, "24", "Query")
_TRANSACTION: Coding = (
    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
    "XrequestId",
    "X-Request-Id",
)
_PROFESSIONAL: Coding = (
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
    "IRCP",
    "information recipient",
)
_SERVER: Coding = ("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")
_JTI = "urn:ietf:params:oauth:jti:"
_SITE = "creneau"
_OURSELVES = {"type": "Device", "identifier": {"value": _SITE}, "display": "Créneau"}
#: IP address. https://www.hl7.org/fhir/R4/valueset-network-type.html
_IP = "2"


def audit_event(number: int, event: Event) -> dict[str, Any]:
    """The AuditEvent of the event that has that number in the trail."""
    kind, recorded = KINDS[event.kind], to_instant(event.at_ms)
    code, entities = kind.code or event.name, list(_entities(event))
    return {
        "resourceType": "AuditEvent",
        "id": str(number),
        "meta": {"versionId": "1", "lastUpdated": recorded},
        "type": _coding(kind.type),
        **({"subtype": [{"system": kind.system, "code": code}, *_operation(event)]} if code else {}),
        "action": kind.action,
        "recorded": recorded,
        "outcome": outcome(event.status),
        "outcomeDesc": event.status,
        "agent": list(_agents(event)),
        "source": {
            "site": _SITE,
            "observer": _OURSELVES,
            "type": [
                _coding(("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"))
            ],
        },
        **({"entity": entities} if entities else {}),
    }


def _operation(event: Event) -> Iterator[dict[str, str]]:
    if event.kind == "operation" and event.name:
        yield {"system": "urn:creneau:operation", "code": event.name}


def _agents(event: Event) -> Iterator[dict[str, Any]]:
    kind = KINDS[event.kind]
    client: dict[str, Any] = {"type": {"coding": [_coding(kind.client)]}}
    if event.owner:
        client |= {"who": {"type": "Device", "identifier": {"value": event.owner}}, "altId": event.owner}
    client["requestor"] = not event.user
    if event.token_id:
        client["policy"] = [_JTI + event.token_id]
    if event.address:
        client["network"] = {"address": event.address, "type": _IP}
    yield client
    if event.user:
        user = {"type": "Practitioner", "identifier": {"value": event.user}}
        yield {"type": {"coding": [_coding(_PROFESSIONAL)]}, "who": user, "requestor": True}
    yield {"type": {"coding": [_coding(kind.server)]}, "who": _OURSELVES, "requestor": False}


def _entities(event: Event) -> Iterator[dict[str, Any]]:
    about = f"{event.type}/{event.id}" if event.id else ""
    if about and not any(one.startswith(f"{about}/") for one in event.written):
        yield _entity(about, _SYSTEM_OBJECT, _DOMAIN)
    for reference in event.written:
        yield _entity(reference, _SYSTEM_OBJECT, _DOMAIN)
    for id_ in event.patients:
        yield _entity(f"Patient/{id_}", _PERSON, _PATIENT)
    if event.left_out:
        text = f"{event.left_out} more are not named."
        yield {"type": _coding(_SYSTEM_OBJECT), "role": _coding(_DOMAIN), "description": text}
    if event.query:
        asked = base64.b64encode(event.query.encode("utf-8", "surrogateescape")).decode()
        yield {"type": _coding(_SYSTEM_OBJECT), "role": _coding(_QUERY), "query": asked}
    if event.request_id:
        yield {"what": {"identifier": {"value": event.request_id}}, "type": _coding(_TRANSACTION)}


def _entity(reference: str, type_: Coding, role: Coding) -> dict[str, Any]:
    return {"what": {"reference": reference}, "type": _coding(type_), "role": _coding(role)}


def _coding(coding: Coding) -> dict[str, str]:
    system, code, display = coding
    return {"system": system, "code": code, "display": display}
