"""`python -m tests.benchmark`: load the stores, start the servers, measure, print."""

import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.benchmark import databases, load, parsing, plans, profiles, report, stage
from tests.benchmark.extent import Sizes
from tests.benchmark.report import Line
from tests.benchmark.scenarios import SCENARIOS, Point, Scenario
from tests.benchmark.stage import Stage

_QUICK_SIZES, _QUICK_SECONDS, _QUICK_CLIENTS = Sizes(slots=20_000, appointments=5_000, patients=5_000), 1.0, "8"


@dataclass(frozen=True, slots=True)
class Choices:
    """What to measure, and for how long."""

    sizes: Sizes
    seconds: float
    rounds: int
    clients: tuple[int, ...]
    scenarios: Sequence[Scenario]
    options: dict[str, str]
    #: Folder in which loaded stores are kept for the next run.
    keep: Path | None


@click.command(context_settings={"max_content_width": 100})
@click.option("--store", type=click.Choice(["sqlite", "postgres"]), multiple=True, help="Which store; both by default.")
@click.option("--slots", type=int, default=1_000_000, show_default=True, help="Slots to load.")
@click.option("--appointments", type=int, default=200_000, show_default=True, help="Past appointments to load.")
@click.option("--patients", type=int, default=100_000, show_default=True, help="Patients to load.")
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Seconds of each measurement.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Turns of ceiling and product at each point.")
@click.option("--clients", default="1,8,32", show_default=True, help="Numbers of clients.")
@click.option(
    "--only", default="", help="Scenarios, by comma: " + ", ".join([parsing.NAME, *(one.name for one in SCENARIOS)])
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"{_QUICK_SIZES.slots} slots, {_QUICK_SECONDS:.0f} s, one round, {_QUICK_CLIENTS} clients: a smoke test.",
)
@click.option("--plans/--no-plans", "has_plans", default=True, show_default=True, help="Print the query plans.")
@click.option("--profile", "is_profile", is_flag=True, help="Show where time goes inside one process instead.")
@click.option("--set", "options", multiple=True, help="A setting of the server, as REQUEST_LOG=false.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder to keep the loaded stores in, for the next run.")
def main(
    store: Sequence[str],
    slots: int,
    appointments: int,
    patients: int,
    seconds: float,
    rounds: int,
    clients: str,
    only: str,
    quick: bool,
    has_plans: bool,
    is_profile: bool,
    options: Sequence[str],
    keep: Path | None,
) -> None:
    """Measure Créneau beside its ceilings and print Markdown."""
    choices = Choices(
        sizes=_QUICK_SIZES if quick else Sizes(slots, appointments, patients),
        seconds=_QUICK_SECONDS if quick else seconds,
        rounds=1 if quick else rounds,
        clients=tuple(int(number) for number in (_QUICK_CLIENTS if quick else clients).split(",")),
        scenarios=_chosen(only),
        options=dict(option.split("=", 1) for option in options),
        keep=keep,
    )
    _print(report.conditions(shlex.join(["python -m tests.benchmark", *sys.argv[1:]])))
    if not only or parsing.NAME in only.split(","):
        _print(parsing.markdown(choices.seconds))
    for name in (store or ("sqlite", "postgres")) if choices.scenarios else ():
        folder = choices.keep / name if choices.keep else None
        with databases.database(name, folder) as url:
            begun = time.monotonic()
            found = load.ensure(url, choices.sizes)
            click.echo(f"- {name}: {found}, loaded in {time.monotonic() - begun:.0f} s")
            _print(_profiled(name, url, choices) if is_profile else _measured(name, url, choices, has_plans))


def _measured(store: str, url: str, choices: Choices, has_plans: bool) -> Iterator[str]:
    names = [one.name for one in choices.scenarios]
    with TemporaryDirectory(prefix="bench") as folder, stage.set_up(url, Path(folder), choices.options, names) as set_:
        if has_plans:
            yield f"\n### Query plans, {store}"
            yield from plans.markdown(url, set_)
        lines = [line for scenario in choices.scenarios for line in _lines(scenario, set_, choices)]
        yield from report.table(store, lines)


def _profiled(store: str, url: str, choices: Choices) -> Iterator[str]:
    return profiles.markdown(store, url, [one.name for one in choices.scenarios])


def _chosen(only: str) -> list[Scenario]:
    names = list(filter(None, only.split(",")))
    unknown = set(names) - {one.name for one in SCENARIOS} - {parsing.NAME}
    if unknown:
        raise click.BadParameter(f"there is no scenario {min(unknown)!r}", param_hint="--only")
    return [one for one in SCENARIOS if not names or one.name in names]


def _lines(scenario: Scenario, set_: Stage, choices: Choices) -> Iterator[Line]:
    for clients in scenario.clients or choices.clients:
        products, ceilings = [], []
        for _ in range(choices.rounds):
            # In turns, so that whatever else the machine does meets both alike.
            point = Point(set_, clients, choices.seconds, warm_up=min(1.0, choices.seconds / 4))
            ceilings.append(scenario.ceiling(point))
            products.append(scenario.product(point))
        line = Line(scenario, clients, products, ceilings)
        click.echo(f"{scenario.name} {clients}: {products[-1].rate:.0f}/s, {line.share:.0%}", err=True)
        yield line


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    main()
