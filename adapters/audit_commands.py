"""`creneau audit`: look whether the trail is whole, and take it out."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click

from adapters.told_command import ToldCommand
from fhir_server.audit.chain import GENESIS
from fhir_server.audit.render import audit_event
from fhir_server.bootstrap import build
from fhir_server.kernel import json
from fhir_server.kernel.dates import interval
from fhir_server.settings import Settings, SettingsError
from fhir_server.storage import audit as trail
from fhir_server.storage.audit_seal import seal_all
from fhir_server.storage.audit_verify import Head, verify
from fhir_server.storage.unit_of_work import Store


@click.group()
def audit() -> None:
    """The audit trail: whether it is whole, where it ends, what it holds."""


@audit.command("verify")
@click.option("--head", "heads", multiple=True, help="NUMBER:HASH that was noted before; may be repeated.")
@click.pass_obj
def audit_verify(settings: Settings, heads: tuple[str, ...]) -> None:
    """Find what was taken out of the trail, changed or put into it, and say where."""
    store = _store(settings)
    verdict = verify(store.read(), settings.audit_key(), tuple(map(_head, heads)))
    for fault in verdict.faults:
        click.echo(fault)
    if verdict.head is not None:
        click.echo(f"head {verdict.head.number}:{verdict.head.hash}")
    click.echo(f"{verdict.count} events sealed, {verdict.pending} waiting in the database")
    click.echo("The trail is broken." if verdict.faults else "The trail is whole.")
    sys.exit(1 if verdict.faults else 0)


@audit.command("head")
@click.pass_obj
def audit_head(settings: Settings) -> None:
    """Print NUMBER:HASH of the last event: note it elsewhere, and `verify --head` proves that nothing was cut off."""
    head = trail.head(_store(settings).read())
    click.echo(f"{head.number}:{head.hash}" if head else "The trail is empty.")


@audit.command("seal")
@click.pass_obj
def audit_seal(settings: Settings) -> None:
    """Seal what waits now, as the dispatcher does all the time."""
    click.echo(f"{seal_all(_store(settings), settings.journal_folder, settings.audit_key())} events sealed")


@audit.command("export", cls=ToldCommand)
@click.option("--since", help="Only events from this FHIR date or instant on.")
@click.option("--until", help="Only events before this FHIR date or instant.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write instead.")
@click.pass_obj
def audit_export(settings: Settings, since: str | None, until: str | None, output: Path | None) -> None:
    """Write the events as AuditEvents, one a line (NDJSON), in the order of the trail, to standard output."""
    limits = trail.Limits()
    if since:
        limits = replace(limits, since_ms=_moment("since", since))
    if until:
        limits = replace(limits, until_ms=_moment("until", until) - 1)
    with output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
        for line in _lines(_store(settings), limits):
            file.write(line + b"\n")


def _lines(store: Store, limits: trail.Limits) -> Iterator[bytes]:
    for row in trail.walk(store.read()):
        if limits.since_ms <= row.at_ms <= limits.until_ms:
            yield json.encode(audit_event(row.number, row.event))


def _moment(name: str, text: str) -> int:
    try:
        return interval(text).low
    except ValueError:
        raise SettingsError(f"--{name}: not a FHIR date or instant") from None


def _head(text: str) -> Head:
    number, _, hash_ = text.partition(":")
    if not number.isdigit() or len(hash_) != len(GENESIS):
        raise SettingsError(f"--head: {text!r} is not NUMBER:HASH")
    return Head(int(number), hash_)


def _store(settings: Settings) -> Store:
    return build(settings).store
