"""The server's processes: web workers, the port of mutual TLS, MLLP listeners, the dispatcher, and who watches them."""

import gc
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings

from adapters import mutual_tls
from adapters.destinations import NoticeDestination
from adapters.dispatch import Dispatcher
from adapters.feeds import Feed
from adapters.feeds import load as load_feeds
from adapters.holds import keep_ended
from adapters.lines import Tls
from adapters.mllp import server as mllp
from adapters.mllp.connection import Options
from adapters.rotas import keep_ahead
from adapters.sealing import keep_sealed
from adapters.service import House, bring_up_to_date, build_house
from adapters.service import application as mutual_application
from adapters.supervise import Supervisor, creneau, end_with_parent, stop_on_signals, wait_until_ready
from adapters.sweeping import keep_swept
from fhir_server.settings import Settings, SettingsError
from fhir_server.storage.database import SHARED_PLANS, Database

log = logging.getLogger(__name__)

#: Messages that one listening process applies at once; connections beyond that wait their turn. More threads would only
#: fight for the interpreter, fewer would leave it idle while the database works.
_LISTENER_THREADS = 3
#: The dispatcher, who makes slots ahead, and who ends holds.
_DISPATCH_THREADS = 3
#: New objects after which a listening process looks for circles among them.
_GARBAGE = 10_000
#: Seconds a web worker has to finish its requests when asked to stop.
_WEB_GRACE = 20
#: Seconds after which a web worker is asked to stop once more.
_ASK_SECONDS = 0.5
#: Connections that one web worker takes, silent ones too.
_CONNECTIONS = 256
#: Milliseconds a connection may be idle, or a request's headers may take.
_HEADERS_MS = 15_000


def web(settings: Settings) -> None:
    """Serve FHIR over HTTP until SIGTERM; requests under way are finished."""
    end_with_parent()
    server = Granian(
        "adapters.service:application",
        factory=True,
        interface=Interfaces.WSGI,
        # While Granian waits for the first octets, to tell HTTP/2 by them, no time counts: strangers could be silent
        # for ever, and take every place that `backpressure` leaves.
        http=HTTPModes.http1,
        address=settings.http_host,
        port=settings.http_port,
        workers=settings.worker_count,
        blocking_threads=settings.thread_count,
        http1_settings=HTTP1Settings(max_buffer_size=65_536, header_read_timeout=_HEADERS_MS),
        ssl_cert=_file(settings.tls_certificate),
        ssl_key=_file(settings.tls_key),
        ssl_protocol_min=SSLProtocols.tls12,
        backlog=2_048,
        # More than the threads can take waits here, not in the workers, so that none is starved.
        backpressure=max(_CONNECTIONS, settings.thread_count * 16),
        respawn_failed_workers=True,
        workers_kill_timeout=_WEB_GRACE,
        log_level="warning",  # type: ignore[arg-type]  # an enumeration of strings
    )
    threading.Thread(target=_ask_again, args=(server,), name="ask again", daemon=True).start()
    server.serve()


def _ask_again(server: Any) -> None:
    """A worker that is asked to stop in the moments before it serves does not hear it: ask again until it is gone."""
    while True:
        time.sleep(_ASK_SECONDS)
        for worker in server.wrks if server.interrupt_signal else ():
            worker.terminate()


def mutual(settings: Settings) -> None:
    """Serve FHIR on the port of mutual TLS until SIGTERM. Raises SettingsError for files that cannot be used."""
    application, stop = mutual_application(), stop_on_signals()
    mutual_tls.run(application, mutual_options(settings), stop.is_set)


def mutual_options(settings: Settings) -> mutual_tls.Options:
    """The port of mutual TLS. Raises SettingsError for files that cannot be used."""
    revoked = settings.tls_client_revoked
    own = Tls(settings.tls_certificate, settings.tls_key, settings.tls_client_authorities, revoked)
    try:
        context = own.server_context()
    except OSError as error:
        raise SettingsError(f"tls_…: {error.strerror or error}") from None
    return mutual_tls.Options(
        settings.http_host,
        settings.mutual_tls_port,
        context,
        _file(revoked),
        settings.max_body_bytes,
        settings.thread_count,
    )


def listen(settings: Settings) -> None:
    """Receive over MLLP on every feed's port until SIGTERM; messages under way are answered first."""
    end_with_parent()
    stop = stop_on_signals()
    house = build_house(settings, pool_size=_LISTENER_THREADS, plans=SHARED_PLANS)
    # Tables and definitions stay for good, and a message leaves no circles behind: nothing to look through often.
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    listeners = [_listener(house, feed, settings) for feed in house.feeds.values()]
    mllp.run(listeners, stop, threads=_LISTENER_THREADS)
    house.services.close()


