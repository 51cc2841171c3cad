"""A Schedule as SAS knows it: one practitioner at one place; and what its slots fall back on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.registry.extensions import ROTA_PLACE
from fhir_server.rotas.holidays import zone_of
from fhir_server.rotas.parts import Part
from fhir_server.sas.codes import Shape
from fhir_server.sas.parts import Json, Shown, Unfit, head, parsed, reference, shown, targets

_MOST = 4096
#: Postal codes begin with the department: two characters on the mainland, three overseas.
_OVERSEAS = ("97", "98")


@dataclass(frozen=True, slots=True, eq=False)
class Fallback:
    """What slots of one agenda are that do not say it themselves. Compared as the object it is, which is remembered."""

    #: Id of the Schedule.
    schedule: str
    #: IANA name of the place's clock.
    zone: str
    service_types: tuple[Json, ...]
    #: Specialties of the Schedule, else of the role.
    specialties: tuple[Json, ...]


@lru_cache(maxsize=_MOST)
def actors(body: str) -> Mapping[str, list[str]] | Unfit:
    """Ids of the actors of a Schedule, by type."""
    content = parsed(body)
    if content.get("active") is False:
        return Unfit("is not active", "Schedule.active")
    found = content.get("actor", ())
    return {name: targets(found, name) for name in ("Practitioner", "PractitionerRole", "Location")}


def role_of(named: list[str], roles: list[str]) -> str | Unfit:
    """Which role a Schedule is of: `named` by it, among the `roles` of its practitioner.

    One that names none is of the only role there is.
    """
    wanted = [id_ for id_ in named if id_ in roles] if named else roles
    if len(wanted) != 1 or len(named) > 1:
        return Unfit("is not of exactly one PractitionerRole of its practitioner", "Schedule.actor")
    return wanted[0]


@lru_cache(maxsize=_MOST)
def schedule(shape: Shape, id_: str, *named: tuple[str, str]) -> Shown:
    """A Schedule of these actors, each a type and an id."""
    return shown(head(shape, "Schedule", id_) | {"actor": [reference(*one) for one in named]})


@lru_cache(maxsize=_MOST)
def fallback(body: str, role: str | None, place: str | None) -> Fallback:
    """What the slots of a Schedule fall back on; `role` and `place` are the texts of its role and its Location."""
    content = parsed(body)
    of_role = parsed(role).get("specialty", []) if role else []
    return Fallback(
        content["id"],
        _zone(content, parsed(place) if place else {}),
        tuple(content.get("serviceType", ())),
        tuple(content.get("specialty") or of_role),
    )


def _zone(schedule: Json, place: Json) -> str:
    """The clock that the Schedule names, else that of its department, else that of its place's postal code."""
    named = Part(schedule, "Schedule").first(ROTA_PLACE)
    told = {part.content["url"]: part for part in named.parts("zone", "department")} if named else {}
    if "zone" in told and isinstance(told["zone"].value, str):
        return told["zone"].value
    if "department" in told:
        return zone_of(told["department"].code)
    postal_code = str(place.get("address", {}).get("postalCode", ""))
    return zone_of(postal_code[: 3 if postal_code.startswith(_OVERSEAS) else 2])
