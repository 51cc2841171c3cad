"""Quantities and composites of the conformance resources: behaviours 88 and 91 of docs/fhir.md, for every such
parameter of the registry.

Only the server itself writes resources of these types. The ones asked for here are stored beside the running server,
as another version of it might have declared them.
"""

from typing import Any

import pytest

from fhir_server.interactions import write
from fhir_server.kernel.actor import SYSTEM
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.storage.database import Database
from fhir_server.storage.unit_of_work import Store
from tests.end_to_end.conftest import Server
from tests.end_to_end.rest.conftest import Api
from tests.samples.questions import samples

KIND = "http://terminology.hl7.org/CodeSystem/usage-context-type"
UNITS = "http://unitsofmeasure.org"


def concept(code: str) -> dict[str, Any]:
    return {"valueCodeableConcept": {"coding": [{"system": "urn:place", "code": code}]}}


def years(value: float) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": "an", "system": UNITS, "code": "a"}}


CONTEXTS = [
    {"code": {"system": KIND, "code": code}, **value}
    for code, value in (
        ("venue", concept("csnp")),
        ("focus", concept("home")),
        ("age", years(18.5)),
        ("focus", years(40)),
    )
]


def rows(*kinds: str) -> list[tuple[str, str]]:
    """Type and code of each parameter of those kinds."""
    return [(name, code) for name in RESOURCES for code, row in parameters(name).items() if row.kind in kinds]


TYPES = sorted({name for name, _ in rows("composite")})


@pytest.fixture
def tagged(live: Server, tag: str) -> dict[str, str]:
    """Ids of resources with contexts, one of each type that has composites."""
    database = Database(live.environment["CRENEAU_DATABASE_URL"])
    content = {"useContext": CONTEXTS, "meta": {"tag": [{"code": tag}]}}

    def work(uow: Any) -> dict[str, str]:
        return {name: write.insert(uow, name, samples(name)[0] | content).id for name in TYPES}

    ids = Store(database).transact(SYSTEM, work)
    database.close()
    return ids


VALUES = {
    "context-quantity": [
        ("18.5", True),
        ("18.50", True),
        ("19", True),
        ("18", False),
        ("40", True),
        ("gt40", False),
        ("ge40", True),
        ("lt18.5", False),
        ("le18.5", True),
        ("sa39", True),
        ("eb18", False),
        ("ne18.5", True),
        ("ap42", True),
        (f"18.5|{UNITS}|a", True),
        ("18.5||an", True),
        ("18.5||mo", False),
        ("18.5|urn:other|a", False),
        ("1,40", True),
    ],
    "context-type-quantity": [
        (f"{KIND}|age$18.5|{UNITS}|a", True),
        ("age$gt18", True),
        ("age$40", False),
        ("focus$40||a", True),
        ("age$18.5||mo", False),
        ("venue$ge0", False),
        ("age$40,focus$40", True),
    ],
    "context-type-value": [
        (f"{KIND}|venue$urn:place|csnp", True),
        ("venue$csnp", True),
        ("VENUE$csnp", True),
        ("venue$home", False),
        ("focus$home", True),
        ("|venue$csnp", False),
        ("venue$urn:other|csnp", False),
        ("age$csnp", False),
        ("venue$home,focus$home", True),
    ],
}


def mistaken(api: Api, tag: str, type_name: str, code: str, id_: str) -> list[str]:
    """The questions about a parameter that are answered otherwise than expected."""
    asked = [(f"{code}={value}", is_found) for value, is_found in VALUES[code]]
    asked += [(f"{code}:missing=false", True), (f"{code}:missing=true", False)]
    return [
        query
        for query, is_found in asked
        if ([id_] if is_found else []) != api.found(f"{type_name}?_tag={tag}&{query}")
    ]


def test_088_every_quantity(api: Api, tag: str, tagged: dict[str, str]) -> None:
    # `Encounter.length` has a test of its own; no type served has a parameter of kind number in R4.
    found = rows("number", "quantity")

    assert {("Encounter", "length"), *((name, "context-quantity") for name in TYPES)} == set(found)
    for name in TYPES:
        assert [] == mistaken(api, tag, name, "context-quantity", tagged[name])


@pytest.mark.parametrize(("type_name", "code"), rows("composite"))
def test_091_every_composite(api: Api, tag: str, tagged: dict[str, str], type_name: str, code: str) -> None:
    assert [] == mistaken(api, tag, type_name, code, tagged[type_name])


@pytest.mark.parametrize(("type_name", "code"), rows("composite"))
@pytest.mark.parametrize("value", ["focus", "a$b$c", "$b", "a$", "a|b|c$d"])
def test_091_bad_composites(api: Api, type_name: str, code: str, value: str) -> None:
    assert 400 == api.get(f"{type_name}?{code}={value}").status_code
    assert 400 == api.get(f"{type_name}?{code}:exact=a$b").status_code
