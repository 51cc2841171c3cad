"""A slot in the shapes of the guide: purely, from stored text to shown text. `memory` keeps what was shaped."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from fhir_server.kernel import dates
from fhir_server.kernel.audiences import R314
from fhir_server.sas import codes
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.codes import Shape
from fhir_server.sas.parts import Json, Shown, Unfit, codings, filled, head, parsed, reference, shown, targets

#: An address to which a parameter can be added.
_ADDRESS = re.compile(r"https://[^\s/?#]+[^\s#]*(#\S*)?")


def version(text: str, number: int) -> Json | None:
    """The stored slot, parsed; None when its text, which may be empty, is not of that version."""
    content = parsed(text) if text else {}
    return content if content.get("meta", {}).get("versionId") == str(number) else None


def services(content: Json, agenda: Fallback) -> tuple[str, ...]:
    """Ids of the HealthcareServices that make a slot the CPTS's own, as it or its Schedule names them."""
    return _services(content.get("serviceType", ())) or _services(agenda.service_types)


def slot(content: Json, agenda: Fallback, shape: Shape, known: tuple[str, ...], address: str) -> Shown | Unfit:
    """A slot as it is shown; `known` are those of its HealthcareServices that the answer holds.

    `address` is where it is booked unless it says so itself; `{id}` in it stands for the slot's id.
    """
    audiences = _audiences(content, shape, is_cpts=bool(known))
    visits = _visits(content, agenda)
    kind = next(codings([content.get("appointmentType", {})], codes.APPOINTMENT_TYPE), codes.APPOINTMENT_TYPES[0])
    booked_at = _booked_at(content, address)
    begin, end = (dates.interval(content[name]).low for name in ("start", "end"))
    problem = _problem(audiences, visits, kind, booked_at)
    if problem or begin >= end:
        return problem or Unfit("does not end after it begins", "Slot.end")
    first = head(shape, "Slot", content["id"])
    first["meta"]["security"] = [{"system": R314, "code": code} for code in audiences]
    linked = known if shape.has_services else ()
    told = {
        "serviceType": [
            *(codes.concept(codes.ACT, code) for code in visits),
            *(_service(id_) for id_ in linked),
            *({"text": text} for text in _motives(content, agenda)),
        ],
        "specialty": list(_specialties(content.get("specialty") or agenda.specialties)),
        "appointmentType": codes.concept(codes.APPOINTMENT_TYPE, kind),
        "schedule": reference("Schedule", *targets([content["schedule"]], "Schedule")),
        "status": "free",
        "start": dates.to_instant(begin, agenda.zone),
        "end": dates.to_instant(end, agenda.zone),
        "comment": booked_at,
    }
    return shown(first | told, linked)


def _problem(audiences: list[str], visits: list[str], kind: str, address: str) -> Unfit | None:
    if not audiences:
        return Unfit("is for no audience of this answer, or for a CPTS that is not known", "Slot.meta.security")
    if not visits:
        return Unfit("neither it nor its Schedule says AMB, HH or VR", "Slot.serviceType")
    if kind not in codes.APPOINTMENT_TYPES:
        return Unfit("is neither ROUTINE nor WALKIN", "Slot.appointmentType")
    if not address:
        return Unfit("has no https address where it is booked", "Slot.comment")
    return None


def _audiences(content: Json, shape: Shape, *, is_cpts: bool) -> list[str]:
    """Its codes of R314 that the answer may carry; one without any is for everyone."""
    stated = list(codings([{"coding": content.get("meta", {}).get("security", ())}], R314))
    allowed = shape.audiences if is_cpts else shape.audiences - {"CPTS"}
    return [code for code in dict.fromkeys(stated or ["PUBLIC"]) if code in allowed]


def _visits(content: Json, agenda: Fallback) -> list[str]:
    for concepts in (content.get("serviceType", ()), agenda.service_types):
        found = [code for code in dict.fromkeys(codings(concepts, codes.ACT)) if code in codes.CONSULTATIONS]
        if found:
            return found
    return []


def _motives(content: Json, agenda: Fallback) -> list[str]:
    """Why one may come: what is said of the services beside where they are given and whose they are."""
    own = list(dict.fromkeys(_texts(content.get("serviceType", ()))))
    return own or list(dict.fromkeys(_texts(agenda.service_types)))


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


def _booked_at(content: Json, template: str) -> str:
    """The address of the slot's own comment, or made of the template, with a query; empty without one.

    SAS adds a parameter of its own with `&`.
    """
    id_ = quote(content["id"], safe="")
    for text in (content.get("comment", "").strip(), template.replace("{id}", id_)):
        match = _ADDRESS.fullmatch(text)
        if match and "?" in text:
            return str(text)
        if match:
            before, mark, fragment = text.partition("#")
            return f"{before}?slot={id_}{mark}{fragment}"
    return ""
