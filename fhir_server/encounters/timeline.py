"""What the movements of a visit make of its Encounter: status, class, places, attending doctors, and their histories.

It is told anew from the whole list each time, never from the last message alone. So movements that come out of order,
twice, or years later (ZBE-5 of IHE PAM France) end in the same Encounter. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_server.encounters.movements import CANCEL, Movement, in_order, movements
from fhir_server.kernel.dates import interval

Json = dict[str, Any]

_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ATTENDING = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "ATND"
_DERIVED = ("status", "statusHistory", "class", "classHistory", "location", "period", "participant", "extension")


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event does to a visit (HL7 2.5 chapter 3)."""

    #: Encounter.status from then on; empty: unchanged.
    status: str = ""
    #: Class of a visit that no message names one for.
    kind: str = ""
    #: The visit begins: without it there is none.
    admits: bool = False
    #: The patient is in PV1-3 from then on.
    moves: bool = False
    #: Corrects what is, without a change at that time.
    amends: bool = False
    #: Events it undoes when its sender names no movement: one recorded before, at its own time or else the last.
    cancels: tuple[str, ...] = ()
    #: It undoes everything recorded before, and the visit was an error.
    deletes: bool = False


#: Event -> effect; any other event only tells who and where.
EFFECTS: Mapping[str, Effect] = {
    "A01": Effect("in-progress", "IMP", admits=True, moves=True),
    "A02": Effect("in-progress", moves=True),
    "A03": Effect("finished"),
    "A04": Effect("in-progress", "AMB", admits=True, moves=True),
    "A05": Effect("planned", admits=True, moves=True),
    "A06": Effect("in-progress", "IMP", moves=True),
    "A07": Effect("in-progress", "AMB", moves=True),
    "A08": Effect(amends=True),
    "A10": Effect(moves=True),
    "A11": Effect(cancels=("A01", "A04")),
    "A12": Effect(cancels=("A02",)),
    "A13": Effect(cancels=("A03",)),
    "A14": Effect("planned", admits=True, moves=True),
    "A17": Effect(moves=True),
    "A21": Effect("onleave"),
    "A22": Effect("in-progress", moves=True),
    "A23": Effect(deletes=True),
    "A25": Effect(cancels=("A16",)),
    "A26": Effect(cancels=("A15",)),
    "A27": Effect(cancels=("A14",)),
    "A32": Effect(cancels=("A10",)),
    "A33": Effect(cancels=("A09",)),
    "A38": Effect(cancels=("A05",)),
    "A52": Effect(cancels=("A21",)),
    "A53": Effect(cancels=("A22",)),
    "A55": Effect(cancels=("A54",)),
}
_NONE = Effect()


def retell(encounter: Json) -> None:
    """Write into an Encounter, in place, what its movements come to. One without movements stays as it is."""
    told = movements(encounter)
    if not told:
        return
    others = [one for one in encounter.get("participant", ()) if not _is_attending(one)]
    derived = _derived(told)
    derived["participant"] = derived.get("participant", []) + others
    derived["extension"] = in_order(encounter["extension"])
    for name in _DERIVED:
        encounter.pop(name, None)
    encounter |= {name: value for name, value in derived.items() if value}


@dataclass(slots=True)
class _Track:
    """What one property was, from when on: values equal to the one before are no change."""

    steps: list[tuple[Any, str]] = field(default_factory=list)

    def turn(self, value: Any, start: str) -> None:
        """The property has this value from `start` on."""
        if not self.steps or self.steps[-1][0] != value:
            self.steps.append((value, start))

    def amend(self, value: Any, start: str) -> None:
        """What it has now was wrong: it is this value."""
        if self.steps and self.steps[-1][0] is not None:
            self.steps[-1] = (value, self.steps[-1][1])
        else:
            self.turn(value, start)

    @property
    def now(self) -> Any:
        """The last value; None before any."""
        return self.steps[-1][0] if self.steps else None

    def spans(self) -> Iterator[tuple[Any, Json]]:
        """Each value with its Period."""
        for number, (value, start) in enumerate(self.steps):
            end = self.steps[number + 1][1] if number + 1 < len(self.steps) else ""
            if value is not None:
                yield value, _period(start, end)

    def past(self) -> Iterator[tuple[Any, Json]]:
        """As `spans`, without the value it has now."""
        return (span for span, _ in zip(self.spans(), self.steps[:-1], strict=False))


def _derived(told: Sequence[Movement]) -> Json:
    standing = sorted(_standing(told), key=lambda one: (one.start_ms, one.recorded_ms, one.id))
    status, kind, place, attending = _Track(), _Track(), _Track(), _Track()
    for one in standing:
        effect = EFFECTS.get(one.event, _NONE)
        if effect.status:
            status.turn(effect.status, one.start)
        _follow_kind(kind, one, effect)
        _follow_place(place, one, effect)
        if one.attending:
            attending.turn(one.attending, one.start)
    now = status.now or _status(told, standing)
    return {
        "status": now,
        "statusHistory": [{"status": value, "period": period} for value, period in status.past()],
        "class": kind.now or _last_kind(told),
        "classHistory": [{"class": value, "period": period} for value, period in kind.past()],
        "participant": _attending(attending),
        "period": _stay(told, standing, now),
        "location": _places(place, standing, now),
    }


