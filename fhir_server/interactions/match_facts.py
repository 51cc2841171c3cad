"""The candidates for a need: open slots with what is known of them, gathered in a handful of statements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection

from fhir_server.interactions.match_need import place_of, terms
from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.audiences import ACT_CODES, AUDIENCES, KINDS, bits
from fhir_server.kernel.paths import first, read
from fhir_server.orientation.communes import Communes, Place
from fhir_server.orientation.model import Candidate, Need, Term
from fhir_server.orientation.ranking import is_far
from fhir_server.orientation.tables import MOST_OF_ONE
from fhir_server.scheduling.agendas import HOLDING
from fhir_server.search import access, restriction
from fhir_server.storage import orientation
from fhir_server.storage.orientation import OpenSlot

#: Slots compared at most, the earliest of each agenda: those of a territory several times the size of ours.
MOST = 1000
#: The clock by which doctors' weeks are counted.
_ZONE = "Europe/Paris"
#: Systems of `Slot.serviceType` that say how and for whom, not what for.
_NO_MOTIVES = frozenset(
    {ACT_CODES, "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"}
)

Json = dict[str, Any]
#: What a Schedule is known by: its row key, or its id.
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to rank."""

    candidates: list[Candidate]
    #: The slots themselves, by id.
    slots: Mapping[str, Json]
    #: Slots that are farther than the radius: not looked at further.
    too_far: int
    #: More slots were there than are compared.
    is_cut: bool

    def joined(self, other: "Found") -> "Found":
        """Both, a slot of both as it is here."""
        added = [one for one in other.candidates if one.slot_id not in self.slots]
        return Found(
            [*self.candidates, *added],
            {**other.slots, **self.slots},
            self.too_far + other.too_far,
            self.is_cut or other.is_cut,
        )


@dataclass(frozen=True, slots=True)
class _Agenda:
    """One Schedule, its doctor and its place."""

    schedule: Json
    doctor: str
    place: Place | None
    specialties: frozenset[Term]
    is_remote: bool


def gather(connection: Connection, actor: Actor, need: Need, communes: Communes, *, is_remote: bool) -> Found:
    """The first open slots of every agenda in the time of the need: as teleconsultations, or the others."""
    opened = orientation.first_slots(
        connection, actor, need.now_ms, (need.low_ms, need.high_ms), is_remote=is_remote, each=MOST_OF_ONE, most=MOST
    )
    agendas = _agendas(connection, orientation.by_key(connection, {slot.schedule_pk for slot in opened}), communes)
    drafts = {
        slot.pk: _draft(actor, need, slot, agendas[slot.schedule_pk], is_remote)
        for slot in opened
        if slot.schedule_pk in agendas
    }
    near = {pk: one for pk, one in drafts.items() if not is_far(need, one)}
    contents = orientation.by_key(connection, near)
    shown = _shown(actor, contents)
    acts = _acts(connection, (near[pk] for pk in shown), communes)
    found = [_completed(near[pk], content, acts) for pk, content in shown.items()]
    slots = {content["id"]: content for content in shown.values()}
    return Found(found, slots, len(drafts) - len(near), len(opened) == MOST)


def _shown(actor: Actor, slots: dict[int, Json]) -> dict[int, Json]:
    """Those that the scopes of the actor let it search for."""
    if restriction.is_whole(actor, "Slot", "s"):
        return slots
    return {pk: one for pk, one in slots.items() if restriction.shows(actor, "Slot", one, "s")}


def _draft(actor: Actor, need: Need, slot: OpenSlot, agenda: _Agenda, is_remote: bool) -> Candidate:
    """What the index and the agenda say of a slot; its id is known later."""
    kinds = slot.audience & bits(KINDS)
    codes = frozenset(code for code, bit in AUDIENCES.items() if slot.audience & bit)
    return Candidate(
        slot_id="",
        start_ms=slot.start_ms,
        agenda=f"Schedule/{slot.schedule_id}",
        doctor=agenda.doctor,
        is_remote=is_remote or (agenda.is_remote and not kinds),
        place=agenda.place,
        audience=frozenset() if codes == AUDIENCES.keys() else codes,
        is_kept=bool(slot.audience & bits(actor.direct_access)) and slot.open_ms > need.now_ms,
        specialties=agenda.specialties,
    )


def _completed(draft: Candidate, slot: Json, acts: Mapping[tuple[str, int], int]) -> Candidate:
    own = terms(*slot.get("specialty", ()))
    return replace(
        draft,
        slot_id=slot["id"],
        specialties=own or draft.specialties,
        motives=_motives(slot),
        acts=acts.get((draft.doctor, _week(draft.start_ms)[0]), 0),
    )


