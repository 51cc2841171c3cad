"""The command `creneau`."""

import sys
from pathlib import Path
from typing import Any

import click

from adapters import commands, processes
from adapters.audit_commands import audit
from adapters.figure_commands import report
from adapters.hl7_commands import hl7
from adapters.partner_commands import keys, partner
from adapters.patient_commands import patient
from adapters.sas_commands import sas
from adapters.slot_commands import slots
from adapters.told_command import ToldCommand
from fhir_server.kernel import log
from fhir_server.kernel.errors import FhirError
from fhir_server.settings import Settings, SettingsError, load
from fhir_server.storage import outbox as outbox_table


class _Group(click.Group):
    """Errors an operator can act on are one line, without a trace."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (SettingsError, FhirError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="creneau")
@click.option("--database-url", help="SQLAlchemy URL of the database, instead of CRENEAU_DATABASE_URL.")
@click.pass_context
def main(context: click.Context, database_url: str | None) -> None:
    """Créneau: the territory's unplanned-care slots, between FHIR R4 partners and HL7 v2 feeds.

    New here? `creneau demo` starts a fictional territory and lives one day in it.
    """
    settings = load(database_url=database_url)
    log.configure(settings.log_level)
    context.obj = settings


@main.command()
@click.option("--http-port", type=int, default=8080, show_default=True, help="Port of the FHIR facade.")
@click.option("--hospital-port", type=int, default=2575, show_default=True, help="MLLP port for the hospital.")
@click.option("--samu-port", type=int, default=2576, show_default=True, help="MLLP port for the SAMU.")
@click.option("--database-url", help="Database of the demonstration.  [default: sqlite:///creneau-demo.db]")
@click.option("--play/--no-play", default=True, show_default=True, help="Live one day over real sockets once ready.")
@click.option("--once", is_flag=True, help="Stop after the play; fail if a promise did not hold.")
def demo(http_port: int, hospital_port: int, samu_port: int, database_url: str | None, play: bool, once: bool) -> None:
    """Run a fictional territory, with partners whose secret is public. Not for real patients."""
    from adapters.demo.command import Demonstration

    choices = Demonstration(
        http_port, hospital_port, samu_port, database_url or "sqlite:///creneau-demo.db", play, once
    )
    sys.exit(choices.run())


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Run the whole server: web workers, MLLP listeners and dispatcher, watched over."""
    sys.exit(processes.serve(settings))


@main.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Run the FHIR facade alone."""
    processes.web(settings)


@main.command()
@click.pass_obj
def mutual(settings: Settings) -> None:
    """Run the port of mutual TLS alone."""
    processes.mutual(settings)


@main.command()
@click.pass_obj
def listen(settings: Settings) -> None:
    """Run the MLLP listeners of all feeds alone."""
    processes.listen(settings)


@main.command()
@click.pass_obj
def dispatch(settings: Settings) -> None:
    """Run the dispatcher alone: deliver what the outbox owes."""
    processes.dispatch(settings)


@main.command()
@click.option("--revision", default="head", show_default=True, help="Version of the schema to go to.")
@click.pass_obj
def migrate(settings: Settings, revision: str) -> None:
    """Bring the database's schema up to date."""
    click.echo(commands.migrate(settings, revision))


@main.command()
@click.pass_obj
def reindex(settings: Settings) -> None:
    """Index every resource again, after search parameters were added."""
    click.echo(commands.reindex(settings))


@main.command()
@click.pass_obj
def check(settings: Settings) -> None:
    """Check settings, feeds, partners and every mapping table; say what is wrong, file and row."""
    problems = commands.check(settings)
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(problems)} problem(s)" if problems else "Everything is in order.")
    sys.exit(1 if problems else 0)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True, help="MLLP port to send to.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait for each answer.")
def send(file: Path, host: str, port: int, timeout: float) -> None:
    """Send the HL7 v2 messages of FILE over MLLP and print their acknowledgements."""
    accepted = True
    for answer, is_accepted in commands.send(file.read_bytes(), host, port, timeout):
        click.echo(answer)
        accepted = accepted and is_accepted
    sys.exit(0 if accepted else 1)


main.add_command(audit)
main.add_command(hl7)
main.add_command(slots)
main.add_command(partner)
main.add_command(keys)
main.add_command(patient)
main.add_command(sas)
main.add_command(report)


@main.group()
def inbox() -> None:
    """Messages received: look at them, apply again what was refused."""


@inbox.command("list")
@click.option(
    "--state", type=click.Choice(["applied", "refused", "rejected", "waiting"]), help="Only messages in this state."
)
@click.option("--count", type=int, default=50, show_default=True)
@click.pass_obj
def inbox_list(settings: Settings, state: str | None, count: int) -> None:
    """The newest messages, one a line, without patient data."""
    for line in commands.inbox_lines(settings, state, count):
        click.echo(line)


@inbox.command("show", cls=ToldCommand)
@click.argument("number", type=int)
@click.pass_obj
def inbox_show(settings: Settings, number: int) -> None:
    """One message with its answer, what it wrote, and what is wrong with it if it was refused. Shows patient data."""
    click.echo(commands.inbox_show(settings, number))


@inbox.command("find")
@click.argument("reference")
@click.pass_obj
def inbox_find(settings: Settings, reference: str) -> None:
    """The messages that made a resource (Type/id) or one version of it (Type/id/_history/2), one a line."""
    for line in commands.inbox_find(settings, reference):
        click.echo(line)


@inbox.command("replay", cls=ToldCommand)
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_obj
def inbox_replay(settings: Settings, numbers: tuple[int, ...]) -> None:
    """Apply messages again that were refused or rejected; those applied already change nothing."""
    for line in commands.inbox_replay(settings, numbers):
        click.echo(line)


@main.group()
def outbox() -> None:
    """Deliveries owed to others: look at them, send again, give up."""


@outbox.command("list")
@click.option("--state", type=click.Choice(["waiting", "delivered", "dead", "dropped"]), help="Only this state.")
@click.option("--count", type=int, default=50, show_default=True)
@click.pass_obj
def outbox_list(settings: Settings, state: str | None, count: int) -> None:
    """The newest deliveries, one a line."""
    for line in commands.outbox_lines(settings, state, count):
        click.echo(line)


@outbox.command("replay", cls=ToldCommand)
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_obj
def outbox_replay(settings: Settings, numbers: tuple[int, ...]) -> None:
    """Send dead or waiting deliveries now, the same bytes as before."""
    click.echo(f"{commands.outbox_resolve(settings, numbers, outbox_table.WAITING)} will be sent again")


@outbox.command("drop", cls=ToldCommand)
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_obj
def outbox_drop(settings: Settings, numbers: tuple[int, ...]) -> None:
    """Give deliveries up; the next ones of their streams follow."""
    click.echo(f"{commands.outbox_resolve(settings, numbers, outbox_table.DROPPED)} dropped")


if __name__ == "__main__":
    main()
