"""Slots, and the CPTS they belong to: HealthcareServices that lead to Organizations, both in the answer."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from fhir_server.sas import directory, slots
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.answer import Answer, Desk, Texts
from fhir_server.sas.codes import Shape
from fhir_server.sas.memory import Shaped
from fhir_server.sas.parts import Shown, Unfit
from fhir_server.sas.slots import StoredSlot
from fhir_server.storage import aggregation
from fhir_server.storage.aggregation import FoundSlot

#: A service with the CPTS that provides it.
_Pair = tuple[Shown, Shown]
#: Whether a slot must be shaped anew.
_Test = Callable[[Shaped | None], bool]
_GONE = Unfit("changed while the answer was made", "Slot")


def add_slots(
    desk: Desk, shape: Shape, rows: Sequence[FoundSlot], agendas: Mapping[str, Fallback], answer: Answer
) -> list[str]:
    """Add the slots of these agendas to the answer, with the CPTS they name; ids of the agendas that have any."""
    shaper = _Shaper(desk, shape, agendas)
    found = [shaper.remembered(row) for row in rows]
    shaper.renew(rows, found, lambda one: one is None, {})
    known: Mapping[str, _Pair] = {}
    if shape.has_services:
        known = _known(desk, {one.named for one in found if one is not None}, answer)
        # Shaped for the first time, or a CPTS came or went meanwhile.
        shaper.renew(rows, found, lambda one: one is not None and one.known != _those(one.named, known), known)
    used: dict[str, None] = {}
    for row, shaped in zip(rows, found, strict=True):
        one = _GONE if shaped is None else shaped.one
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

    def remembered(self, row: FoundSlot) -> Shaped | None:
        """A slot that was shaped before."""
        return self._desk.memory.get(self._key(row))

    def renew(
        self, rows: Sequence[FoundSlot], found: list[Shaped | None], is_wanted: _Test, known: Mapping[str, _Pair]
    ) -> None:
        """Read and shape the slots of those rows whose `found` is wanted anew, in place, and remember them.

        What changed since it was found is None.
        """
        places = [place for place, one in enumerate(found) if is_wanted(one)]
        if not places:
            return
        texts = aggregation.named(self._desk.reader.next(), {"Slot": [rows[place].id for place in places]})
        for place in places:
            row = rows[place]
            stored = slots.version(texts.get(("Slot", row.id), ""), row.version)
            found[place] = None
            if stored is not None:
                found[place] = shaped = self._shape_one(row, stored, known)
                self._desk.memory.put(self._key(row), shaped)

    def _shape_one(self, row: FoundSlot, stored: StoredSlot, known: Mapping[str, _Pair]) -> Shaped:
        agenda = self._agendas[row.schedule_id]
        named = stored.services(agenda)
        mine = _those(named, known)
        return Shaped(named, mine, slots.slot(stored, agenda, self._shape, mine, self._desk.address))

    def _key(self, row: FoundSlot) -> Hashable:
        """All that the shape of a slot follows from, but for the CPTS that are known."""
        return row[1:], self._agendas[row.schedule_id], self._shape, self._desk.address


def _those(named: tuple[str, ...], known: Mapping[str, _Pair]) -> tuple[str, ...]:
    return tuple(id_ for id_ in named if id_ in known) if named and known else ()


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
