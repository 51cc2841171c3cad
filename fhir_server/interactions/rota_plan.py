"""What a rota asks of the slots that stand in its Schedule: which to make, to change, to withdraw, and which cannot be.

Pure: the slots as they are and the openings as they should be make the plan, whoever carries it out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_server.kernel.dates import Interval
from fhir_server.rotas.slot import is_of_rota
from fhir_server.scheduling import agendas, settling

Json = dict[str, Any]

#: What a rota says of its slots; anything else of them is the server's or was added by hand.
_SAID = ("extension", "serviceCategory", "serviceType", "specialty", "appointmentType", "schedule", "start", "end")
#: Statuses of slots that nobody has.
_FREE = frozenset({"free", "busy-unavailable", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A slot that somebody has, or that was published by hand, and that the rules do not allow for."""

    slot_id: str
    start: str
    #: `gone`: the rules offer nothing then; `changed`: they offer something else; `covered`: what they offer is
    #: not made, since a slot published by hand is there.
    reason: str


@dataclass(slots=True)
class Plan:
    """What is to be done within a stretch of time."""

    make: dict[str, Json] = field(default_factory=dict)
    change: dict[str, Json] = field(default_factory=dict)
    withdraw: list[str] = field(default_factory=list)
    #: Slots that are as they should be.
    kept: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


def plan(standing: dict[str, Json], taken: Iterable[str], wanted: dict[str, Json]) -> Plan:
    """The plan for the slots that stand (by id), of which some are taken, and those that the rules want.

    What is taken is never touched, and nothing is made where it is, or where a slot published by hand is.
    """
    made, held = Plan(), set(taken)
    by_hand = {id_: slot for id_, slot in standing.items() if not is_of_rota(slot)}
    fixed = [span for slot in by_hand.values() if slot["status"] != "entered-in-error" and (span := agendas.span(slot))]
    covered = {id_ for id_, slot in wanted.items() if id_ in by_hand or _overlaps(slot, fixed)}
    made.conflicts += [Conflict(id_, wanted[id_]["start"], "covered") for id_ in sorted(covered)]
    wanted = {id_: slot for id_, slot in wanted.items() if id_ not in covered}
    stuck = list(_settle_standing(made, standing.keys() - by_hand.keys(), standing, held, wanted))
    crossed = [id_ for id_, slot in made.change.items() if _overlaps(slot, stuck)]
    for id_ in crossed:
        del made.change[id_]
    made.withdraw += crossed
    for id_, slot in wanted.items():
        if id_ not in standing and not _overlaps(slot, stuck):
            made.make[id_] = slot
    return made


def is_taken(slot: Json) -> bool:
    """Whether the status alone says that somebody has the slot."""
    return slot["status"] not in _FREE


def _settle_standing(
    made: Plan, ids: Iterable[str], standing: dict[str, Json], held: set[str], wanted: dict[str, Json]
) -> Iterator[Interval]:
    """Plan what becomes of a rota's slots that stand; yields the spans of those that stay though they do not fit."""
    for id_ in sorted(ids):
        slot, asked = standing[id_], wanted.get(id_)
        if asked is not None and is_as_said(slot, asked):
            made.kept += 1
        elif id_ in held:
            made.conflicts.append(Conflict(id_, slot["start"], "gone" if asked is None else "changed"))
            if (span := agendas.span(slot)) is not None:
                yield span
        elif asked is None:
            made.withdraw.append(id_)
        else:
            made.change[id_] = asked


def is_as_said(slot: Json, asked: Json) -> bool:
    """Whether a slot is what the rules say, whatever its status."""
    if any(slot.get(name) != asked.get(name) for name in _SAID) or slot.get("comment") != asked.get("comment"):
        return False
    return bool(slot.get("meta", {}).get("security") == asked.get("meta", {}).get("security"))


def changed(slot: Json, asked: Json) -> Json:
    """The slot as the rules say it now; one that was withdrawn by hand stays so."""
    status = "free" if settling.is_blocked(slot) else slot["status"]
    return asked | {"status": status}


def _overlaps(slot: Json, spans: Sequence[Interval]) -> bool:
    here = agendas.span(slot)
    return here is not None and any(agendas.overlap(here, span) for span in spans)
