"""What slots of an agenda have in common: for whom, where one is seen, for what, and whose they are.

Slots are many, and most of an agenda say the same: it is shaped once, and remembered by the stored text of that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.kernel import json
from fhir_server.kernel.audiences import R314
from fhir_server.sas import codes
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.codes import Shape
from fhir_server.sas.parts import Json, Unfit, codings, filled, reference, targets

_MOST = 4096


@dataclass(frozen=True, slots=True)
class Told:
    """What a slot says about these things, as stored JSON."""

    security: bytes
    service_types: bytes
    specialties: bytes
    appointment_type: bytes


@dataclass(frozen=True, slots=True)
class Manner:
    """The same in the shape of an answer: JSON text of the meta, and of the other elements one after the other."""

    meta: str
    elements: str
    #: Ids of the HealthcareServices that it names.
    services: tuple[str, ...]


@lru_cache(maxsize=_MOST)
def services(service_types: bytes, agenda: Fallback) -> tuple[str, ...]:
    """Ids of the HealthcareServices that make a slot the CPTS's own, as it or its Schedule names them."""
    return _services(json.load(service_types)) or _services(agenda.service_types)


@lru_cache(maxsize=_MOST)
def manner(told: Told, agenda: Fallback, shape: Shape, known: tuple[str, ...]) -> Manner | Unfit:
    """The manner of slots of an agenda; `known` are those of its HealthcareServices that the answer holds."""
    own = json.load(told.service_types)
    audiences = _audiences(told.security, shape, is_cpts=bool(known))
    visits = _visits(own, agenda)
    found = codings([json.load(told.appointment_type)], codes.APPOINTMENT_TYPE)
    kind = next(found, codes.APPOINTMENT_TYPES[0])
    problem = _problem(audiences, visits, kind)
    if problem:
        return problem
    meta = {
        "profile": [shape.profiles["Slot"]],
        "security": [{"system": R314, "code": code} for code in audiences],
    }
    linked = known if shape.has_services else ()
    elements = {
        "serviceType": [
            *(codes.concept(codes.ACT, code) for code in visits),
            *(_service(id_) for id_ in linked),
            *({"text": text} for text in _motives(own, agenda)),
        ],
        "specialty": list(_specialties(json.load(told.specialties) or agenda.specialties)),
        "appointmentType": codes.concept(codes.APPOINTMENT_TYPE, kind),
    }
    return Manner(json.encode(meta).decode(), json.encode(filled(elements)).decode()[1:-1], linked)


def _problem(audiences: list[str], visits: list[str], kind: str) -> Unfit | None:
    if not audiences:
        return Unfit("is for no audience of this answer, or for a CPTS that is not known", "Slot.meta.security")
    if not visits:
        return Unfit("neither it nor its Schedule says AMB, HH or VR", "Slot.serviceType")
    if kind not in codes.APPOINTMENT_TYPES:
        return Unfit("is neither ROUTINE nor WALKIN", "Slot.appointmentType")
    return None


def _audiences(security: bytes, shape: Shape, *, is_cpts: bool) -> list[str]:
    """Its codes of R314 that the answer may carry; one without any is for everyone."""
    stated = list(codings([{"coding": json.load(security)}], R314))
    allowed = shape.audiences if is_cpts else shape.audiences - {"CPTS"}
    return [code for code in dict.fromkeys(stated or ["PUBLIC"]) if code in allowed]


def _visits(own: list[Json], agenda: Fallback) -> list[str]:
    for concepts in (own, agenda.service_types):
        found = [code for code in dict.fromkeys(codings(concepts, codes.ACT)) if code in codes.CONSULTATIONS]
        if found:
            return found
    return []


def _motives(own: list[Json], agenda: Fallback) -> list[str]:
    """Why one may come: what is said of the services beside where they are given and whose they are."""
    return list(dict.fromkeys(_texts(own))) or list(dict.fromkeys(_texts(agenda.service_types)))


def _texts(concepts: object) -> Iterator[str]:
    for concept in concepts if isinstance(concepts, list | tuple) else ():
        named = concept.get("coding", ())
        if any(coding.get("system") in (codes.ACT, codes.R66) for coding in named):
            continue
        texts = (concept.get("text", ""), *(coding.get("display", "") for coding in named))
        yield from [text for text in texts if text][:1]


def _services(concepts: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for concept in concepts if isinstance(concepts, list | tuple) else ():
        if codes.CPTS_CATEGORY in codings([concept], codes.R66):
            extensions = [one for one in concept.get("extension", ()) if one.get("url") == codes.SERVICE]
            found |= dict.fromkeys(targets([one.get("valueReference", {}) for one in extensions], "HealthcareService"))
    return tuple(found)


def _service(id_: str) -> Json:
    extension = {"url": codes.SERVICE, "valueReference": reference("HealthcareService", id_)}
    return {"extension": [extension], **codes.concept(codes.R66, codes.CPTS_CATEGORY)}


def _specialties(concepts: object) -> Iterator[Json]:
    for concept in concepts if isinstance(concepts, list | tuple) else ():
        of_r38 = [coding for coding in concept.get("coding", ()) if coding.get("system") == codes.R38]
        kept = [filled({name: one.get(name) for name in ("system", "code", "display")}) for one in of_r38]
        if kept:
            yield {"coding": kept[:1]}
        elif concept.get("text"):
            yield {"text": concept["text"]}
