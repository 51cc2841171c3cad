"""One day of the territory, lived over real sockets against a running server.

Each step shows what was sent, what was answered and what is stored (read back over FHIR as the coordinator), and checks
its promise. The day can be lived again on the same database: identifiers differ and slots still free are taken.
"""

from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from typing import TextIO

from adapters.demo import tables
from adapters.demo.day import Day, Endpoints
from adapters.demo.journal import Journal, StepCutShortError
from adapters.demo.listener import Listener
from adapters.demo.person import Person, make_ins
from adapters.demo.steps import (
    access,
    figures,
    holds,
    hospital,
    orientation,
    race,
    robustness,
    rules,
    samu,
    sas,
    vendor,
)
from fhir_server.kernel import dates
from fhir_server.kernel.errors import FhirError

__all__ = ["STEPS", "Endpoints", "play"]

Step = Callable[[Day], None]

#: The day, in order. A step's docstring is its title.
STEPS: tuple[Step, ...] = (
    hospital.admit,
    hospital.book,
    hospital.move,
    hospital.cancel,
    samu.refer,
    rules.publish_rota,
    vendor.authorize,
    rules.keep_for_samu,
    orientation.match_and_book,
    holds.hold,
    vendor.book_evening,
    vendor.notify_hospital,
    sas.aggregate,
    race.race,
    robustness.repeat,
    robustness.refuse,
    access.take_back,
    holds.lapse,
    figures.report,
)


def play(endpoints: Endpoints, listener: Listener, out: TextIO) -> int:
    """Live the day and write it to `out`; `listener` is the hospital's, told of what it asked for.

    Returns 0 when every promise held, 1 otherwise.
    """
    journal = Journal(out)
    territory = tables.read()
    now = datetime.now(dates.zone(territory.zone))
    print(f"One day in the {territory.name}, {now:%A %d %B %Y, %H:%M}", file=out)
    day = _day(endpoints, journal, listener, now)
    for step in STEPS:
        _live(step, day)
    verdict = "Every promise held" if journal.broken == 0 else f"{journal.broken} promises did not hold"
    print(f"\n{verdict}: {journal.kept} of {journal.kept + journal.broken}.", file=out, flush=True)
    return 0 if journal.broken == 0 else 1


def _live(step: Step, day: Day) -> None:
    day.journal.heading((step.__doc__ or "").rstrip("."))
    try:
        step(day)
    except StepCutShortError as reason:
        day.journal.fail(str(reason))
    except (OSError, HTTPException, FhirError) as error:
        day.journal.fail(f"the server did not answer: {error}")


def _day(endpoints: Endpoints, journal: Journal, listener: Listener, now: datetime) -> Day:
    moment = dates.to_milliseconds(now)
    people = ("Songerêve", "Camille", "1"), ("Grelotine", "Maëlle", "2"), ("Brindelaine", "Théodule", "3")
    patients = [
        Person(family, given, make_ins(moment + int(number), "2"), f"P{moment}{number}", f"+3363998010{number}")
        for family, given, number in people
    ]
    return Day(
        endpoints=endpoints,
        journal=journal,
        listener=listener,
        now=now,
        run=str(moment),
        hospital_patient=patients[0],
        caller=patients[1],
        rival_patient=patients[2],
        coordinator=endpoints.partner("demo-coordinator"),
        vendor=endpoints.partner("demo-vendor"),
        rival=endpoints.partner("demo-vendor-2"),
    )
