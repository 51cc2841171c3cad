"""Whatever is missing from what partners publish, nothing that SAS is shown has anything empty in it."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.sas import agendas, codes, directory, slots
from fhir_server.sas.parts import Shown, Unfit
from tests.sas_world import ACT, PERSON, R38, REASON, STRUCTURE, belonging, concept, meant

Json = dict[str, Any]
#: A place in a resource: names and positions from the top.
Place = tuple[str | int, ...]

PHONES = [{"system": "phone", "value": "0261910101"}, {"system": "email", "value": "a@b.example"}]
ADDRESS = {"line": ["3 chemin du Moulin"], "city": "Belombrage", "postalCode": "96010"}
DOCTOR = {
    "resourceType": "Practitioner",
    "id": "d",
    "identifier": [{"system": PERSON, "value": "899700960018"}],
    "name": [{"use": "official", "family": "BRUMEVAL", "given": ["Aliénor"]}, {"use": "usual", "family": "B"}],
    "telecom": PHONES,
}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"reference": "Practitioner/d"},
    "organization": {"identifier": {"system": STRUCTURE, "value": "1960000040"}},
    "location": [{"reference": "Location/l"}],
    "specialty": [concept(R38, "SM54")],
    "telecom": PHONES,
}
PLACE = {
    "resourceType": "Location",
    "id": "l",
    "identifier": [{"system": "urn:x", "value": "1"}],
    "name": "Moulin",
    "telecom": PHONES,
    "address": ADDRESS,
    "managingOrganization": {"reference": "Organization/o"},
}
STRUCTURED = {
    "resourceType": "Organization",
    "id": "o",
    "identifier": [{"system": STRUCTURE, "value": "1960000040"}, {"system": STRUCTURE, "value": "336082500004001"}],
    "name": "Maison de santé",
    "telecom": PHONES,
    "address": [ADDRESS],
}
SERVED = {"resourceType": "HealthcareService", "id": "h", "providedBy": {"reference": "Organization/o"}, "name": "H"}
AGENDA = {
    "resourceType": "Schedule",
    "id": "a",
    "serviceType": [concept(ACT, "VR"), belonging("h"), {"text": "Plaie"}],
    "specialty": [{"text": "Médecine générale"}],
    "actor": [{"reference": "Practitioner/d"}],
}
SLOT = {
    "resourceType": "Slot",
    "id": "s",
    "meta": {"versionId": "1"} | meant("SNP", "CPTS"),
    "serviceType": [concept(ACT, "AMB"), belonging("h"), {"text": "Fièvre"}, {"coding": [{"display": "Toux"}]}],
    "specialty": [concept(R38, "SM54"), {"text": "Pédiatrie"}],
    "appointmentType": concept(REASON, "WALKIN"),
    "schedule": {"reference": "Schedule/a"},
    "status": "free",
    "start": "2026-03-03T09:00:00+01:00",
    "end": "2026-03-03T09:15:00+01:00",
    "comment": "https://agenda.example/rdv",
}
#: What every stored resource of these types has.
KEPT = {"resourceType", "id", "meta", "schedule", "status", "start", "end"}


def _places(node: Any, here: Place = ()) -> Iterator[Place]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in members:
        if here or name not in KEPT:
            yield (*here, name)
            yield from _places(member, (*here, name))


def _without(resource: Json, places: set[Place]) -> Json:
    """The resource without these elements; what is left empty goes too, as no server stores it."""

    def kept(node: Any, here: Place) -> Any:
        if isinstance(node, dict):
            found = {name: kept(member, (*here, name)) for name, member in node.items() if (*here, name) not in places}
            return {name: member for name, member in found.items() if member not in ({}, [], "")}
        if isinstance(node, list):
            members = [kept(member, (*here, n)) for n, member in enumerate(node) if (*here, n) not in places]
            return [member for member in members if member not in ({}, [], "")]
        return node

    found: Json = kept(deepcopy(resource), ())
    return found


def bodies(resource: Json) -> st.SearchStrategy[str]:
    """The text of a resource that lacks some of its elements."""
    places = st.sets(st.sampled_from(sorted(_places(resource), key=str)), max_size=12)
    return places.map(lambda gone: json.dumps(_without(resource, gone), separators=(",", ":"), ensure_ascii=False))


def _has_empty(node: Any) -> bool:
    if isinstance(node, dict | list):
        members = node.values() if isinstance(node, dict) else node
        return not node or any(map(_has_empty, members))
    return node in ("", None)


def _check(one: Shown | Unfit) -> None:
    if isinstance(one, Unfit):
        assert one.reason
        assert one.expression
    else:
        assert not _has_empty(json.loads(one.text)), one.text


@given(st.data())
def test_the_directory_has_nothing_empty(data: st.DataObject) -> None:
    doctor, role, place, structure, service = (
        data.draw(bodies(one)) for one in (DOCTOR, ROLE, PLACE, STRUCTURED, SERVED)
    )
    alone: tuple[Callable[[str], Shown | Unfit], str] | None
    for alone in (
        (directory.practitioner, doctor),
        (directory.organization, structure),
        (directory.sos_organization, structure),
        (directory.sos_location, place),
        (directory.service, service),
    ):
        shape, body = alone
        _check(shape(body))
    _check(directory.role(role, "d", place, structure))
    _check(directory.role(role, "d", None, None))


@given(bodies(SLOT), bodies(AGENDA), bodies(ROLE), bodies(PLACE), st.booleans())
def test_slots_have_nothing_empty(slot: str, agenda: str, role: str, place: str, is_known: bool) -> None:
    stored = slots.version(slot, 1)
    assert stored is not None
    fallback = agendas.fallback(agenda, role, place)

    for shape in (codes.INDIVIDUAL, codes.CPTS, codes.SOS):
        known = stored.services(fallback) if is_known else ()
        for address in ("", "https://agenda.example/{id}"):
            _check(slots.slot(stored, fallback, shape, known, address))
