"""ADT messages of a hospital about one invented patient, and what is in the store after them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel import json
from fhir_server.storage.tables import resource

AUTHORITY = "CH-DEMO"
IPP = "000777"
NAME = "ESSAI^Camille^^^^^L"
#: Test identity (never a real one): authority, with and without number.
INS_AUTHORITY = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"
INS = f"279036322012369^^^{INS_AUTHORITY}"


@dataclass(frozen=True, slots=True)
class Told:
    """One ADT message; times are `YYYYMMDDHHMMSS` without offset."""

    event: str
    #: EVN-2.
    recorded: str
    #: EVN-6.
    occurred: str = ""
    ipp: str = IPP
    name: str = NAME
    #: Further repetitions of PID-3, with their `~`.
    numbers: str = ""
    #: PID-32.
    status: str = "VALI"
    visit: str = "V1"
    #: PID-18.
    account: str = ""
    kind: str = "I"
    place: str = ""
    prior: str = ""
    doctor: str = ""
    admitted: str = ""
    discharged: str = ""
    #: Movement: ZBE-1, ZBE-2, ZBE-4, ZBE-5, ZBE-6.
    zbe: tuple[str, str, str, str, str] | None = None
    #: Segments between PID and PV1, and after ZBE.
    middle: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    planned: str = ""
    control_id: str = ""

    def segments(self) -> list[str]:
        """What follows MSH."""
        pv1 = {2: self.kind, 3: self.place, 6: self.prior, 7: self.doctor, 19: f"{self.visit}^^^{AUTHORITY}^VN"}
        pv1 |= {44: self.admitted, 45: self.discharged}
        segments = [fields("EVN", {2: self.recorded, 3: self.planned, 6: self.occurred}), *self.person(), *self.middle]
        if self.visit:
            segments.append(fields("PV1", {1: "1", **pv1}))
        if self.zbe:
            number, start, action, historic, original = self.zbe
            segments.append(fields("ZBE", {1: number, 2: start, 4: action, 5: historic, 6: original, 9: "HMS"}))
        return [*segments, *self.rest]

    def person(self) -> list[str]:
        """The PID segment."""
        pid = {3: f"{self.ipp}^^^{AUTHORITY}^PI{self.numbers}", 5: self.name, 7: "19790328", 8: "F", 32: self.status}
        pid |= {18: f"{self.account}^^^{AUTHORITY}^AN"} if self.account else {}
        return [fields("PID", {1: "1", **pid})]

    def octets(self) -> bytes:
        """The message."""
        control_id = self.control_id or f"{self.event}{self.recorded}{self.zbe[2] if self.zbe else ''}"
        header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|{self.recorded}||ADT^{self.event}|{control_id}|P|2.5"
        return ("\r".join([header + "|||||FRA|UNICODE UTF-8", *self.segments()]) + "\r").encode()


def fields(name: str, values: dict[int, str]) -> str:
    """A segment of its fields by number."""
    last = max((number for number, value in values.items() if value), default=0)
    return "|".join([name, *(values.get(number, "") for number in range(1, last + 1))])


def movement(event: str, recorded: str, number: str, start: str = "", **named: Any) -> Told:
    """A message of IHE PAM France that inserts a movement."""
    action, historic, original = (named.pop(name, "") for name in ("action", "historic", "original"))
    zbe = (f"{number}^{AUTHORITY}", start or recorded, action or "INSERT", historic or "N", original)
    return Told(event, recorded, start or recorded, zbe=zbe, **named)


def tell(house: House, *messages: Told, feed: str = "hospital") -> list[Acknowledgement]:
    """Receive them in this order; their answers."""
    receiver: Receiver = house.receiver(feed)
    return [read_acknowledgement(receiver.receive(message.octets())) for message in messages]


def stored(house: House, type_name: str) -> list[dict[str, Any]]:
    """The resources of a type, oldest first."""
    query = select(resource.c.body).where(resource.c.type == type_name, ~resource.c.deleted).order_by(resource.c.pk)
    return [json.load(body.encode()) for body in house.services.store.read().execute(query).scalars()]


def only(house: House, type_name: str) -> dict[str, Any]:
    """The one resource of a type."""
    (found,) = stored(house, type_name)
    return found
