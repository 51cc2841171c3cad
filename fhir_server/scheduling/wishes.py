"""What a request for an appointment asks of a slot (HL7 v2 ARQ and APR, in FHIR terms), and whether a slot fits it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.dates import DUSK, Interval
from fhir_server.kernel.paths import read
from fhir_server.scheduling.agendas import actors_of, span

Json = dict[str, Any]
#: System (empty for none) and folded code.
Code = tuple[str, str]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Wish:
    """One request."""

    #: Spans in which the appointment may begin, at least one.
    periods: tuple[Interval, ...]
    #: The length needed, in minutes; 0 for any.
    minutes: int
    #: `Type/id` of those named beside the patient.
    actors: tuple[str, ...]
    #: Identifiers of agendas named.
    agendas: tuple[Json, ...]
    services: frozenset[Code]
    #: HL7 table 0294: code (folded) and value.
    preferences: Sequence[tuple[str, str]] = ()
    #: Ids, numbers and names (folded): of each of these, one must be that of whom the agenda is.
    selections: Sequence[frozenset[str]] = ()

    @classmethod
    def of(cls, asked: Json, told: Mapping[str, Any], now_ms: int) -> "Wish":
        """What an Appointment that is not booked yet asks for."""
        spans = [dates.period(one.get("start"), one.get("end")) for one in asked.get("requestedPeriod", ())]
        if not spans and "start" in asked:
            low = dates.interval(asked["start"]).low
            spans = [Interval(low, low + 1)]
        ahead = [Interval(max(one.low, now_ms), one.high) for one in spans or [Interval(now_ms, DUSK)]]
        return cls(
            periods=tuple(one for one in ahead if one.low < one.high),
            minutes=asked.get("minutesDuration", 0),
            actors=tuple(actor for actor in actors_of(asked) if not actor.startswith("Patient/")),
            agendas=tuple(one["identifier"] for one in asked.get("slot", ()) if one.get("type") == "Schedule"),
            services=codes(asked.get("serviceType", ())),
            preferences=tuple((code.casefold(), value) for code, value in told.get("preferences", ())),
            selections=tuple(frozenset(names) for names in told.get("selections", ())),
        )

    def from_time(self, start: int) -> "Wish":
        """The same wish for slots that begin then or later."""
        periods = [Interval(max(one.low, start), one.high) for one in self.periods]
        return replace(self, periods=tuple(one for one in periods if one.low < one.high))

    @property
    def is_open(self) -> bool:
        """Whether it names nothing by which a slot could be told from another."""
        return not (self.actors or self.agendas or self.services)

    def fits(self, slot: Json, services: frozenset[Code]) -> bool:
        """Whether a slot that offers these services is long enough, of a service asked for, and at a time preferred."""
        here = span(slot)
        if here is None or here.high - here.low < self.minutes * 60_000:
            return False
        if self.services and (services or not (self.actors or self.agendas)) and not self._is_asked_for(services):
            return False
        return self._is_preferred(datetime.fromisoformat(slot["start"]))

    def _is_asked_for(self, services: frozenset[Code]) -> bool:
        # A code without a system is the sender's shorthand.
        return any(
            code == other and (system == known or not system or not known)
            for system, code in self.services
            for known, other in services
        )

    def _is_preferred(self, start: datetime) -> bool:
        """Table 0294: times of the day, and the days of the week that are marked for or against."""
        told = dict(self.preferences)
        clock = start.astimezone(dates.zone("Europe/Paris"))
        time = clock.strftime("%H%M")
        if time < told.get("prefstart", "0000")[:4] or time >= told.get("prefend", "2400")[:4]:
            return False
        days = {day: value.casefold() for day, value in told.items() if day in _DAYS}
        default = "no" if "ok" in days.values() or "y" in days.values() else "ok"
        return days.get(_DAYS[clock.weekday()], default) not in ("no", "n")


def codes(concepts: Sequence[Json]) -> frozenset[Code]:
    """The codes of concepts."""
    found = read({"concept": concepts}, "concept.coding")
    return frozenset((one.get("system", ""), one["code"].casefold()) for one in found if "code" in one)
