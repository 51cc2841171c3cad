"""Who and where: Organization, Location, HealthcareService, Practitioner and PractitionerRole of the territory."""

from collections.abc import Iterator
from typing import Any

from adapters.demo import codes
from adapters.demo.codes import concept, reference
from adapters.demo.tables import Row, Territory


def resources(territory: Territory) -> Iterator[dict[str, Any]]:
    """Every resource of the directory, each after those it refers to."""
    yield from (_organization(row) for row in territory.organizations)
    yield from (_commune(row, territory) for row in territory.communes)
    yield from (_place(row, territory) for row in territory.places)
    yield from (_service(row, territory) for row in territory.services)
    yield from (_practitioner(row) for row in territory.practitioners)
    professions = {row["id"]: row["profession"] for row in territory.practitioners}
    yield from (_role(row, professions[row["practitioner"]]) for row in territory.roles)


def commune_id(code: str) -> str:
    """Logical id of the Location that stands for a commune."""
    return f"commune-{code}"


def _organization(row: Row) -> dict[str, Any]:
    return _filled(
        resourceType="Organization",
        id=row["id"],
        identifier=[codes.structure(row["finess"])],
        active=True,
        type=row["category"] and [concept(codes.CATEGORY, row["category"])],
        name=row["name"],
        telecom=_phone(row),
        address=[_address(row)],
        partOf=row["part_of"] and reference("Organization", row["part_of"]),
    )


def _commune(row: Row, territory: Territory) -> dict[str, Any]:
    return {
        "resourceType": "Location",
        "id": commune_id(row["code"]),
        "extension": [{"url": f"{territory.base}/population", "valueInteger": int(row["population"])}],
        "identifier": [{"system": f"{territory.base}/commune", "value": row["code"]}],
        "status": "active",
        "name": row["name"],
        "mode": "instance",
        "physicalType": concept(codes.PLACE_KIND, "jdn"),
        "position": {"longitude": float(row["longitude"]), "latitude": float(row["latitude"])},
    }


def _place(row: Row, territory: Territory) -> dict[str, Any]:
    return {
        "resourceType": "Location",
        "id": row["id"],
        "identifier": [{"system": territory.places_system, "value": row["id"]}],
        "status": "active",
        "name": row["name"],
        "mode": "instance",
        "telecom": _phone(row),
        "address": _address(row),
        "physicalType": concept(codes.PLACE_KIND, "si"),
        "managingOrganization": reference("Organization", row["organization"]),
    }


def _service(row: Row, territory: Territory) -> dict[str, Any]:
    covered = territory.communes if row["id"] == territory.service else ()
    return _filled(
        resourceType="HealthcareService",
        id=row["id"],
        active=True,
        providedBy=reference("Organization", row["organization"]),
        type=row["category"] and [concept(codes.CATEGORY, row["category"])],
        specialty=[concept(codes.SPECIALTY, codes.GENERAL_PRACTICE)],
        location=row["place"] and [reference("Location", row["place"])],
        name=row["name"],
        coverageArea=[reference("Location", commune_id(commune["code"])) for commune in covered],
    )


def _practitioner(row: Row) -> dict[str, Any]:
    name = _filled(family=row["family"], given=[row["given"]], prefix=row["prefix"] and [row["prefix"]])
    return {
        "resourceType": "Practitioner",
        "id": row["id"],
        "identifier": [codes.person(row["rpps"])],
        "active": True,
        "name": [name],
        "telecom": _phone(row),
        "gender": row["gender"],
    }


def _role(row: Row, profession: str) -> dict[str, Any]:
    is_doctor = profession == "doctor"
    return _filled(
        resourceType="PractitionerRole",
        id=row["id"],
        active=True,
        practitioner=reference("Practitioner", row["practitioner"]),
        organization=reference("Organization", row["organization"]),
        code=[concept(codes.PROFESSION, codes.PROFESSIONS[profession])],
        specialty=is_doctor and [concept(codes.SPECIALTY, codes.GENERAL_PRACTICE)],
        location=[reference("Location", row["place"])],
        healthcareService=[reference("HealthcareService", service) for service in row["services"].split()],
    )


def _phone(row: Row) -> list[dict[str, str]]:
    return [{"system": "phone", "value": row["phone"], "use": "work"}]


def _address(row: Row) -> dict[str, Any]:
    return {"line": [row["line"]], "city": row["commune"], "postalCode": row["postal_code"], "country": "FR"}


def _filled(**elements: Any) -> dict[str, Any]:
    """The elements that have something in them: FHIR has no empty strings, lists or objects."""
    return {name: element for name, element in elements.items() if element}
