"""Who and where, in the shapes of the guide: from stored text to shown text, purely, and remembered by the text.

What cannot be shown validly is Unfit, with the reason.
"""

import re
from functools import lru_cache

from fhir_server.registry.national import PERSONS, TYPE_SYSTEM
from fhir_server.sas import codes, national
from fhir_server.sas.codes import CPTS, SOS, Shape
from fhir_server.sas.parts import Json, Shown, Unfit, filled, head, parsed, phone, reference, shown, targets

#: Shapes remembered, of each kind.
_MOST = 4096
_POSTAL_CODE = re.compile(r"[0-9]{5}")
_NO_STRUCTURE = "has no FINESS, SIRET or RPPS rank"


@lru_cache(maxsize=_MOST)
def practitioner(body: str) -> Shown | Unfit:
    """A practitioner with the national number that SAS knows it by: RPPS, else ADELI."""
    content = parsed(body)
    number = practitioner_number(body)
    if number is None:
        return Unfit("has neither RPPS nor ADELI", "Practitioner.identifier")
    if content.get("active") is False:
        return Unfit("is not active", "Practitioner.active")
    identifier = {"type": codes.concept(TYPE_SYSTEM, "IDNPS"), "system": PERSONS, "value": number}
    return shown(
        head(CPTS, "Practitioner", content["id"])
        | {"identifier": [identifier], "name": named(content), "telecom": phone(national.phone(content))}
    )


@lru_cache(maxsize=_MOST)
def practitioner_number(body: str) -> str | None:
    """The national number of a practitioner, prefixed."""
    return national.number(parsed(body), PERSONS, national.OF_PERSONS)


@lru_cache(maxsize=_MOST)
def role(body: str, practitioner_id: str, place: str | None, structure: str | None) -> Shown | Unfit:
    """A practitioner at one place, which is contained, in the name of a structure.

    `place` and `structure` are the texts of the stored Location and Organization, when there are any.
    """
    content = parsed(body)
    at = _place(content, place, structure)
    if isinstance(at, Unfit):
        return at
    of = parsed(structure) if structure else {"identifier": [_logical(content)]}
    number = national.number(of, national.STRUCTURES, national.OF_STRUCTURES)
    if number is None:
        return Unfit(f"its organization {_NO_STRUCTURE}", "PractitionerRole.organization")
    identifier = {"type": codes.concept(TYPE_SYSTEM, "IDNST"), "system": national.STRUCTURES, "value": number}
    told = national.phone(content, parsed(place) if place else {}, of)
    first = head(CPTS, "PractitionerRole", content["id"])
    return shown(
        first
        | {
            "contained": [at],
            "practitioner": reference("Practitioner", practitioner_id),
            "organization": {"identifier": identifier},
            "location": [{"reference": f"#{at['id']}"}],
            "telecom": phone(told),
        }
    )


@lru_cache(maxsize=_MOST)
def place_of(body: str) -> str | Unfit:
    """Id of the one Location where a role is exercised; empty when the role contains it."""
    content = parsed(body)
    found = content.get("location", [])
    if content.get("active") is False:
        return Unfit("is not active", "PractitionerRole.active")
    if len(found) != 1:
        return Unfit("a role is exercised at exactly one place", "PractitionerRole.location")
    return next(iter(targets(found, "Location")), "")


@lru_cache(maxsize=_MOST)
def structure_of(body: str) -> str:
    """Id of the Organization in whose name a role is exercised; empty when the role only names an identifier."""
    return next(iter(targets([parsed(body).get("organization", {})], "Organization")), "")


@lru_cache(maxsize=_MOST)
def role_owner(body: str) -> str:
    """Id of the practitioner whose role it is; empty without one here."""
    return next(iter(targets([parsed(body).get("practitioner", {})], "Practitioner")), "")


@lru_cache(maxsize=_MOST)
def place_owner(body: str) -> str:
    """Id of the Organization that runs a place; empty without one here."""
    return next(iter(targets([parsed(body).get("managingOrganization", {})], "Organization")), "")


@lru_cache(maxsize=_MOST)
def service(body: str) -> Shown | Unfit:
    """What a CPTS offers, which leads to the CPTS."""
    content = parsed(body)
    by = service_owner(body)
    if not by:
        return Unfit("is provided by no Organization of this server", "HealthcareService.providedBy")
    if content.get("active") is False:
        return Unfit("is not active", "HealthcareService.active")
    name = {"name": content.get("name", "")}
    return shown(head(CPTS, "HealthcareService", content["id"]) | {"providedBy": reference("Organization", by)} | name)


