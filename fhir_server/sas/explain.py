"""Why slots of one agenda are not shown to SAS: for operators, with the same steps as an answer takes."""

from dataclasses import dataclass
from itertools import groupby

from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.sas import aggregate, codes
from fhir_server.sas.answer import Answer, Desk
from fhir_server.sas.asking import Window
from fhir_server.sas.memory import memory_of
from fhir_server.sas.parts import Unfit
from fhir_server.sas.search import PATIENCE, of_structure, practitioners_of
from fhir_server.storage import aggregation
from fhir_server.storage.deadline import within
from fhir_server.storage.unit_of_work import Store

#: How far ahead SAS looks, in hours.
HOURS = 72
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Left:
    """Resources that are left out of answers for one reason."""

    #: The first of them, `Slot/1`, and how many they are.
    reference: str
    count: int
    why: Unfit


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of an agenda's free slots in the hours that SAS looks at."""

    free: int
    #: Free slots that are there for who asks.
    allowed: int
    #: Shown for a practitioner (INT_R01), with a CPTS (INT_R04), for SOS Médecins.
    shown: tuple[int, int, int]
    left: tuple[Left, ...]


def explain(store: Store, actor: Actor, schedule_id: str, address: str) -> Explanation | None:
    """What SAS, asking as `actor`, is shown of an agenda, and why not the rest; None for an unknown Schedule."""
    now_ms = store.database.clock()
    window = Window(now_ms, now_ms + HOURS * _HOUR_MS)
    with within(store, PATIENCE) as reader:
        desk = Desk(reader, actor, now_ms, address, memory_of(store.database))
        texts = aggregation.named(reader.next(), {"Schedule": [schedule_id]})
        if not texts:
            return None
        free, allowed = (_ids(desk, one, schedule_id, window) for one in (SYSTEM, actor))
        (schedule,) = texts.values()
        people = practitioners_of(reader, schedule)
        answers = [aggregate.gather(desk, shape, people, window) for shape in (codes.INDIVIDUAL, codes.CPTS)]
        answers.append(of_structure(desk, schedule, window))
    individual, cpts, sos = (sum(f"Slot/{slot.id}" in allowed for slot in answer.slots) for answer in answers)
    left = _left(answers, {f"Schedule/{schedule_id}", *allowed}) if people or sos else [_NOBODYS]
    return Explanation(len(free), len(allowed), (individual, cpts, sos), tuple(left))


#: A Schedule from which neither way leads on.
_NOBODYS = Left(
    "Schedule", 1, Unfit("is neither of a practitioner nor of a place that is known here", "Schedule.actor")
)


def _ids(desk: Desk, actor: Actor, schedule_id: str, window: Window) -> set[str]:
    """References of the free slots of an agenda that are there for the actor."""
    rows = aggregation.free_slots(desk.reader.next(), actor, [schedule_id], (window.low, window.high), desk.now_ms)
    return {f"Slot/{row.id}" for row in rows}


def _left(answers: list[Answer], wanted: set[str]) -> list[Left]:
    """What is left out of every answer, by reason: of agendas and slots, those wanted alone."""
    shown = {f"Slot/{slot.id}" for answer in answers for slot in answer.slots}
    found: dict[str, Unfit] = {}
    for answer in answers:
        found |= {name: why for name, why in answer.left_out.items() if name not in shown}
    kept = [(why, name) for name, why in found.items() if name in wanted or not name.startswith(("Slot/", "Schedule/"))]
    kept.sort(key=lambda pair: (pair[0].expression, pair[0].reason, pair[1]))
    groups = ((why, [name for _, name in some]) for why, some in groupby(kept, key=lambda pair: pair[0]))
    return [Left(names[0], len(names), why) for why, names in groups]
