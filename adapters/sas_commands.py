"""`creneau sas`: what the national SAS platform is shown."""

import sys
from collections.abc import Iterator

import click

from fhir_server.bootstrap import Services, build
from fhir_server.kernel.actor import Actor
from fhir_server.sas.explain import HOURS, Explanation, explain
from fhir_server.sas.regulator_rules import emails, identifiers
from fhir_server.settings import Settings
from fhir_server.storage.accounts import every
from fhir_server.storage.resources import Stored


@click.group()
def sas() -> None:
    """What the national SAS platform is shown."""


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


def account_line(account: Stored) -> str:
    """State, id, version, identifiers, name and address of an account."""
    content = account.content()
    state = "active" if content["active"] else "inactive"
    numbers = " ".join(value for _, value in identifiers(content))
    name = " ".join((content["name"][0]["family"], *content["name"][0]["given"]))
    return f"{state:<8} {account.reference}/_history/{account.version} {numbers} {name} {' '.join(emails(content))}"


def _actor(services: Services, client_id: str | None) -> Actor:
    if client_id is None:
        return Actor("sas")
    partner = services.partners.lookup(client_id)
    if partner is None:
        raise click.ClickException(f"there is no partner {client_id}")
    return Actor(partner.client_id, audiences=partner.audiences, direct_access=partner.direct_access)


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
