"""`creneau slots`: the slots that rotas make."""

import sys
from collections.abc import Iterator
from datetime import datetime

import click

from fhir_server.bootstrap import build
from fhir_server.interactions.slots_ahead import Outcome, generate
from fhir_server.settings import Settings
from fhir_server.storage import rotas

#: Why a slot is in the list, in words.
REASONS = {
    "gone": "booked or held, and the rules offer nothing then any more",
    "changed": "booked or held, and the rules now say otherwise",
    "covered": "not made: a slot published by hand is there",
}


@click.group()
def slots() -> None:
    """Slots that the availability rules of Schedules make."""


@slots.command("generate")
@click.option("--schedule", "schedules", multiple=True, help="Id of a Schedule, may be repeated.  [default: all]")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day.  [default: slot_horizon_days from today]")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.pass_obj
def slots_generate(settings: Settings, schedules: tuple[str, ...], until: datetime | None, dry_run: bool) -> None:
    """Make, change and withdraw slots as the rules say; list those that are booked and do not fit. 1 if there are any.

    May be repeated, and run beside the server, which does the same by itself.
    """
    has_conflicts = False
    for outcome in _generate(settings, schedules, until, dry_run):
        has_conflicts |= any(conflict.reason != "covered" for conflict in outcome.conflicts)
        for line in lines(outcome):
            click.echo(line)
    sys.exit(1 if has_conflicts else 0)


def _generate(
    settings: Settings, schedules: tuple[str, ...], until: datetime | None, is_dry: bool
) -> Iterator[Outcome]:
    services = build(settings)
    last = None if until is None else until.date()
    for schedule_id in schedules or rotas.every(services.store.read()):
        yield generate(services.store, schedule_id, horizon_days=settings.slot_horizon_days, until=last, is_dry=is_dry)
    services.close()


def lines(outcome: Outcome) -> Iterator[str]:
    """What became of one Schedule, and a line for each slot that does not fit."""
    yield (
        f"Schedule/{outcome.schedule_id}: {outcome.made} made, {outcome.changed} changed, "
        f"{outcome.withdrawn} withdrawn, {outcome.kept} as before, {len(outcome.conflicts)} conflicts"
    )
    for conflict in outcome.conflicts:
        yield f"  Slot/{conflict.slot_id} {conflict.start}: {REASONS[conflict.reason]}"