def _standing(told: Sequence[Movement]) -> list[Movement]:
    """The movements that nothing cancelled, in whatever order they came."""
    left = [one for one in told if one.action != CANCEL]
    undone: set[str] = set()
    for one in sorted(left, key=lambda one: (one.recorded_ms, one.id)):
        effect = EFFECTS.get(one.event, _NONE)
        others = [other for other in left if other.id not in undone | {one.id}]
        earlier = [other for other in others if other.recorded_ms <= one.recorded_ms]
        if effect.deletes:
            undone |= {other.id for other in earlier}
        elif effect.cancels:
            same = [other for other in earlier if other.event in effect.cancels]
            # EVN-6 of a cancellation is the time of what it cancels; not every sender says so.
            same = [other for other in same if other.start_ms == one.start_ms] or same
            undone |= {max(same, key=lambda other: (other.start_ms, other.recorded_ms, other.id)).id} if same else set()
    return [one for one in left if one.id not in undone]


def _follow_kind(track: _Track, one: Movement, effect: Effect) -> None:
    # An admission that names no class does not change the one known; a change of class is one.
    assumed = effect.kind and not (effect.admits and track.steps)
    value = one.kind or (_act(effect.kind) if assumed else None)
    if value is None:
        return
    if effect.amends:
        track.amend(value, one.start)
    elif effect.status or effect.moves:
        track.turn(value, one.start)


def _follow_place(track: _Track, one: Movement, effect: Effect) -> None:
    if effect.status == "finished":
        track.turn(None, one.start)
    elif effect.amends and one.place:
        track.amend(one.place, one.admitted or one.start)
    elif effect.moves and one.place:
        if one.prior and not track.steps and one.prior != one.place:
            # The movement that took the patient there is not known (yet).
            track.turn(one.prior, one.admitted)
        track.turn(one.place, one.start)


def _status(told: Sequence[Movement], standing: Sequence[Movement]) -> str:
    """The status when no standing movement gives one: by what was undone, then PV1-45, then class."""
    if any(EFFECTS.get(one.event, _NONE).deletes for one in standing):
        return "entered-in-error"
    undone = [one for one in told if one not in standing]
    if any(_admits(one.event) for one in undone) or any(_admits(one.event) for one in standing):
        return "cancelled"
    latest = _latest(told)
    if latest.discharged:
        return "finished"
    return "planned" if (latest.kind or {}).get("code") == "PRENC" else "in-progress"


def _last_kind(told: Sequence[Movement]) -> Json:
    """The class when no standing movement gives one: the last that was said, whichever message came last."""
    named = [one for one in told if one.kind]
    return (named and _latest(named).kind) or _act("AMB")


def _admits(event: str) -> bool:
    """Whether an event begins a visit, or undoes its beginning."""
    effect = EFFECTS.get(event, _NONE)
    return effect.admits or any(EFFECTS[cancelled].admits for cancelled in effect.cancels if cancelled in EFFECTS)


def _stay(told: Sequence[Movement], standing: Sequence[Movement], status: str) -> Json:
    """Encounter.period: from the admission to the discharge. A planned visit has none yet."""
    if status in ("planned", "cancelled", "entered-in-error"):
        return {}
    began = [one for one in standing if EFFECTS.get(one.event, _NONE).status not in ("", "planned")]
    admissions = [one for one in began if EFFECTS[one.event].admits]
    repeated = [one for one in standing if one.admitted]
    start = admissions[0].start if admissions else _latest(repeated).admitted if repeated else ""
    if not start and began and began[0].event != "A03":
        start = began[0].start
    end = began[-1].start if status == "finished" and began else ""
    if status == "finished" and not end:
        end = _latest([one for one in told if one.discharged]).discharged
    return _period(start, end)


def _latest(some: Sequence[Movement]) -> Movement:
    """The one recorded last; of the same second, by its identifier: an order that all arrivals share."""
    return max(some, key=lambda one: (one.recorded_ms, one.id))


def _places(track: _Track, standing: Sequence[Movement], status: str) -> list[Json]:
    spans = list(track.spans())
    if not spans:
        named = [one for one in standing if one.place]
        spans = [(_latest(named).place, {})] if named else []
    return [
        {"location": dict(place), "status": _place_status(period, status)} | ({"period": period} if period else {})
        for place, period in spans
    ]


def _place_status(period: Json, status: str) -> str:
    if "end" in period or status in ("finished", "cancelled", "entered-in-error"):
        return "completed"
    return "planned" if status == "planned" else "active"


def _attending(track: _Track) -> list[Json]:
    """Those who attended, with their times when there were several."""
    system, code = _ATTENDING
    spans = list(track.spans())
    return [
        {"individual": dict(person), "type": [{"coding": [{"system": system, "code": code}]}]}
        | ({"period": period} if len(spans) > 1 else {})
        for person, period in spans
    ]


def _is_attending(participant: Mapping[str, Any]) -> bool:
    return _ATTENDING in (
        (coding.get("system"), coding.get("code"))
        for kind in participant.get("type", ())
        for coding in kind.get("coding", ())
    )


def _period(start: str, end: str) -> Json:
    """A Period of what is known; a start after the end is a wrong clock, and left out (per-1)."""
    if start and end and interval(start).low > interval(end).low:
        start = ""
    return ({"start": start} if start else {}) | ({"end": end} if end else {})


def _act(code: str) -> Json:
    return {"system": _ACT, "code": code}
