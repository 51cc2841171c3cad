"""Transactions of any shape: their references meet, all or nothing is stored, and many at once never break."""

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.bootstrap import Services, build
from fhir_server.interactions.create import create
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.settings import Settings
from tests import builders
from tests.contract.bundles import BASE, VENDOR, entry, identified, transact

SIZE = 8
#: For each entry, the entries that its resource refers to.
graphs = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=3), min_size=SIZE, max_size=SIZE)


def _urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def _request(number: int, targets: list[int]) -> dict[str, Any]:
    links = [{"reference": _urn(target)} for target in targets]
    resource = builders.service_request(priority="routine", **identified(str(number)))
    return resource | ({"basedOn": links} if links else {})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs, order=st.permutations(range(SIZE)), failing=st.none() | st.integers(0, SIZE - 1))
def test_references_of_any_graph_meet_or_nothing_is_stored(
    services: Services, graph: list[list[int]], order: list[int], failing: int | None
) -> None:
    """Entries may refer to later ones, to themselves and in circles."""
    entries = [entry("POST", "ServiceRequest", _request(number, graph[number]), _urn(number)) for number in order]
    before = _count(services)
    if failing is not None:
        entries.insert(failing, entry("GET", "Patient/unknown"))
        with pytest.raises(FhirError) as caught:
            transact(services, *entries)
        assert caught.value.issues[0].expression == f"Bundle.entry[{failing}]"
        assert _count(services) == before
        return

    answers = dict(zip(order, transact(services, *entries), strict=True))

    ids = {number: answer["resource"]["id"] for number, answer in answers.items()}
    for number, targets in enumerate(graph):
        stored = json.loads(read(services.store, VENDOR, "ServiceRequest", ids[number]).body)
        assert stored["identifier"][0]["value"] == str(number)
        found = [one["reference"] for one in stored.get("basedOn", [])]
        assert found == [f"ServiceRequest/{ids[target]}" for target in targets]
    assert _count(services) == before + SIZE


@pytest.fixture
def crowd(settings: Settings) -> Any:
    """Services for many threads at once."""
    built = build(settings, pool_size=8)
    yield built
    built.close()


def test_parallel_transactions_keep_versions_strictly_increasing(crowd: Services) -> None:
    """Behaviours 70 and 73: the same resources, in any order, by id and by search; a conflict is told, never a 500."""
    ids = ("a", "b", "c")
    for id_ in ids:
        update(crowd.store, VENDOR, "Schedule", id_, builders.schedule(**identified(id_)), None)
    start = threading.Barrier(8)

    def work(number: int) -> Counter[str]:
        rng = random.Random(number)
        outcomes: Counter[str] = Counter()
        start.wait()
        for round_ in range(6):
            told = {"comment": f"{number}.{round_}"}
            entries = [
                entry("PUT", f"Schedule/{id_}", builders.schedule(id=id_, **identified(id_), **told))
                if rng.random() < 0.5
                else entry(
                    "PUT",
                    f"Schedule?identifier={identified(id_)['identifier'][0]['system']}|{id_}",
                    builders.schedule(**identified(id_), **told),
                )
                for id_ in rng.sample(ids, 3)
            ]
            try:
                transact(crowd, *entries)
                outcomes["done"] += 1
            except FhirError as error:
                outcomes[error.category.name] += 1
        return outcomes

    with ThreadPoolExecutor(8) as pool:
        outcomes = sum(pool.map(work, range(8)), Counter())

    assert set(outcomes) <= {"done", Category.CONFLICT.name}
    for id_ in ids:
        told = json.loads(history(crowd.store, SYSTEM, "Schedule", id_, [("_count", "1000")], BASE))
        versions = [int(one["resource"]["meta"]["versionId"]) for one in told["entry"]]
        assert versions == list(range(outcomes["done"] + 1, 0, -1))
        comments = {json.dumps(one["resource"].get("comment")) for one in told["entry"]}
        assert len(comments) == len(versions)


def test_parallel_bookings_of_several_slots_take_each_once(crowd: Services) -> None:
    """Two appointments in each transaction, their slots named in either order: all or none of them."""
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    slots = [create(crowd.store, SYSTEM, "Slot", builders.slot(**day)).id for _ in range(2)]
    start = threading.Barrier(8)

    def book(number: int) -> str:
        order = slots if number % 2 else slots[::-1]
        start.wait()
        try:
            transact(crowd, *(entry("POST", "Appointment", builders.appointment(slot, **day)) for slot in order))
        except FhirError as error:
            return error.category.name
        return "booked"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(book, range(8)))

    assert outcomes == {"booked": 1, Category.CONFLICT.name: 7}
    assert {json.loads(read(crowd.store, SYSTEM, "Slot", slot).body)["status"] for slot in slots} == {"busy"}


def test_parallel_transactions_with_one_conditional_create_make_one_resource(crowd: Services) -> None:
    start = threading.Barrier(8)

    def work(number: int) -> str:
        system = identified("one")["identifier"][0]["system"]
        start.wait()
        answers = transact(
            crowd,
            entry("POST", "ServiceRequest", _request(number, [])),
            entry("POST", "Patient", builders.patient(**identified("one")), ifNoneExist=f"identifier={system}|one"),
        )
        return str(answers[1]["resource"]["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(8)))) == 1


def _count(services: Services) -> int:
    return int(json.loads(history(services.store, SYSTEM, "ServiceRequest", None, [("_count", "0")], BASE))["total"])
