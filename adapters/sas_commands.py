"""`creneau sas`: what the national SAS platform is shown and told."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import click
import msgspec

from adapters.notices import load
from adapters.taken import told_by_hub
from fhir_server.bootstrap import Services, build
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import zone
from fhir_server.sas import hub, rdv
from fhir_server.sas.explain import HOURS, Explanation, explain
from fhir_server.sas.notices import ZONE
from fhir_server.sas.regulator_rules import emails, identifiers
from fhir_server.settings import Settings
from fhir_server.storage.accounts import every
from fhir_server.storage.resources import Stored


@click.group()
def sas() -> None:
    """What the national SAS platform is shown and told."""


@sas.command("explain")
@click.argument("schedule")
@click.option("--partner", help="Client id of the platform.  [default: one of every audience]")
@click.pass_obj
def sas_explain(settings: Settings, schedule: str, partner: str | None) -> None:
    """Say why free slots of a Schedule are not shown, element by element. 1 if any are not."""
    services = build(settings)
    found = explain(services.store, _actor(services, partner), schedule, settings.sas_booking_url)
    services.close()
    if found is None:
        raise click.ClickException(f"there is no Schedule/{schedule}")
    for line in lines(schedule, found):
        click.echo(line)
    sys.exit(1 if found.left or found.allowed < found.free else 0)


@sas.command("regulators")
@click.pass_obj
def sas_regulators(settings: Settings) -> None:
    """List the accounts of regulators that the platform told, active or not. They are on no FHIR interface."""
    services = build(settings)
    accounts = every(services.store.read())
    services.close()
    for account in accounts:
        click.echo(account_line(account))


@sas.command("rdv")
@click.argument("appointment")
@click.option("--from", "sender", required=True, help="Our client id at the hub.")
@click.option("--to", "recipient", required=True, help="The SAMU's client id at the hub: fr.health.samu960.")
@click.option("--platform", help="File in notices/ by whose identifiers it is known.  [default: the only one]")
@click.pass_obj
def sas_rdv(settings: Settings, appointment: str, sender: str, recipient: str, platform: str | None) -> None:
    """Print what the national hub would tell a SAMU of an appointment (RS-SAS-RDV). Nothing is sent."""
    system = _system(settings, platform)
    services = build(settings)
    try:
        told = told_by_hub(services.store.read(), appointment, system)
    except ValueError as error:
        raise click.ClickException(f"Appointment/{appointment}: {error}") from error
    finally:
        services.close()
    _show(hub.enveloped(told, sender, recipient, uuid4(), datetime.now(zone(ZONE))))


@sas.command("read-rdv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--system", default="urn:creneau:sas-rdv", show_default=True, help="System of its identifier.")
def sas_read_rdv(file: Path, system: str) -> None:
    """Check a message RS-SAS-RDV, and print the Appointment that it tells of. Nothing is stored."""
    told = hub.opened(json.decode(file.read_bytes()))
    try:
        _show(rdv.appointment(told, system))
    except ValueError as error:
        raise click.ClickException(f"a moment of the message cannot be: {error}") from error


def account_line(account: Stored) -> str:
    """State, id, version, identifiers, name and address of an account."""
    content = account.content()
    state = "active" if content["active"] else "inactive"
    numbers = " ".join(value for _, value in identifiers(content))
    name = " ".join((content["name"][0]["family"], *content["name"][0]["given"]))
    return f"{state:<8} {account.reference}/_history/{account.version} {numbers} {name} {' '.join(emails(content))}"


def _system(settings: Settings, platform: str | None) -> str:
    found = [one for one in load(settings) if platform in (None, one.name)]
    if len(found) != 1:
        raise click.ClickException(f"{len(found)} files of notices/ fit: name one with --platform")
    return found[0].identifier_system


def _show(content: object) -> None:
    click.echo(msgspec.json.format(json.encode(content), indent=2))


def _actor(services: Services, client_id: str | None) -> Actor:
    if client_id is None:
        return Actor("sas")
    partner = services.partners.lookup(client_id)
    if partner is None:
        raise click.ClickException(f"there is no partner {client_id}")
    return Actor(partner.acts_for, audiences=partner.audiences, direct_access=partner.direct_access)


def lines(schedule: str, found: Explanation) -> Iterator[str]:
    """What becomes of a Schedule's slots, and a line for each reason."""
    individual, cpts, sos = found.shown
    yield (
        f"Schedule/{schedule}, the next {HOURS} hours: {found.free} free slots; "
        f"{individual} shown, {cpts} with a CPTS, {sos} of SOS"
    )
    if found.allowed < found.free:
        yield f"  {found.free - found.allowed} slots are meant or kept for others"
    for left in found.left:
        more = f" and {left.count - 1} more" if left.count > 1 else ""
        yield f"  {left.reference}{more}: {left.why.reason} ({left.why.expression})"
