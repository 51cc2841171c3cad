"""What was stored before a search parameter was known is found by it after a reindex."""

from sqlalchemy import delete, func, select

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.kernel.actor import SYSTEM
from fhir_server.search.query import parse
from fhir_server.storage import tables
from fhir_server.storage.reindex import reindex
from fhir_server.storage.select import run
from tests import builders


def _count(services: Services) -> int:
    return services.store.read().execute(select(func.count()).select_from(tables.string_index)).scalar_one()


def test_every_resource_is_found_again(services: Services) -> None:
    patients = [create(services.store, SYSTEM, "Patient", builders.patient()) for _ in range(3)]
    before = _count(services)
    services.store.transact(SYSTEM, lambda uow: uow.connection.execute(delete(tables.string_index)))
    query = parse("Patient", [("family", "essai")])
    lost = run(services.store.read(), query, SYSTEM).matches

    assert reindex(services.store) >= len(patients)
    assert lost == []
    assert {row.id for row in run(services.store.read(), query, SYSTEM).matches} == {one.id for one in patients}
    assert _count(services) == before
    reindex(services.store)
    assert _count(services) == before
