"""Every row of the registry has a sample, and finds it on every store: by what is there, and not by anything else."""

import json

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.search import search
from fhir_server.kernel.actor import SYSTEM
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.query import parse
from fhir_server.storage.unit_of_work import Store
from fhir_server.validation.gates import validate
from tests.samples.questions import FOLDER, Pairs, questions, samples

BASE = "https://s.example/fhir"


def test_every_type_has_samples() -> None:
    assert set(RESOURCES) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("type_name", RESOURCES)
def test_samples_are_valid(type_name: str) -> None:
    for sample in samples(type_name):
        validate(sample, type_name)


# What is no resource but an event of the audit trail has a test of its own.
@pytest.mark.parametrize("type_name", [name for name, row in RESOURCES.items() if not row.is_ledger])
def test_every_parameter_finds_its_samples_and_no_others(services: Services, type_name: str) -> None:
    stored = [create(services.store, SYSTEM, type_name, sample).content() for sample in samples(type_name)]
    # What the server declares of itself is there as well.
    all_ids = {content["id"] for content in stored}
    for code, parameter in parameters(type_name).items():
        asked = [question for content in stored for question in questions(parameter, content)]
        assert asked, f"no sample of {type_name} has a value for {code}"
        for question in asked:
            expected = {content["id"] for content in stored if question.is_met(content)}

            assert expected == all_ids & found_ids(services.store, type_name, question.asked), question.asked
            assert set() == all_ids & found_ids(services.store, type_name, question.other), question.other


def found_ids(store: Store, type_name: str, asked: Pairs) -> set[str]:
    query = parse(type_name, [*asked, ("_count", "1000")], strict=True, base_url=BASE)
    bundle = json.loads(search(store, SYSTEM, query, BASE))
    return {entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"}
