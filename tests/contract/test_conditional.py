"""Conditional create, update, patch and delete, on every store. Behaviours 29 to 36 of the checklist."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions import conditional
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.storage.resources import Stored
from tests import builders
from tests.contract.bundles import MRN, RIVAL, VENDOR, identified, only

QUERY = f"identifier={MRN}%7Ca"


def _category(call: Any, *arguments: Any, **named: Any) -> Category:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value.category


def _patient(services: Services, value: str = "a", **elements: Any) -> Stored:
    return create(services.store, VENDOR, "Patient", builders.patient(**identified(value), **elements))


def _rename(content: dict[str, Any]) -> dict[str, Any]:
    return content | {"gender": "other"}


def test_a_conditional_create_finds_or_makes_one(services: Services) -> None:
    """Behaviour 31."""
    content = builders.patient(**identified("a"))

    made = conditional.create(services.store, VENDOR, "Patient", content, QUERY)
    found = conditional.create(services.store, VENDOR, "Patient", content | {"gender": "male"}, QUERY)

    assert (made.is_created, found.is_created) == (True, False)
    assert found.stored == made.stored
    _patient(services)
    several = _category(conditional.create, services.store, VENDOR, "Patient", content, QUERY)
    assert several is Category.MULTIPLE_MATCHES


@pytest.mark.parametrize(
    ("query", "category"),
    [
        ("", Category.REQUIRED),
        ("?", Category.REQUIRED),
        ("_count=1", Category.REQUIRED),
        ("nonsense=1", Category.INVALID),
        ("gender:nonsense=male", Category.INVALID),
        ("birthdate=2026-02-30", None),
        ("organization.name=x", Category.INVALID),
        (f"identifier={'x' * 5000}", Category.TOO_LONG),
    ],
)
def test_a_condition_must_be_understood(services: Services, query: str, category: Category | None) -> None:
    """Behaviours 32 and 35: empty and invalid criteria."""
    found = _category(conditional.create, services.store, VENDOR, "Patient", builders.patient(), query)

    assert found is category or (category is None and found.http_status == 400)
    assert _category(conditional.update, services.store, VENDOR, "Patient", builders.patient(), query) is found


def test_without_criteria_nothing_is_deleted_or_patched(services: Services) -> None:
    """Behaviours 29 and 36."""
    assert _category(conditional.delete, services.store, VENDOR, "Patient", "") is Category.MULTIPLE_MATCHES
    assert _category(conditional.patch, services.store, VENDOR, "Patient", "", _rename) is Category.MULTIPLE_MATCHES


def test_the_table_of_conditional_update(services: Services) -> None:
    """Behaviour 35."""
    store = services.store

    def put(content: dict[str, Any], query: str = QUERY, if_match: int | None = None) -> tuple[str, int, bool]:
        stored, is_new = conditional.update(store, VENDOR, "Patient", content, query, if_match)
        return stored.id, stored.version, is_new

    content = builders.patient(**identified("a"))
    id_, *rest = put(content)
    assert rest == [1, True]
    assert put(content | {"gender": "male"}) == (id_, 2, False)
    assert put(content | {"gender": "other", "id": id_}) == (id_, 3, False)
    assert put(content | {"gender": "male"}, if_match=3) == (id_, 4, False)
    assert _category(put, content | {"gender": "other"}, if_match=3) is Category.VERSION_CONFLICT
    assert _category(put, content | {"id": "other"}) is Category.INVALID
    # None matches: the id of the body is taken, unless it is that of a resource that did not match.
    none = f"identifier={MRN}|b"
    assert put(builders.patient(id="chosen", **identified("b")), none) == ("chosen", 1, True)
    assert _category(put, content | {"id": id_}, f"identifier={MRN}|c") is Category.CONFLICT
    assert _category(put, content, f"identifier={MRN}|c", 1) is Category.VERSION_CONFLICT
    _patient(services)
    assert _category(put, content) is Category.MULTIPLE_MATCHES


def test_an_update_that_would_create_needs_the_scope_for_it(services: Services) -> None:
    call = (conditional.update, services.store, VENDOR, "Patient", builders.patient(**identified("a")), QUERY)

    assert _category(*call, access_check=only("Patient.us")) is Category.FORBIDDEN
    _patient(services)
    assert not call[0](*call[1:], access_check=only("Patient.us"))[1]


def test_a_chained_condition_needs_the_scope_for_what_it_passes(services: Services) -> None:
    organization = create(services.store, VENDOR, "Organization", {"resourceType": "Organization", "name": "CPTS"})
    _patient(services, managingOrganization={"reference": organization.reference})
    call = (conditional.patch, services.store, VENDOR, "Patient", "organization.name=cpts", _rename)

    assert _category(*call, access_check=only("Patient.us")) is Category.FORBIDDEN
    assert call[0](*call[1:], access_check=only("Patient.us", "Organization.s")).version == 2


def test_a_conditional_patch(services: Services) -> None:
    """Behaviour 36."""
    store = services.store
    assert _category(conditional.patch, store, VENDOR, "Patient", QUERY, _rename) is Category.NOT_FOUND

    stored = _patient(services)
    assert _category(conditional.patch, store, VENDOR, "Patient", QUERY, _rename, 7) is Category.VERSION_CONFLICT
    patched = conditional.patch(store, VENDOR, "Patient", QUERY, _rename, 1)
    assert (patched.id, patched.version, patched.content()["gender"]) == (stored.id, 2, "other")

    _patient(services)
    assert _category(conditional.patch, store, VENDOR, "Patient", QUERY, _rename) is Category.MULTIPLE_MATCHES


def test_a_conditional_delete_deletes_one(services: Services) -> None:
    """Behaviour 29: `single` is what the CapabilityStatement declares."""
    store = services.store
    assert conditional.delete(store, VENDOR, "Patient", QUERY) == 0

    stored = _patient(services)
    assert _category(conditional.delete, store, VENDOR, "Patient", QUERY, 7) is Category.VERSION_CONFLICT
    assert conditional.delete(store, VENDOR, "Patient", QUERY) == 1
    assert _category(read, store, VENDOR, "Patient", stored.id) is Category.DELETED

    _patient(services)
    _patient(services)
    assert _category(conditional.delete, store, VENDOR, "Patient", QUERY) is Category.MULTIPLE_MATCHES


def test_a_condition_sees_what_the_actor_sees(services: Services) -> None:
    _patient(services)
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(**identified("s")), None)

    assert conditional.find(services.store.read(), RIVAL, "Patient", QUERY) == []
    assert [one.type for one in conditional.find(services.store.read(), VENDOR, "Patient", QUERY)] == ["Patient"]
    assert conditional.delete(services.store, RIVAL, "Patient", QUERY) == 0
    other = (conditional.delete, services.store, RIVAL, "Schedule", f"identifier={MRN}|s")
    assert _category(*other) is Category.FORBIDDEN


def test_concurrent_conditional_creates_make_one_resource(services: Services) -> None:
    """Behaviour 34, asked in different words."""
    queries = (QUERY, f"identifier={MRN}|a", f"identifier={MRN}%7Ca&_count=3", f"{QUERY}&gender=female")
    start = threading.Barrier(8)

    def make(number: int) -> tuple[str, bool]:
        start.wait()
        content = builders.patient(**identified("a"))
        made = conditional.create(services.store, VENDOR, "Patient", content, queries[number % 4])
        return made.stored.id, made.is_created

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(make, range(8)))

    assert len({id_ for id_, _ in found}) == 1
    assert Counter(is_new for _, is_new in found) == {True: 1, False: 7}


def test_concurrent_conditional_updates_make_one_resource(services: Services) -> None:
    start = threading.Barrier(8)

    def put(number: int) -> tuple[str, int]:
        start.wait()
        content = builders.patient(**identified("a"), multipleBirthInteger=number)
        stored, _ = conditional.update(services.store, VENDOR, "Patient", content, QUERY)
        return stored.id, stored.version

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(put, range(8)))

    assert len({id_ for id_, _ in found}) == 1
    assert sorted(version for _, version in found) == list(range(1, 9))