def _motives(slot: Json) -> frozenset[Term]:
    kinds = slot.get("serviceType", ())
    return frozenset(term for term in terms(*kinds) if term[0] not in _NO_MOTIVES)


def _acts(connection: Connection, candidates: Iterable[Candidate], communes: Communes) -> dict[tuple[str, int], int]:
    """Acts of each doctor, by the week in which the candidates stand."""
    weeks = {_week(one.start_ms) for one in candidates if one.doctor}
    return {
        (doctor, week[0]): count for week in weeks for doctor, count in _acts_of(connection, week, communes).items()
    }


def _acts_of(connection: Connection, week: tuple[int, int], communes: Communes) -> Counter[str]:
    """Those of one week: of the doctors that they name, else of whose agenda their slots stand in."""
    found = orientation.acts(connection, week, sorted(HOLDING))
    counts = Counter(f"Practitioner/{doctor}" for _, doctor in found if doctor is not None)
    held = set(orientation.schedules_of(connection, [pk for pk, doctor in found if doctor is None]))
    agendas = _agendas(connection, orientation.by_id(connection, "Schedule", {id_ for _, id_ in held}), communes)
    counts.update(doctor for _, doctor in {(pk, agendas[id_].doctor) for pk, id_ in held if id_ in agendas})
    return counts


@lru_cache(maxsize=4096)
def _week(start_ms: int) -> tuple[int, int]:
    """From the Monday before a moment to the one after it, by the clock."""
    day = datetime.fromtimestamp(start_ms / 1000, dates.zone(_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = day.replace(tzinfo=None) - timedelta(days=day.weekday())
    ends = (monday, monday + timedelta(days=7))
    low, high = (dates.to_milliseconds(one.replace(tzinfo=dates.zone(_ZONE))) for one in ends)
    return low, high


def _agendas(connection: Connection, schedules: Mapping[Key, Json], communes: Communes) -> dict[Key, _Agenda]:
    """The active agendas among these Schedules, by the same keys."""
    active = {key: one for key, one in schedules.items() if one.get("active") is not False}
    actors: list[str] = [text for one in active.values() for text in read(one, "actor.reference")]
    roles: dict[str, Json] = orientation.by_id(connection, "PractitionerRole", _ids("PractitionerRole", actors))
    services: dict[str, Json] = orientation.by_id(connection, "HealthcareService", _ids("HealthcareService", actors))
    named: list[str] = [
        text for one in (*roles.values(), *services.values()) for text in read(one, "location.reference")
    ]
    locations = orientation.by_id(connection, "Location", _ids("Location", [*actors, *named]))
    directory = _Directory(roles, services, {id_: place_of(one, communes) for id_, one in locations.items()}, communes)
    return {key: directory.agenda(schedule) for key, schedule in active.items()}


def _ids(type_name: str, references: Iterable[str]) -> set[str]:
    return {text.removeprefix(f"{type_name}/") for text in references if text.startswith(f"{type_name}/")}


@dataclass(frozen=True, slots=True)
class _Directory:
    """Who and where, as far as agendas name them."""

    roles: Mapping[str, Json]
    services: Mapping[str, Json]
    places: Mapping[str, Place | None]
    communes: Communes

    def agenda(self, schedule: Json) -> _Agenda:
        """What is known of one agenda."""
        actors = read(schedule, "actor.reference")
        roles = [self.roles[id_] for id_ in sorted(_ids("PractitionerRole", actors)) if id_ in self.roles]
        services = [self.services[id_] for id_ in sorted(_ids("HealthcareService", actors)) if id_ in self.services]
        doctors = [text for text in actors if text.startswith("Practitioner/")]
        doctors += read(roles, "practitioner.reference")
        own = terms(*schedule.get("specialty", ()))
        kinds = access.kinds(schedule)
        return _Agenda(
            schedule,
            doctors[0] if doctors else "",
            self._place(actors, [*roles, *services]),
            own or terms(*(concept for role in roles for concept in role.get("specialty", ()))),
            kinds == {"VR"},
        )

    def _place(self, actors: Sequence[str], holders: Sequence[Json]) -> Place | None:
        """Where an agenda is: at the place that it names, else that of its role, else that of its service."""
        direct = [self.places.get(id_) for id_ in sorted(_ids("Location", actors))]
        found = [*direct, *(self._of_holder(one) for one in holders)]
        return next((place for place in found if place is not None), None)

    def _of_holder(self, holder: Json) -> Place | None:
        text = first(holder, "location.reference") or ""
        if text.startswith("#"):
            contained = [one for one in holder.get("contained", ()) if one.get("id") == text[1:]]
            return place_of(contained[0], self.communes) if contained else None
        return self.places.get(text.removeprefix("Location/"))
