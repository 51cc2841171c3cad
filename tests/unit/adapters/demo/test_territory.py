"""The territory as resources: complete, valid R4, each after those it refers to."""

from collections import Counter
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from adapters.demo import territory
from fhir_server.kernel.ids import is_id
from fhir_server.kernel.paths import read

MONDAY = date(2026, 10, 19)
RESOURCES = list(territory.resources(MONDAY))

#: Elements that hold references, in the types of the territory.
REFERENCES = (
    "partOf.reference",
    "managingOrganization.reference",
    "providedBy.reference",
    "location.reference",
    "coverageArea.reference",
    "practitioner.reference",
    "organization.reference",
    "healthcareService.reference",
    "actor.reference",
    "schedule.reference",
    "serviceType.extension.valueReference.reference",
)


def test_the_territory_holds_what_the_demonstration_promises() -> None:
    expected = {
        "Organization": 5,
        "Location": 125,
        "HealthcareService": 5,
        "Practitioner": 14,
        "PractitionerRole": 18,
        "Schedule": 17,
        "Slot": 144 + 120 + 96,
    }

    assert expected == Counter(resource["resourceType"] for resource in RESOURCES)


def test_the_cpts_covers_every_commune() -> None:
    cpts = next(item for item in RESOURCES if (item["resourceType"], item["id"]) == ("HealthcareService", "cpts"))

    assert 121 == len(cpts["coverageArea"])
    assert "Organization/cpts" == cpts["providedBy"]["reference"]
    assert "604" == cpts["type"][0]["coding"][0]["code"]


def test_ids_are_legal_and_unique_by_type() -> None:
    names = [(resource["resourceType"], resource["id"]) for resource in RESOURCES]

    assert len(names) == len(set(names))
    assert [] == [id_ for _, id_ in names if not is_id(id_)]


def test_the_same_day_gives_the_same_territory() -> None:
    assert RESOURCES == list(territory.resources(MONDAY))


def test_each_resource_comes_after_those_it_refers_to() -> None:
    seen: set[str] = set()
    early = []
    for resource in RESOURCES:
        early += [target for path in REFERENCES for target in read(resource, path) if target not in seen]
        seen.add(f"{resource['resourceType']}/{resource['id']}")

    assert [] == early


def test_every_doctor_carries_the_national_identifier() -> None:
    doctors = [item for item in RESOURCES if item["resourceType"] == "Practitioner" and item["id"].startswith("dr-")]

    assert 12 == len(doctors)
    assert {"IDNPS"} == {code for item in doctors for code in read(item, "identifier.type.coding.code")}
    assert {12} == {len(value) for item in doctors for value in read(item, "identifier.value")}


@pytest.mark.parametrize("type_name", sorted({resource["resourceType"] for resource in RESOURCES}))
def test_every_resource_is_valid_r4(type_name: str) -> None:
    model: Any = getattr(import_module(f"fhir.resources.R4B.{type_name.lower()}"), type_name)
    for resource in RESOURCES:
        if resource["resourceType"] == type_name:
            model.model_validate(resource)
