"""What is told of an appointment that a regulator took: to the SAS platform, and by the hub to a SAMU."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from adapters.answering import named
from fhir_server.kernel import json
from fhir_server.kernel.dates import to_milliseconds
from fhir_server.kernel.paths import read
from fhir_server.registry.national import PERSONS
from fhir_server.sas import rdv
from fhir_server.sas.national import OF_PERSONS, number
from fhir_server.sas.notices import notice
from fhir_server.scheduling.regulation import is_taken_through_sas, operator
from fhir_server.storage import resources
from fhir_server.storage.accounts import by_identifier, known

Json = dict[str, Any]

#: Types of those who may treat a patient, or where; of others nothing is read.
_TREATING = ("Practitioner/", "PractitionerRole/", "Location/")


def version_of(connection: Connection, type_name: str, id_: str, version: int) -> Json | None:
    """One version of a resource as it stood; None for one that was never written or has no content."""
    row = resources.load_version(connection, type_name, id_, version)
    content: Json | None = json.load(row.body.encode()) if row is not None and row.body else None
    return content


def told(connection: Connection, id_: str, version: int, system: str) -> Json:
    """The notice of an appointment in one of its versions; `system` is that of its identifier.

    Raises ValueError for what cannot be told.
    """
    read_back = (version_of(connection, "Appointment", id_, one) for one in range(version, 0, -1))
    versions = [one for one in read_back if one is not None]
    created = to_milliseconds(datetime.fromisoformat(versions[-1]["meta"]["lastUpdated"]))
    return notice(versions, _doctors(connection, versions[0]), system, created)


def told_by_hub(connection: Connection, id_: str, system: str) -> Json:
    """The member `appointment` of the hub's RS-SAS-RDV for an Appointment as it stands now; `system` as for `told`.

    Its first version is created there, every other updates. Raises ValueError for what cannot be told.
    """
    stored = resources.load(connection, "Appointment", id_)
    content = {} if stored is None or stored.deleted else stored.content()
    if stored is None or not is_taken_through_sas(content):
        raise ValueError("there is none that was taken through SAS")
    made = told(connection, id_, stored.version, system)
    method = rdv.CREATED if stored.version == 1 else rdv.UPDATED
    return rdv.message(made, method, _account(connection, content), around(connection, content))


def around(connection: Connection, appointment: Json) -> list[Json]:
    """Practitioners, roles, places and their structures: of those who take part, then of the agendas of its slots."""
    actors = [*_taking_part(appointment), *_of_agendas(connection, appointment)]
    asked = (text for one in actors if (text := one.get("reference", "")).startswith(_TREATING))
    found = list(named(connection, asked).values())
    return [*found, *_next(connection, found, "practitioner", "organization", "managingOrganization")]


def _account(connection: Connection, appointment: Json) -> Json:
    """The account of who took it: the active one, if its number has gone from hand to hand."""
    named_as = operator(appointment)
    found = [one.content() for one in known(connection, [by_identifier(*named_as)])] if named_as else []
    if not found:
        raise ValueError("the regulator who took it has no account here")
    return max(found, key=lambda one: bool(one["active"]))


def _next(connection: Connection, found: Iterable[Json], *elements: str) -> Iterable[Json]:
    asked = (text for one in found for name in elements for text in read(one, f"{name}.reference"))
    return named(connection, asked).values()


def _taking_part(appointment: Json) -> list[Json]:
    return [one.get("actor", {}) for one in appointment.get("participant", ())]


def _of_agendas(connection: Connection, appointment: Json) -> list[Json]:
    slots = _next(connection, [appointment], "slot")
    return [actor for agenda in _next(connection, slots, "schedule") for actor in agenda.get("actor", ())]


def _doctors(connection: Connection, appointment: Json) -> list[str]:
    """National numbers of those who take part; of those in whose agenda the slots are, if none do."""
    return _numbers(connection, _taking_part(appointment)) or _numbers(connection, _of_agendas(connection, appointment))


def _numbers(connection: Connection, actors: Sequence[Json]) -> list[str]:
    asked = [text for one in actors if (text := one.get("reference", "")).startswith("Practitioner")]
    people = named(connection, asked).values()
    logical = [{"identifier": [one["identifier"]]} for one in actors if "identifier" in one]
    everybody = [*logical, *people, *_next(connection, people, "practitioner")]
    found = (number(one, PERSONS, OF_PERSONS) for one in everybody)
    return list(dict.fromkeys(one for one in found if one is not None))
