"""The movements of a visit, each an extension of its Encounter, cancelled ones included.

A movement is what one ADT message says happened: an admission, a transfer, a discharge. It keeps the identifier its
sender gave it (ZBE-1 of IHE PAM France), so that a correction or a cancellation finds it whenever it comes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import dates

Json = dict[str, Any]

#: Complex extension of Encounter: one movement.
MOVEMENT = "urn:creneau:StructureDefinition:encounter-movement"
CANCEL = "CANCEL"
#: Which of two words on one movement stands when both were said at the same time.
_RANKS = {"INSERT": 0, "UPDATE": 1, CANCEL: 2}


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as its sender last told it."""

    id: str
    #: HL7 event that says what it is: `A02`. Of a correction the event corrected (ZBE-6).
    event: str
    #: INSERT, UPDATE or CANCEL (ZBE-4); empty from senders who go by the event alone.
    action: str
    #: dateTime at which it took place.
    start: str
    #: When it was recorded, in epoch milliseconds.
    recorded_ms: int
    #: Coding; None when the message names no class.
    kind: Json | None
    #: References: where the patient went, where from, the attending doctor.
    place: Json | None
    prior: Json | None
    attending: Json | None
    #: dateTimes of admission and discharge that the message repeats (PV1-44, PV1-45).
    admitted: str
    discharged: str

    @property
    def start_ms(self) -> int:
        """Its first millisecond."""
        return dates.interval(self.start).low


def is_movement(extension: Mapping[str, Any]) -> bool:
    """Whether an extension of an Encounter is a movement."""
    return extension.get("url") == MOVEMENT


def key(extension: Mapping[str, Any]) -> str:
    """What tells an extension from others: its URL, of a movement its identifier too."""
    url = str(extension.get("url"))
    return f"{url}|{_members(extension).get('id')}" if is_movement(extension) else url


def rank(extension: Mapping[str, Any]) -> int:
    """Of two words at the same time on one movement the one of the higher rank stands: a cancellation is last."""
    return _RANKS.get(_members(extension).get("action", ""), 0)


def movements(encounter: Mapping[str, Any]) -> list[Movement]:
    """The movements of an Encounter, in the order in which they stand; what lacks its time or event is none."""
    found = (_members(one) for one in encounter.get("extension", ()) if is_movement(one))
    return [_movement(members) for members in found if _low(members.get("start")) and {"id", "event"} <= members.keys()]


def in_order(extensions: Iterable[Json]) -> list[Json]:
    """Extensions of an Encounter with its movements last, by time."""
    extensions = list(extensions)
    told = sorted(filter(is_movement, extensions), key=lambda one: (_low(_members(one).get("start")) or 0, key(one)))
    return [one for one in extensions if not is_movement(one)] + told


def _movement(members: Mapping[str, Any]) -> Movement:
    return Movement(
        id=members["id"],
        event=members["event"],
        action=members.get("action", ""),
        start=members["start"],
        recorded_ms=_low(members.get("recorded")) or _low(members["start"]) or 0,
        kind=members.get("class"),
        place=members.get("place"),
        prior=members.get("prior"),
        attending=members.get("attending"),
        admitted=members.get("admitted", ""),
        discharged=members.get("discharged", ""),
    )


def _low(text: str | None) -> int | None:
    """The first millisecond of a dateTime; None when it cannot be read: extensions hold what their writer likes."""
    try:
        return dates.interval(text).low if text else None
    except ValueError:
        return None


def _members(extension: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a complex extension by the names of its parts."""
    return {
        part["url"]: next((value for name, value in part.items() if name.startswith("value")), None)
        for part in extension.get("extension", ())
    }
