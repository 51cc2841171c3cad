"""Slots made ahead by the rotas of Schedules, up to a horizon.

Any number of processes may do it at once, any number of times: a slot's id follows from its Schedule and its start, and
one Schedule is worked on by one of them at a time. Transactions are short: each settles a stretch of time that no slot
reaches beyond.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from fhir_server.interactions import rota_plan, write
from fhir_server.interactions.rota_plan import Conflict, Plan
from fhir_server.kernel import dates
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.rotas.expand import openings
from fhir_server.rotas.model import Opening, Rota
from fhir_server.rotas.reading import has_rules, local, read_rota
from fhir_server.rotas.recurrence import to_ms
from fhir_server.rotas.slot import slot, slot_id
from fhir_server.scheduling import agendas
from fhir_server.storage import resources, rotas
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger("fhir_server.rotas")

#: Slots that one transaction settles, about: few commits, and none that others wait long for.
_BATCH = 200
#: How far ahead slots may be made.
MAX_DAYS = 400
_EMPTY = Rota("Europe/Paris", "", ())
_DAY_MS = 24 * 3_600_000


@dataclass(slots=True)
class Outcome:
    """What became of the slots of one Schedule."""

    schedule_id: str
    made: int = 0
    changed: int = 0
    withdrawn: int = 0
    kept: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    def add(self, plan: Plan) -> None:
        """Count what was done in one stretch."""
        self.made += len(plan.make)
        self.changed += len(plan.change)
        self.withdrawn += len(plan.withdraw)
        self.kept += plan.kept
        self.conflicts += plan.conflicts


@dataclass(frozen=True, slots=True)
class _Task:
    """One Schedule as it was when the work began."""

    schedule: Stored
    content: dict[str, Any]
    rota: Rota
    #: How often its rules had been changed.
    changes: int
    #: Up to when slots are made; those that stand are looked at to their end.
    until_ms: int
    is_dry: bool


def generate(
    store: Store, schedule_id: str, *, horizon_days: int, until: date | None = None, is_dry: bool = False
) -> Outcome:
    """Make, change and withdraw the slots of a Schedule from now on, as its rules say, up to the end of a day.

    What is booked or held is left alone and listed, with all else that keeps a slot from being made. With `is_dry`
    nothing is written. Raises FhirError: NOT_FOUND for a Schedule that never had rules, BUSINESS_RULE for a day farther
    than MAX_DAYS, CONFLICT when its rules change meanwhile.
    """
    task, now = _task(store, schedule_id, horizon_days, until, is_dry), store.database.clock()
    reach = max(task.until_ms, rotas.last_start(store.read(), schedule_id) + 1)
    offered = openings(task.rota, Interval(now, reach)) if task.rota.periods else []
    standing = rotas.standing(store.read(), schedule_id, now, reach)
    outcome = Outcome(schedule_id)
    for stretch in _stretches(offered, standing):
        outcome.add(store.transact(_actor(task), partial(_settle, task=task, stretch=stretch, offered=offered)))
    if not is_dry:
        store.transact(_actor(task), lambda uow: _finish(uow, task))
    return outcome


def generate_due(store: Store, *, horizon_days: int, is_stopped: Callable[[], bool]) -> Iterator[Outcome]:
    """Do it for every Schedule whose rules changed, or whose slots do not reach the horizon any more."""
    horizon = store.database.clock() + (horizon_days - 1) * _DAY_MS
    for schedule_id in rotas.due(store.read(), horizon):
        if is_stopped():
            return
        try:
            outcome = generate(store, schedule_id, horizon_days=horizon_days)
        except FhirError as error:
            # Its rules changed meanwhile, or another came first: it is still due.
            _log.warning("slots of Schedule/%s are not made yet: %s", schedule_id, error)
            continue
        _log.info(
            "Schedule/%s: %d slots made, %d changed, %d withdrawn, %d conflicts",
            *(schedule_id, outcome.made, outcome.changed, outcome.withdrawn, len(outcome.conflicts)),
        )
        yield outcome


def _task(store: Store, schedule_id: str, horizon_days: int, until: date | None, is_dry: bool) -> _Task:
    changes = rotas.changes(store.read(), schedule_id)
    schedule = resources.load(store.read(), "Schedule", schedule_id)
    if changes is None or schedule is None:
        raise fault(Category.NOT_FOUND, f"Schedule/{schedule_id} has no availability rules.")
    content = {} if schedule.deleted else schedule.content()
    rota = read_rota(content)[0] if has_rules(content) else _EMPTY
    today = local(store.database.clock(), rota.zone).date()
    last = until or today + timedelta(days=horizon_days)
    if last > today + timedelta(days=MAX_DAYS):
        raise fault(Category.BUSINESS_RULE, f"Slots are made at most {MAX_DAYS} days ahead.")
    until_ms = to_ms(datetime.combine(last + timedelta(days=1), datetime.min.time()), rota.zone)
    return _Task(schedule, content, rota, changes, until_ms, is_dry)


def _actor(task: _Task) -> Actor:
    """Slots of a rota belong to whoever published its Schedule."""
    return Actor(task.schedule.owner, is_territory=True, origin=SYSTEM.origin)


def _stretches(offered: Sequence[Opening], standing: Sequence[tuple[str, int, int]]) -> Iterator[Interval]:
    """Stretches of time that no slot reaches beyond, each of about `_BATCH` slots."""
    spans = sorted([(one.start_ms, one.end_ms) for one in offered] + [(low, high) for _, low, high in standing])
    first, last, count = 0, 0, 0
    for low, high in spans:
        if count >= _BATCH and low >= last:
            yield Interval(first, last)
            count = 0
        first, last = (low, high) if count == 0 else (first, max(last, high))
        count += 1
    if count:
        yield Interval(first, last)


def _settle(uow: UnitOfWork, task: _Task, stretch: Interval, offered: Sequence[Opening]) -> Plan:
    id_ = task.schedule.id
    uow.lock(f"rota:{id_}")
    _check_unchanged(uow, task)
    here = rotas.standing(uow.connection, id_, max(stretch.low, uow.now_ms), stretch.high)
    locked = resources.lock_many(uow, [("Slot", one) for one, _, _ in here])
    standing = {stored.id: stored.content() for stored in locked.values() if not stored.deleted}
    wanted = _wanted(task, stretch, offered, standing, uow.now_ms)
    taken = {one for one, content in standing.items() if rota_plan.is_taken(content)}
    plan = rota_plan.plan(standing, taken | rotas.claimed(uow, list(standing)), wanted)
    if not task.is_dry:
        _carry_out(uow, plan, {stored.id: stored for stored in locked.values()}, stretch, id_)
    return plan


def _check_unchanged(uow: UnitOfWork, task: _Task) -> None:
    if rotas.changes(uow.connection, task.schedule.id) != task.changes:
        raise fault(Category.CONFLICT, f"The rules of {task.schedule.reference} changed meanwhile; try again.")


def _wanted(
    task: _Task, stretch: Interval, offered: Sequence[Opening], standing: dict[str, Any], now_ms: int
) -> dict[str, dict[str, Any]]:
    """The slots that the rules offer in a stretch; beyond the horizon, only those that stand already."""
    found = {}
    for opening in offered:
        if stretch.low <= opening.start_ms < stretch.high and opening.start_ms >= now_ms:
            id_ = slot_id(task.schedule.id, opening.start_ms)
            if opening.start_ms < task.until_ms or id_ in standing:
                found[id_] = slot(task.content, task.rota.zone, opening)
    return found


def _carry_out(uow: UnitOfWork, plan: Plan, locked: dict[str, Stored], stretch: Interval, schedule_id: str) -> None:
    for id_ in plan.withdraw:
        write.remove(uow, locked[id_])
    for id_, asked in plan.change.items():
        write.replace(uow, locked[id_], rota_plan.changed(locked[id_].content(), asked))
    former = resources.lock_many(uow, [("Slot", id_) for id_ in plan.make])
    is_told = _is_told(uow, stretch, schedule_id)
    for id_, content in plan.make.items():
        before = former.get(("Slot", id_))
        if before is not None:
            write.replace(uow, before, dict(content))
        elif is_told:
            write.insert(uow, "Slot", dict(content), id_=id_, method="PUT")
        else:
            # No rule could say anything of it: it is new, free, and no feed told of its time.
            resources.insert_first(uow, "Slot", id_, dict(content), method="PUT")


def _is_told(uow: UnitOfWork, stretch: Interval, schedule_id: str) -> bool:
    """Whether a feed told of an appointment or a block in the stretch, so that each slot has to be held against it."""
    whole = {
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "start": dates.to_instant(stretch.low),
        "end": dates.to_instant(stretch.high),
    }
    owners = agendas.owners(uow, whole)
    return bool(agendas.told_over(uow, whole, owners)) or agendas.is_blocked(uow, whole, owners)


def _finish(uow: UnitOfWork, task: _Task) -> None:
    if task.rota.periods:
        rotas.finish(uow, task.schedule.id, task.changes, task.until_ms)
    else:
        rotas.forget(uow, task.schedule.id, task.changes)
