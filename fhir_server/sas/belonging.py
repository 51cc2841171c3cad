"""Slots, and the CPTS they belong to: HealthcareServices that lead to Organizations, both in the answer."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

from fhir_server.sas import directory, slots
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.answer import Answer, Desk, Texts
from fhir_server.sas.codes import Shape
from fhir_server.sas.memory import Shaped
from fhir_server.sas.parts import Json, Shown, Unfit
from fhir_server.storage import aggregation
from fhir_server.storage.aggregation import FoundSlot

#: A service with the CPTS that provides it.
_Pair = tuple[Shown, Shown]
_GONE = Unfit("changed while the answer was made", "Slot")


def add_slots(
    desk: Desk, shape: Shape, rows: Sequence[FoundSlot], agendas: Mapping[str, Fallback], answer: Answer
) -> list[str]:
    """Add the slots of these agendas to the answer, with the CPTS they name; ids of the agendas that have any."""
    shaper = _Shaper(desk, shape, agendas)
    found = shaper.remembered(rows)
    if len(found) < len(rows):
        found |= shaper.shaped([row for row in rows if row.id not in found], {})
    known: Mapping[str, _Pair] = {}
    if shape.has_services:
        known = _known(desk, {one.named for one in found.values()}, answer)
        # Shaped for the first time, or a CPTS came or went meanwhile.
        found |= shaper.shaped([row for row in rows if row.id in found and _is_stale(found[row.id], known)], known)
    used: dict[str, None] = {}
    for row in rows:
        one = found[row.id].one if row.id in found else _GONE
        if isinstance(one, Shown):
            answer.slots.append(one)
            used[row.schedule_id] = None
        else:
            answer.left_out[f"Slot/{row.id}"] = one
    _add_services(known, answer)
    return list(used)


class _Shaper:
    """Slots of some agendas in one shape, as they are remembered or anew."""

    def __init__(self, desk: Desk, shape: Shape, agendas: Mapping[str, Fallback]) -> None:
        self._desk = desk
        self._shape = shape
        self._agendas = agendas

    def remembered(self, rows: Sequence[FoundSlot]) -> dict[str, Shaped]:
        """Those that were shaped before, by id."""
        found = ((row.id, self._desk.memory.get(self._key(row))) for row in rows)
        return {id_: one for id_, one in found if one is not None}

    def shaped(self, rows: Sequence[FoundSlot], known: Mapping[str, _Pair]) -> dict[str, Shaped]:
        """Read and shape slots, and remember them. What changed since it was found is left out."""
        texts = aggregation.named(self._desk.reader.next(), {"Slot": [row.id for row in rows]}) if rows else {}
        found: dict[str, Shaped] = {}
        for row in rows:
            content = slots.version(texts.get(("Slot", row.id), ""), row.version)
            if content is not None:
                found[row.id] = self._shape_one(row, content, known)
                self._desk.memory.put(self._key(row), found[row.id])
        return found

    def _shape_one(self, row: FoundSlot, content: Json, known: Mapping[str, _Pair]) -> Shaped:
        agenda = self._agendas[row.schedule_id]
        named = slots.services(content, agenda)
        mine = _those(named, known)
        return Shaped(named, mine, slots.slot(content, agenda, self._shape, mine, self._desk.address))

    def _key(self, row: FoundSlot) -> Hashable:
        """All that the shape of a slot follows from, but for the CPTS that are known."""
        return row[1:], self._agendas[row.schedule_id], self._shape, self._desk.address


def _those(named: tuple[str, ...], known: Mapping[str, _Pair]) -> tuple[str, ...]:
    return tuple(id_ for id_ in named if id_ in known) if named and known else ()


def _is_stale(one: Shaped, known: Mapping[str, _Pair]) -> bool:
    return one.known != _those(one.named, known)


def _add_services(known: Mapping[str, _Pair], answer: Answer) -> None:
    """Take along those that slots of the answer name."""
    for id_ in dict.fromkeys(id_ for slot in answer.slots for id_ in slot.services):
        service, cpts = known[id_]
        answer.add("HealthcareService", service)
        answer.add("Organization", cpts)


def _known(desk: Desk, named: Iterable[tuple[str, ...]], answer: Answer) -> dict[str, _Pair]:
    """The services that slots name and that can be shown with their CPTS."""
    ids = {id_ for some in named for id_ in some}
    if not ids:
        return {}
    found = aggregation.named(desk.reader.next(), {"HealthcareService": sorted(ids)})
    owners = sorted({directory.service_owner(body) for body in found.values()} - {""})
    texts = aggregation.named(desk.reader.next(), {"Organization": owners})
    pairs = ((id_, _pair(id_, body, texts, answer)) for (_, id_), body in found.items())
    return {id_: pair for id_, pair in pairs if pair is not None}


def _pair(id_: str, body: str, texts: Texts, answer: Answer) -> _Pair | None:
    service = answer.fit("HealthcareService", id_, directory.service(body))
    owner = directory.service_owner(body)
    text = texts.get(("Organization", owner))
    cpts = None if text is None else answer.fit("Organization", owner, directory.organization(text))
    return None if service is None or cpts is None else (service, cpts)
