"""From the store to counts: each kind of resource in turn, as it stood at the period's moment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from fhir_server.figures import facts
from fhir_server.figures.basis import Basis
from fhir_server.figures.period import Period
from fhir_server.figures.tally import Counts, Tally
from fhir_server.kernel import json
from fhir_server.scheduling.regulation import is_taken_through_sas
from fhir_server.storage import figures as stored
from fhir_server.storage.figures import Standing

#: Resources that are looked at together: what they refer to is read for all of them at once.
_AT_ONCE = 200
#: Where messages of a feed come from, as `meta.source` says it.
_FEED = "urn:creneau:feed:"
#: Type of the messages that refer somebody; others that make a request only name or order something.
_REFERRAL = "REF"
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """One count of one period, over one view of the store."""

    connection: Connection
    period: Period
    basis: Basis

    def counts(self) -> Counts:
        """All cells of the period."""
        tally = Tally()
        self._slots(tally)
        for some in _batches(self._planned("Appointment")):
            self._appointments(tally, some)
        answers = self._answers()
        referred = stored.received(self.connection, "ServiceRequest", *self._span)
        for pairs in _batches(referred):
            self._requests(tally, pairs, answers)
        return tally.counts()

    @property
    def _span(self) -> tuple[int, int, int]:
        return self.period.low_ms, self.period.high_ms, self.period.as_of_ms

    def _planned(self, type_name: str) -> Iterator[tuple[Standing, dict[str, Any]]]:
        """Those that start in the period, each with its content."""
        low, high, _ = self._span
        for row in stored.planned(self.connection, type_name, *self._span):
            content = _content(row)
            start = facts.start_of(content)
            if start is not None and low <= start < high:
                yield row, content

    def _slots(self, tally: Tally) -> None:
        for row, slot in self._planned("Slot"):
            start = facts.start_of(slot)
            if slot["status"] in facts.OFFERED and start is not None:
                tally.slot(row.id, slot["status"], start, facts.capacity(slot))

    def _appointments(self, tally: Tally, some: Sequence[tuple[Standing, dict[str, Any]]]) -> None:
        standing = [(row, content) for row, content in some if content["status"] in facts.STANDING]
        cancelled = [row.id for row, one in some if one["status"] == "cancelled" and not facts.has_lapsed(one)]
        for _ in stored.ever_booked(self.connection, cancelled, self.period.as_of_ms):
            tally.cancellation()
        around = self._around([content for _, content in standing])
        for row, content in standing:
            self._appointment(tally, row, content, around)

    def _appointment(self, tally: Tally, row: Standing, content: dict[str, Any], around: "_Around") -> None:
        asked = [around.requests[id_] for id_ in facts.requests_of(content) if id_ in around.requests]
        request = _content(asked[0]) if asked else None
        patient = around.patients.get(facts.patient_of(content) or "")
        slots = facts.slots_of(content)
        tally.seats(slots)
        tally.appointment(
            "sas" if is_taken_through_sas(content) else self.basis.origin(asked[0].owner if asked else row.owner),
            is_missed=content["status"] == "noshow",
            has_doctor=facts.has_doctor(patient, request),
            is_inside=facts.is_inside(patient, self.basis.territory),
            is_remote=_is_remote(content, [around.slots[id_] for id_ in slots if id_ in around.slots]),
        )

    def _around(self, appointments: Sequence[dict[str, Any]]) -> "_Around":
        """What appointments refer to, as it stood."""
        untold = [content for content in appointments if facts.is_remote(content) is None]
        patients = self._of_ids("Patient", filter(None, map(facts.patient_of, appointments)))
        return _Around(
            self._of_ids("ServiceRequest", (id_ for content in appointments for id_ in facts.requests_of(content))),
            {id_: _content(row) for id_, row in patients.items()},
            {
                id_: _content(row)
                for id_, row in self._of_ids("Slot", (id_ for one in untold for id_ in facts.slots_of(one))).items()
            },
        )

    def _of_ids(self, type_name: str, ids: Iterable[str]) -> dict[str, Standing]:
        return stored.of_ids(self.connection, type_name, list(ids), self.period.as_of_ms)

    def _answers(self) -> dict[str, int]:
        """By request, when the earliest appointment that answers it starts.

        What answers a request of the period was written after it, so since the period began.
        """
        found: dict[str, int] = {}
        for row in stored.written(self.connection, "Appointment", self.period.low_ms, self.period.as_of_ms):
            # Most answer none: a look at the text saves reading it.
            if "ServiceRequest/" not in row.body:
                continue
            content = _content(row)
            start = facts.start_of(content)
            if content["status"] in facts.STANDING and start is not None:
                for id_ in facts.requests_of(content):
                    found[id_] = min(start, found.get(id_, start))
        return found

    def _requests(self, tally: Tally, some: Sequence[tuple[Standing, str]], answers: dict[str, int]) -> None:
        messages = {row.id: _message(first) for row, first in some}
        types = stored.message_types(self.connection, [key for key in messages.values() if key])
        for row, _ in some:
            request, message = _content(row), messages[row.id]
            # An order that a message only names, or one to a department, asks nothing of the territory.
            is_other = message is not None and not types.get(message, _REFERRAL).startswith(_REFERRAL)
            if is_other or request["status"] == "entered-in-error":
                continue
            tally.request(
                facts.asked_at(request, row.first_ms),
                self.basis.origin(row.owner),
                is_closed=request["status"] in facts.CLOSED,
                answered_ms=answers.get(row.id),
            )


@dataclass(frozen=True, slots=True)
class _Around:
    """What some appointments refer to, by id."""

    requests: dict[str, Standing]
    patients: dict[str, dict[str, Any]]
    slots: dict[str, dict[str, Any]]


def _is_remote(appointment: dict[str, Any], slots: Sequence[dict[str, Any]]) -> bool:
    """As it says itself, else as one of its slots does."""
    told = facts.is_remote(appointment)
    return told if told is not None else any(facts.is_remote(slot) for slot in slots)


def _message(first_body: str) -> tuple[str, str] | None:
    """Feed and control id of the message that made it; None for what no feed made."""
    source = json.load(first_body.encode()).get("meta", _NOTHING).get("source", "")
    if not source.startswith(_FEED):
        return None
    feed, _, control = source.removeprefix(_FEED).partition("#")
    return feed, unquote(control)


def _content(row: Standing) -> dict[str, Any]:
    content: dict[str, Any] = json.load(row.body.encode())
    return content


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    found = iter(rows)
    while some := list(islice(found, _AT_ONCE)):
        yield some
