"""Composition of the server with its adapters: what each process is built from."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask

from adapters import feeds as feed_files
from adapters import hl7_http, origins
from adapters import notices as notice_files
from adapters.feeds import Feed
from adapters.mapping import concept_maps
from adapters.mapping.plans import Tables
from adapters.notices import Notices
from adapters.receive import Receiver
from adapters.supervise import end_with_parent
from fhir_server.app import create_app
from fhir_server.bootstrap import Services, build
from fhir_server.kernel import log
from fhir_server.kernel.release import software_version
from fhir_server.registry.resources import RESOURCES
from fhir_server.settings import Settings, load
from fhir_server.storage import migrate
from fhir_server.storage.database import WEIGHED_PLANS, Database
from fhir_server.storage.unit_of_work import Store
from fhir_server.validation import gates


@dataclass(frozen=True, slots=True)
class House:
    """The server's services with the feeds that use them."""

    services: Services
    feeds: Mapping[str, Feed]
    #: Mapping tables of each feed, its overlays laid over ours.
    tables: Mapping[str, Tables]
    #: Platforms that are told of appointments taken through SAS.
    notices: tuple[Notices, ...] = ()

    def receiver(self, name: str) -> Receiver:
        """What receives the messages of one feed."""
        feed = self.feeds[name]
        return Receiver(self.services.store, feed, feed.mapping(), self.tables[name])


def build_house(
    settings: Settings, *, pool_size: int | None = None, plans: str = WEIGHED_PLANS, statement_seconds: int = 0
) -> House:
    """Everything a process may need. Opens nothing yet. Raises SettingsError for a feed file that cannot be used."""
    feeds = {feed.name: feed for feed in feed_files.load(settings)}
    notices = notice_files.load(settings)
    routes = [route for route in (feed.route() for feed in feeds.values()) if route]
    routes += [one.route() for one in notices]
    tables = {feed.name: feed_files.tables(settings, feed.overlays) for feed in feeds.values()}
    services = build(settings, routes, pool_size=pool_size, plans=plans, statement_seconds=statement_seconds)
    return House(services, feeds, tables, notices)


def bring_up_to_date(settings: Settings, database: Database) -> None:
    """Bring the schema to its head, and what the server declares, its code tables included, to what is so now."""
    tables = feed_files.tables(settings, ())
    migrate.upgrade(database, declarations=concept_maps.declarations(tables, software_version()))
    origins.record(settings, Store(database))


def application() -> Flask:
    """The web application of one worker, from the environment: what Granian (or any WSGI server) is pointed at.

    Validators are made before the first request, so that no client waits for them.
    """
    end_with_parent()
    settings = load()
    log.configure(settings.log_level)
    gates.prepare(sorted(RESOURCES))
    return web_application(build_house(settings, statement_seconds=settings.statement_seconds))


def web_application(house: House) -> Flask:
    """The FHIR server's routes, and those of feeds that send over HTTP."""
    app = create_app(house.services)
    app.register_blueprint(hl7_http.blueprint(house.services, house.feeds, house.receiver))
    return app
