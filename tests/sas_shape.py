"""What an answer of `/sas` must look like: the rules of the national guide, written down once more for the tests.

Each rule gives what is wrong. https://interop.esante.gouv.fr/ig/fhir/sas
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.sas_world import ACT, PERSON, R66, R314, REASON, SERVICE, STRUCTURE

Json = dict[str, Any]
Rule = Callable[[Json, "Seen"], Iterator[str]]

OLD = "http://sas.fr/fhir/StructureDefinition/"
NEW = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/"
INDIVIDUAL = {
    "Slot": f"{OLD}FrSlotAgregateur",
    "Schedule": f"{OLD}FrScheduleAgregateur",
    "Practitioner": f"{OLD}FrPractitionerAgregateur",
    "PractitionerRole": f"{OLD}FrPractitionerRoleExerciceAgregateur",
    "Location": f"{OLD}FrLocationAgregateur",
    "Bundle": f"{OLD}BundleAgregateur",
}
CPTS = INDIVIDUAL | {
    "Slot": f"{NEW}sas-cpts-slot-aggregator",
    "HealthcareService": f"{NEW}sas-cpts-healthcareservice-aggregator",
    "Organization": f"{NEW}sas-cpts-organization-aggregator",
    "Bundle": f"{NEW}sas-cpts-bundle-aggregator",
}
SOS = {
    name: f"{NEW}sas-sos-{name.lower()}-aggregator"
    for name in ("Bundle", "Slot", "Schedule", "Location", "Organization")
}

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{2}:\d{2}")
_PHONE = re.compile(r"\+(33|262|590|594|596)\d{9}")
_FR_1 = "http://interopsante.org/fhir/CodeSystem/fr-v2-0203"
_FR_2 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
_PLACE = "http://interopsante.org/fhir/CodeSystem/fr-location-identifier-type"


class Seen:
    """A Bundle under examination: its kind and what is in it."""

    def __init__(self, bundle: Json, profiles: dict[str, str]) -> None:
        self.profiles = profiles
        entries = bundle.get("entry", [])
        self.ids = {f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in entries}
        self.audiences = {"PUBLIC", "SNP"} if profiles is SOS else {"PUBLIC", "PRO", "SNP"}
        self.audiences |= {"CPTS"} if profiles is CPTS else set()


def problems(bundle: Json, profiles: dict[str, str], asked: str = "") -> list[str]:
    """Everything in a Bundle that the guide does not allow; `asked` is the query that was sent."""
    seen = Seen(bundle, profiles)
    found = [*_bundle(bundle, seen, asked), *_empty(bundle, "Bundle")]
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        name = f"{resource['resourceType']}/{resource['id']}"
        found += [f"{name}: {problem}" for problem in _resource(resource, seen)]
        if not entry.get("fullUrl", "").endswith(f"/sas/{name}"):
            found.append(f"{name}: fullUrl {entry.get('fullUrl')}")
    return found


def _bundle(bundle: Json, seen: Seen, asked: str) -> Iterator[str]:
    entries = bundle.get("entry", [])
    slots = [entry for entry in entries if entry["resource"]["resourceType"] == "Slot"]
    wanted = seen.profiles["Bundle"] if entries else INDIVIDUAL["Bundle"]
    if (bundle["resourceType"], bundle["type"], bundle["meta"]) != ("Bundle", "searchset", {"profile": [wanted]}):
        yield "it is not a searchset of the profile"
    if bundle["total"] != len(slots):
        yield f"total {bundle['total']} of {len(slots)} slots"
    if [link["relation"] for link in bundle["link"]] != ["self"]:
        yield "not exactly one self link"
    if asked and _parameters(bundle["link"][0]["url"].partition("?")[2]) != _parameters(asked):
        yield "the self link is not what was asked"
    matched = "Schedule" if seen.profiles is SOS else "Slot"
    for entry in entries:
        if entry["search"]["mode"] != ("match" if entry["resource"]["resourceType"] == matched else "include"):
            yield f"mode of {entry['resource']['resourceType']}"
    if len(seen.ids) != len(entries):
        yield "a resource stands there twice"


def _parameters(query: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(query, keep_blank_values=True))


def _empty(node: Any, path: str) -> Iterator[str]:
    if node in ("", [], {}, None):
        yield f"{path} is empty"
    for name, member in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _empty(member, f"{path}.{name}")


def _resource(resource: Json, seen: Seen) -> Iterator[str]:
    kind = resource["resourceType"]
    if kind not in seen.profiles:
        yield "this type does not belong here"
        return
    if resource["meta"].get("profile") != [seen.profiles[kind]]:
        yield f"profile {resource['meta'].get('profile')}"
    if not set(resource) <= _ELEMENTS[kind]:
        yield f"elements {sorted(set(resource) - _ELEMENTS[kind])}"
    yield from _RULES[kind](resource, seen)


def _reference(node: Json, type_name: str, seen: Seen) -> Iterator[str]:
    target = node.get("reference", "")
    if not target.startswith(f"{type_name}/") or target not in seen.ids:
        yield f"reference {target or node} leads to no {type_name} of the Bundle"


def _slot(slot: Json, seen: Seen) -> Iterator[str]:
    yield from _reference(slot["schedule"], "Schedule", seen)
    codings = slot["meta"].get("security", [])
    if not codings or any(one["system"] != R314 or one["code"] not in seen.audiences for one in codings):
        yield f"security {codings}"
    if slot["status"] != "free":
        yield f"status {slot['status']}"
    if not all(_INSTANT.fullmatch(slot[name]) for name in ("start", "end")) or slot["start"] >= slot["end"]:
        yield f"moments {slot['start']} {slot['end']}"
    kinds = slot["appointmentType"]["coding"]
    if len(kinds) != 1 or (kinds[0]["system"], kinds[0]["code"]) not in ((REASON, "ROUTINE"), (REASON, "WALKIN")):
        yield f"appointmentType {kinds}"
    address = urlsplit(slot.get("comment", ""))
    if address.scheme != "https" or not address.netloc or not address.query:
        yield f"comment {slot.get('comment')}"
    yield from _service_types(slot, seen)


def _service_types(slot: Json, seen: Seen) -> Iterator[str]:
    concepts = slot.get("serviceType", [])
    visits = [one for one in concepts if one.get("coding", [{}])[0].get("system") == ACT]
    if not visits or any(
        one["coding"][0]["code"] not in ("AMB", "HH", "VR") or set(one) != {"coding"} for one in visits
    ):
        yield f"consultation types {visits}"
    belonging = [one for one in concepts if one.get("coding", [{}])[0].get("system") == R66]
    if belonging and seen.profiles is not CPTS:
        yield "a CPTS is named"
    for one in belonging:
        extensions = one.get("extension", [])
        if one["coding"][0]["code"] != "604" or [extension["url"] for extension in extensions] != [SERVICE]:
            yield f"CPTS {one}"
        else:
            yield from _reference(extensions[0]["valueReference"], "HealthcareService", seen)
    motives = [one for one in concepts if "coding" not in one]
    if any(set(one) != {"text"} for one in motives) or len(visits + belonging + motives) != len(concepts):
        yield f"service types {concepts}"
    if {"code": "CPTS", "system": R314} in slot["meta"]["security"] and not belonging:
        yield "for a CPTS, but of none"


def _schedule(schedule: Json, seen: Seen) -> Iterator[str]:
    wanted = ["Location"] if seen.profiles is SOS else ["Practitioner", "PractitionerRole"]
    actors = schedule["actor"]
    if [one["reference"].partition("/")[0] for one in actors] != wanted:
        yield f"actors {actors}"
    for one, type_name in zip(actors, wanted, strict=False):
        yield from _reference(one, type_name, seen)


def _practitioner(practitioner: Json, _: Seen) -> Iterator[str]:
    yield from _identifier(practitioner["identifier"], _FR_1, "IDNPS", PERSON, r"8\d{11}|0\d[\dAB]\d{7}")
    yield from _phones(practitioner)


def _role(role: Json, seen: Seen) -> Iterator[str]:
    yield from _reference(role["practitioner"], "Practitioner", seen)
    if set(role["organization"]) != {"identifier"}:
        yield f"organization {role['organization']}"
    pattern = r"1\d[\dAB]\d{7}|3\d{14}|4\d{14}"
    yield from _identifier([role["organization"]["identifier"]], _FR_1, "IDNST", STRUCTURE, pattern)
    contained = [one for one in role.get("contained", []) if one["resourceType"] == "Location"]
    if len(role["location"]) != 1 or role["location"][0]["reference"] not in [f"#{one['id']}" for one in contained]:
        yield f"location {role['location']}"
    for place in contained:
        yield from (f"contained {problem}" for problem in _resource(place, seen))
    yield from _phones(role)


def _location(place: Json, seen: Seen) -> Iterator[str]:
    address = place.get("address", {})
    if len(address.get("line", [])) != 1 or not address.get("city"):
        yield f"address {address}"
    if not re.fullmatch(r"[0-9]{5}", address.get("postalCode", "")):
        yield f"postal code {address.get('postalCode')}"
    yield from _identifier(place["identifier"], _PLACE, "INTRN", place["identifier"][0]["system"], r".+")
    if seen.profiles is SOS:
        yield from [] if place.get("name") else ["no name"]
        yield from _reference(place.get("managingOrganization", {}), "Organization", seen)


def _service(service: Json, seen: Seen) -> Iterator[str]:
    yield from _reference(service["providedBy"], "Organization", seen)


def _organization(organization: Json, seen: Seen) -> Iterator[str]:
    kind, pattern = (_PLACE, r"3\d{14}") if seen.profiles is SOS else (_FR_2, r"1\d[\dAB]\d{7}")
    yield from _identifier(organization["identifier"], kind, "IDNST", STRUCTURE, pattern)
    yield from _phones(organization)


def _identifier(identifiers: list[Json], kinds: str, kind: str, system: str, pattern: str) -> Iterator[str]:
    if len(identifiers) != 1:
        yield f"identifiers {identifiers}"
    for one in identifiers:
        if one["type"] != {"coding": [{"system": kinds, "code": kind}]} or one["system"] != system:
            yield f"identifier {one}"
        if not re.fullmatch(pattern, one["value"]):
            yield f"number {one['value']}"


def _phones(resource: Json) -> Iterator[str]:
    for point in resource.get("telecom", []):
        if point["system"] != "phone" or not _PHONE.fullmatch(point["value"]):
            yield f"telecom {point}"


_ALL = {"resourceType", "id", "meta"}
_ELEMENTS = {
    "Slot": _ALL | {"serviceType", "specialty", "appointmentType", "schedule", "status", "start", "end", "comment"},
    "Schedule": _ALL | {"actor"},
    "Practitioner": _ALL | {"identifier", "name", "telecom"},
    "PractitionerRole": _ALL | {"contained", "practitioner", "organization", "location", "telecom"},
    "Location": _ALL | {"identifier", "name", "address", "managingOrganization"},
    "HealthcareService": _ALL | {"providedBy", "name"},
    "Organization": _ALL | {"identifier", "name", "telecom"},
}
_RULES: dict[str, Rule] = {
    "Slot": _slot,
    "Schedule": _schedule,
    "Practitioner": _practitioner,
    "PractitionerRole": _role,
    "Location": _location,
    "HealthcareService": _service,
    "Organization": _organization,
}
