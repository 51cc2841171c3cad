"""`phonetic` and `near`, over HTTP: names found by their sound, places by their distance."""

from typing import Any

import pytest

from tests.end_to_end.rest.conftest import Api, issue

#: Where `place` is, in Metz.
HERE = "49.1203|6.1756"


@pytest.fixture
def place(api: Api, tag: str) -> str:
    """The id of a Location."""
    position = {"latitude": 49.1203, "longitude": 6.1756}
    return str(api.create("Location", name=tag, position=position, identifier=[{"value": tag}])["id"])


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("Patient", [{"family": "LEFEBVRE", "given": ["Jean-Baptiste"]}]),
        ("Practitioner", [{"text": "Jean Baptiste Lefaivre"}]),
        ("Organization", "Clinique Jean-Batiste Lefèvre"),
    ],
)
@pytest.mark.parametrize(
    ("asked", "is_found"), [("Lefèvre", True), ("jan batist", True), ("Lefè", False), ("Lefranc", False)]
)
def test_names_are_found_by_their_sound(
    api: Api, tag: str, type_name: str, name: Any, asked: str, is_found: bool
) -> None:
    made = api.create(type_name, name=name, identifier=[{"system": "urn:test", "value": tag}])

    found = api.found(f"{type_name}?phonetic={asked}&identifier=urn:test|{tag}")

    assert ([made["id"]] if is_found else []) == found


def test_a_related_person_is_found_by_sound(api: Api) -> None:
    patient = api.create("Patient", name=[{"family": "Dupont"}])
    related = api.create(
        "RelatedPerson", patient={"reference": f"Patient/{patient['id']}"}, name=[{"family": "Gauthier"}]
    )
    of_patient = f"RelatedPerson?patient=Patient/{patient['id']}"

    assert [related["id"]] == api.found(f"{of_patient}&phonetic=gotier,gautier&patient.phonetic=dupond")
    assert [] == api.found(f"{of_patient}&phonetic=gaston")


def test_an_update_is_heard(api: Api, tag: str) -> None:
    made = api.create("Organization", name=f"Dubois {tag}")
    api.put(f"Organization/{made['id']}", made | {"name": f"Dupuis {tag}"})

    assert [] == api.found(f"Organization?phonetic=Duboit {tag}")
    assert [made["id"]] == api.found(f"Organization?phonetic=Dupuy {tag}")


@pytest.mark.parametrize(
    ("near", "is_found"),
    [
        (HERE, True),
        (f"{HERE}|0", True),
        ("49.2|6.1756", True),
        ("49.2|6.1756|8", False),
        ("49.2|6.1756|9|km", True),
        ("49.2|6.1756|5.5|[mi_i]", False),
        ("49.2|6.1756|5.6|[mi_us]", True),
        ("49.2|6.1756|8863|m,0|0|1", True),
        ("0|0|1,0|90", False),
    ],
)
def test_places_are_found_by_their_distance(api: Api, tag: str, place: str, near: str, is_found: bool) -> None:
    assert ([place] if is_found else []) == api.found(f"Location?name={tag}&near={near}")


def test_what_is_at_a_place_is_found_through_it(api: Api, tag: str, place: str) -> None:
    service = api.create("HealthcareService", name=tag, location=[{"reference": f"Location/{place}"}])

    assert [service["id"]] == api.found(f"HealthcareService?name={tag}&location.near={HERE}|1")
    assert [] == api.found(f"HealthcareService?name={tag}&location.near=48.7|6.2|1")


def test_a_place_moves(api: Api, tag: str, place: str) -> None:
    moved = api.get(f"Location/{place}").json() | {"position": {"latitude": -17, "longitude": -179.99}}
    assert 200 == api.put(f"Location/{place}", moved).status_code

    assert [] == api.found(f"Location?name={tag}&near={HERE}")
    assert [place] == api.found(f"Location?name={tag}&near=-17|179.99|3")
    assert [] == api.found(f"Location?name={tag}&near:missing=true")


@pytest.mark.parametrize("near", ["91|0", "0|181|1|km", "0", "0|0|-1", "0|0|1|parsec", "a|b", "0|0|1|km|x"])
def test_what_is_no_place_is_refused(api: Api, near: str) -> None:
    answer = api.get(f"Location?near={near}")

    assert (400, "value") == (answer.status_code, issue(answer))
    assert ["near"] == answer.json()["issue"][0]["expression"]


def test_both_are_told(api: Api) -> None:
    rest = api.get("metadata").json()["rest"][0]["resource"]
    told = {(one["type"], row["name"]): row for one in rest for row in one["searchParam"]}
    near = told["Location", "near"]
    declared = api.get(f"SearchParameter?url={near['definition']}").json()["entry"][0]["resource"]

    assert ("special", "string") == (near["type"], told["RelatedPerson", "phonetic"]["type"])
    assert ("near", "special", ["Location"]) == (declared["code"], declared["type"], declared["base"])