@lru_cache(maxsize=_MOST)
def service_owner(body: str) -> str:
    """Id of the Organization that provides a service; empty without one here."""
    return next(iter(targets([parsed(body).get("providedBy", {})], "Organization")), "")


@lru_cache(maxsize=_MOST)
def organization(body: str) -> Shown | Unfit:
    """A CPTS, known by its FINESS."""
    return _organization(body, CPTS, national.FINESS, codes.TYPES_2)


@lru_cache(maxsize=_MOST)
def sos_organization(body: str) -> Shown | Unfit:
    """An association of SOS Médecins, known by its SIRET."""
    return _organization(body, SOS, national.SIRET, codes.PLACE_TYPES)


@lru_cache(maxsize=_MOST)
def sos_location(body: str) -> Shown | Unfit:
    """A place of SOS Médecins, with its name and the structure that runs it."""
    content = parsed(body)
    runs = place_owner(body)
    address = _address(content)
    if not runs or not content.get("name") or isinstance(address, Unfit):
        return Unfit("a place of SOS has a name, an address and the structure that runs it", "Location")
    first = head(SOS, "Location", content["id"]) | {"identifier": [_place_identifier(content)]}
    return shown(
        first
        | {
            "name": content["name"],
            "address": address,
            "managingOrganization": reference("Organization", runs),
        }
    )


def _organization(body: str, shape: Shape, kind: national.Kind, types: str) -> Shown | Unfit:
    content = parsed(body)
    number = national.number(content, national.STRUCTURES, (kind,))
    if number is None:
        return Unfit("has no " + ("FINESS" if kind is national.FINESS else "SIRET"), "Organization.identifier")
    identifier = {"type": codes.concept(types, "IDNST"), "system": national.STRUCTURES, "value": number}
    told = {"name": content.get("name", ""), "telecom": phone(national.phone(content))}
    return shown(head(shape, "Organization", content["id"]) | {"identifier": [identifier]} | told)


def named(content: Json) -> list[Json]:
    """The name of a person in use, else the official one, else the first; empty without one."""
    names = content.get("name", [])
    by_use = {name.get("use", ""): name for name in reversed(names)}
    best: Json = by_use.get("usual") or by_use.get("official") or next(iter(names), {})
    told = filled({"family": best.get("family", ""), "given": best.get("given", [])})
    return [told] if told else []


def _logical(content: Json) -> Json:
    """The identifier by which a role names its structure."""
    named: Json = content.get("organization", {}).get("identifier", {})
    return named


def _place(content: Json, place: str | None, structure: str | None) -> Json | Unfit:
    contained = [one for one in content.get("contained", ()) if one.get("resourceType") == "Location"]
    stored = parsed(place) if place else next(iter(contained), None)
    if stored is None:
        return Unfit("its place is not known here", "PractitionerRole.location")
    address = _address(stored)
    if isinstance(address, Unfit) and structure:
        # A place may leave its address to the structure that it belongs to.
        address = _address(parsed(structure))
    if isinstance(address, Unfit):
        return Unfit("its place has no address of line, city and postal code", "Location.address")
    told = {"identifier": [_place_identifier(stored)], "name": stored.get("name", ""), "address": address}
    return filled(head(CPTS, "Location", stored.get("id", "place")) | told)


def _place_identifier(content: Json) -> Json:
    own = next((one for one in content.get("identifier", ()) if one.get("system") and one.get("value")), None)
    system, value = (own["system"], own["value"]) if own else (codes.OWN_PLACES, content.get("id", "place"))
    return {"type": codes.concept(codes.PLACE_TYPES, "INTRN"), "system": system, "value": value}


def _address(content: Json) -> Json | Unfit:
    """The first address, in one line."""
    found = content.get("address", {})
    address = found[0] if isinstance(found, list) and found else found if isinstance(found, dict) else {}
    line = ", ".join(part.strip() for part in address.get("line", ()) if part and part.strip())
    city, code = address.get("city", "").strip(), str(address.get("postalCode", "")).strip()
    if not line or not city or not _POSTAL_CODE.fullmatch(code):
        return Unfit("has no address of line, city and postal code", "Location.address")
    return {"line": [line], "city": city, "postalCode": code}
