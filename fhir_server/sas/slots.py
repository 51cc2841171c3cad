"""A slot in the shapes of the guide, from its stored text: purely. `memory` keeps what was shaped."""

import re

import msgspec

from fhir_server.kernel import dates, json
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.codes import Shape
from fhir_server.sas.manner import Told, manner, services
from fhir_server.sas.parts import Shown, Unfit

#: An address to which a parameter can be added.
_ADDRESS = re.compile(r"https://[^\s/?#]+[^\s#]*(#\S*)?")
_NOTHING, _NO_CONCEPT = msgspec.Raw(b"[]"), msgspec.Raw(b"{}")


class Meta(msgspec.Struct):
    """What is read of a stored slot's meta."""

    versionId: str = ""  # noqa: N815 - the name is the standard's.
    security: msgspec.Raw = _NOTHING


class StoredSlot(msgspec.Struct):
    """What is read of a stored slot; what is alike in many stays text."""

    id: str
    start: str
    end: str
    meta: Meta
    comment: str = ""
    serviceType: msgspec.Raw = _NOTHING  # noqa: N815
    specialty: msgspec.Raw = _NOTHING
    appointmentType: msgspec.Raw = _NO_CONCEPT  # noqa: N815

    def services(self, agenda: Fallback) -> tuple[str, ...]:
        """Ids of the HealthcareServices that make it the CPTS's own."""
        return services(bytes(self.serviceType), agenda)

    @property
    def told(self) -> Told:
        """What it has in common with others."""
        return Told(
            bytes(self.meta.security), bytes(self.serviceType), bytes(self.specialty), bytes(self.appointmentType)
        )


_stored = msgspec.json.Decoder(StoredSlot)


def version(text: str, number: int) -> StoredSlot | None:
    """The stored slot; None when its text, which may be empty, is not of that version."""
    found = _stored.decode(text) if text else None
    return found if found is not None and found.meta.versionId == str(number) else None


def slot(stored: StoredSlot, agenda: Fallback, shape: Shape, known: tuple[str, ...], address: str) -> Shown | Unfit:
    """A slot as it is shown; `known` are those of its HealthcareServices that the answer holds.

    `address` is where it is booked unless it says so itself; `{id}` in it stands for the slot's id.
    """
    found = manner(stored.told, agenda, shape, known)
    if isinstance(found, Unfit):
        return found
    begin, end = dates.interval(stored.start).low, dates.interval(stored.end).low
    booked_at = _booked_at(stored, address)
    if begin >= end:
        return Unfit("does not end after it begins", "Slot.end")
    if not booked_at:
        return Unfit("has no https address where it is booked", "Slot.comment")
    start, stop = dates.to_instant(begin, agenda.zone), dates.to_instant(end, agenda.zone)
    # Ids and moments hold nothing that JSON escapes.
    text = (
        f'{{"resourceType":"Slot","id":"{stored.id}","meta":{found.meta},{found.elements},'
        f'"schedule":{{"reference":"Schedule/{agenda.schedule}"}},"status":"free","start":"{start}","end":"{stop}",'
        f'"comment":{json.encode(booked_at).decode()}}}'
    )
    return Shown(stored.id, text, found.services)


def _booked_at(stored: StoredSlot, template: str) -> str:
    """The address of the slot's own comment, or made of the template, with a query; empty without one.

    SAS adds a parameter of its own with `&`.
    """
    for text in (stored.comment.strip(), template.replace("{id}", stored.id)):
        match = _ADDRESS.fullmatch(text)
        if match and "?" in text:
            return text
        if match:
            before, mark, fragment = text.partition("#")
            return f"{before}?slot={stored.id}{mark}{fragment}"
    return ""