def dispatch(settings: Settings) -> None:
    """Deliver what the outbox owes, make slots ahead, end holds, until SIGTERM; what is under way is finished first."""
    end_with_parent()
    stop = stop_on_signals()
    house = build_house(settings, pool_size=_DISPATCH_THREADS)
    store, feeds = house.services.store, {feed.channel: feed for feed in house.feeds.values()}
    keeper = threading.Thread(target=keep_ahead, args=(store, settings.slot_horizon_days, stop), daemon=True)
    keeper.start()
    sealer = threading.Thread(target=keep_sealed, args=(store, settings.journal_folder, settings.audit_key(), stop))
    sealer.start()
    ender = threading.Thread(target=keep_ended, args=(store, stop), daemon=True)
    ender.start()
    times = (settings.idempotency_hours, settings.keep_messages_days)
    sweeper = threading.Thread(target=keep_swept, args=(store, *times, stop), daemon=True)
    sweeper.start()
    others = {one.channel: NoticeDestination(one) for one in house.notices}
    Dispatcher(store, feeds, house.tables, others).run(stop)
    keeper.join()
    sealer.join()
    ender.join()
    sweeper.join()
    house.services.close()


def serve(settings: Settings) -> int:
    """Bring the schema up to date, run every process, and stop them all on SIGTERM. 1 when they did not come up."""
    database = Database(settings.database_url)
    bring_up_to_date(settings, database)
    database.close()
    return run_all(settings, os.environ, lambda feeds: None)


def run_all(
    settings: Settings, environment: Mapping[str, str], when_ready: Callable[[tuple[Feed, ...]], object]
) -> int:
    """Run every process as a child of this one; `when_ready` is called once all accept connections.

    Returns 1 when they did not come up, what `when_ready` returns if that is a number, else 0 after SIGTERM.
    """
    stop = stop_on_signals()
    feeds = load_feeds(settings, environment)
    children = {**environment, "CRENEAU_DATABASE_URL": settings.database_url}
    supervisor = Supervisor(commands(settings), children)
    supervisor.start()
    try:
        ports = [(feed.host, feed.port) for feed in feeds]
        ports += [(settings.http_host, settings.mutual_tls_port)] if settings.mutual_tls_port else []
        urls, trusted = [f"{settings.local_url}/ready"], own_context(settings)
        if not wait_until_ready(urls, ports, lambda: stop.is_set() or supervisor.has_failed(), trusted=trusted):
            return 0 if stop.is_set() else 1
        announce(settings, feeds)
        verdict = when_ready(feeds)
        if isinstance(verdict, int):
            return verdict
        supervisor.watch(stop)
        return 0
    finally:
        supervisor.stop()


def commands(settings: Settings) -> dict[str, list[str]]:
    """The children by name, with their command lines."""
    listeners = {f"listen {number}": creneau("listen") for number in range(1, settings.listener_count + 1)}
    mutual = {"mutual": creneau("mutual")} if settings.mutual_tls_port else {}
    return {"web": creneau("web"), **mutual, **listeners, "dispatch": creneau("dispatch")}


def own_context(settings: Settings) -> ssl.SSLContext | None:
    """By what this machine knows its own web workers: their certificate, whoever it names. None without TLS."""
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(cafile=settings.tls_certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _file(name: str) -> Path | None:
    return Path(name) if name else None


def announce(settings: Settings, feeds: tuple[Feed, ...]) -> None:
    """Say that the server is ready, and where."""
    click.echo(f"ready {settings.base_url}")
    click.echo(f"  FHIR R4    {settings.base_url}   (CapabilityStatement: {settings.base_url}/metadata)")
    click.echo(f"  token      {settings.issuer}/oauth/token")
    for feed in feeds:
        click.echo(f"  {feed.name:<10} mllp://{feed.host}:{feed.port}")


def _listener(house: House, feed: Feed, settings: Settings) -> mllp.Listener:
    receiver, line = house.receiver(feed.name), feed.line
    return mllp.Listener(
        feed.host,
        feed.port,
        lambda octets, _peer: receiver.take(octets),
        lambda fault, _peer: receiver.refuse(fault),
        handle_group=receiver.take_all,
        options=Options(
            max_size=settings.max_message_bytes,
            idle_timeout=line.idle_seconds,
            ssl_context=line.tls.server_context() if line.tls else None,
            reuse_port=settings.listener_count > 1,
            networks=line.networks,
            certificates=line.certificates,
            release=line.release,
        ),
    )
