"""The composition root: builds everything once and passes it on."""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.auth import partners
from fhir_server.auth.keys import Keys
from fhir_server.auth.partners import Partners
from fhir_server.kernel.clock import Clock, system_clock
from fhir_server.registry.model import Route
from fhir_server.settings import Settings
from fhir_server.storage.database import WEIGHED_PLANS, Database
from fhir_server.storage.partners import KeyTable, PartnerTable
from fhir_server.storage.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class Services:
    """What one process of the server is made of."""

    settings: Settings
    store: Store
    partners: Partners
    keys: Keys

    def close(self) -> None:
        """Give back what was opened."""
        self.store.database.close()


def build(
    settings: Settings,
    routes: Sequence[Route] = (),
    *,
    clock: Clock = system_clock,
    pool_size: int | None = None,
    plans: str = WEIGHED_PLANS,
) -> Services:
    """The services for these settings. Opens nothing: the database is met at the first use.

    `pool_size` bounds the transactions under way at once; by default one for each thread of a web worker. `plans` is
    how PostgreSQL plans what changes look for.
    """
    size = pool_size or settings.thread_count
    database = Database(settings.database_url, clock=clock, pool_size=size, plans=plans)
    store = Store(database, tuple(routes))
    return Services(
        settings,
        store,
        Partners(partners.folders(settings), PartnerTable(store), is_demo=settings.demo, clock=clock),
        Keys(KeyTable(store), clock),
    )
