"""The composition root: builds everything once and passes it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.audit.journal import Journal
from fhir_server.auth import partners
from fhir_server.auth.assertions import Assertions
from fhir_server.auth.changes import KEY, PARTNER, Changes
from fhir_server.auth.clients import Clients
from fhir_server.auth.fetching import Fetcher
from fhir_server.auth.jwks import KeySets
from fhir_server.auth.keys import Keys
from fhir_server.auth.partners import Partners
from fhir_server.auth.peer import Peers
from fhir_server.auth.pro_sante_connect import ProSanteConnect
from fhir_server.auth.rates import Rates
from fhir_server.auth.throttle import Throttle
from fhir_server.kernel.clock import Clock, system_clock
from fhir_server.kernel.networks import Networks
from fhir_server.orientation import territory
from fhir_server.orientation.communes import Communes
from fhir_server.registry.model import Policy, Route
from fhir_server.settings import Settings
from fhir_server.storage.access import ChangeTable, UsedAssertionTable, WrongSecretTable
from fhir_server.storage.database import WEIGHED_PLANS, Database
from fhir_server.storage.partners import KeyTable, PartnerTable
from fhir_server.storage.unit_of_work import Store

_Access = tuple[Partners, Keys, Changes, Peers, Rates, Clients, ProSanteConnect | None]


@dataclass(frozen=True, slots=True)
class Services:
    """What one process of the server is made of."""

    settings: Settings
    store: Store
    partners: Partners
    keys: Keys
    #: What every process knows at once: tokens revoked, partners changed.
    changes: Changes
    #: Where client certificates are found.
    peers: Peers
    #: How much each partner has asked lately.
    rates: Rates
    #: The partners as clients of the token endpoint.
    clients: Clients
    #: Whose tokens are exchanged for ours; None for nobody's.
    pro_sante_connect: ProSanteConnect | None
    #: Where patients and places are, as far as distances are told.
    communes: Communes = field(repr=False)
    #: Where this process tells what costs no transaction; None when nothing is audited.
    journal: Journal | None = None

    def close(self) -> None:
        """Give back what was opened."""
        self.store.database.close()
        if self.journal is not None:
            self.journal.close()


def build(
    settings: Settings,
    routes: Sequence[Route] = (),
    *,
    clock: Clock = system_clock,
    pool_size: int | None = None,
    plans: str = WEIGHED_PLANS,
    statement_seconds: int = 0,
) -> Services:
    """The services for these settings. Opens nothing: the database is met at the first use.

    `pool_size` bounds the transactions under way at once; by default one for each thread of a web worker. `plans` is
    how PostgreSQL plans what changes look for; it gives up statements after `statement_seconds`, unless that is 0.
    """
    size = pool_size or settings.thread_count
    database = Database(
        settings.database_url, clock=clock, pool_size=size, plans=plans, statement_seconds=statement_seconds
    )
    is_audited = settings.audit != "off"
    policy = Policy(settings.one_booking_at_a_time, settings.demo, slot_window_days=settings.slot_window_days)
    store = Store(database, tuple(routes), is_audited, policy)
    return Services(
        settings,
        store,
        *_access(settings, store, clock),
        territory.load(settings),
        Journal(settings.journal_folder) if is_audited else None,
    )


def _access(settings: Settings, store: Store, clock: Clock) -> _Access:
    """What decides who comes in."""
    known = Partners(partners.folders(settings), PartnerTable(store), is_demo=settings.demo, clock=clock)
    keys = Keys(KeyTable(store), clock)
    changes = Changes(ChangeTable(store), clock)
    changes.follow(PARTNER, known.forget)
    changes.follow(KEY, keys.forget)
    fetcher = Fetcher(is_demo=settings.demo)
    asserted = Assertions(KeySets(fetcher, clock), UsedAssertionTable(store), clock)
    audiences = frozenset({settings.issuer, f"{settings.issuer}/oauth/token"})
    throttle = Throttle(WrongSecretTable(store), clock)
    clients = Clients(known, asserted, throttle, audiences, clock, settings.environment)
    peers = Peers(settings.client_certificate_header, Networks(settings.trusted_proxies))
    rates = Rates(settings.requests_per_second)
    return known, keys, changes, peers, rates, clients, _connect(settings, fetcher, clock)


def _connect(settings: Settings, fetcher: Fetcher, clock: Clock) -> ProSanteConnect | None:
    if not settings.psc_issuer:
        return None
    return ProSanteConnect(settings.psc_issuer, settings.psc_client_id, settings.psc_client_secret, fetcher, clock)
