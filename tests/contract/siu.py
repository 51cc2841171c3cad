"""A hospital and the agenda of one of its doctors, for tests of appointment messages."""

from typing import Any

from sqlalchemy import select

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.service import House
from fhir_server.interactions import update
from fhir_server.interactions.read import read
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.scheduling.agendas import is_told
from fhir_server.storage.tables import resource
from tests import builders

RPPS = "10100000011"
DOCTOR = f"{RPPS}^EXEMPLE^Anne^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS"
OTHER = "10100000029^MODELE^Yves^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS"
PID = "PID|1||000777^^^CH-DEMO^PI||ESSAI^Camille^^^^^L||19790328|F"
#: Every test is on this day, the day after the standing clock's.
DAY = "20990303"


def at(clock: str) -> str:
    """`09:15` of the day as FHIR writes it."""
    return f"2099-03-03T{clock}:00+01:00"


def sch(start: str = "0900", end: str = "0920", number: str = "F1", status: str = "", **fields: str) -> str:
    """An SCH of one appointment; `fields` by number: `f6="CONGES"`."""
    values = {1: f"P{number}^GAM", 2: f"{number}^GAM", 25: status}
    if start:
        values[11] = f"^^^{DAY}{start}00^{DAY}{end}00"
    values |= {int(name[1:]): value for name, value in fields.items()}
    return "|".join(["SCH", *(values.get(index, "") for index in range(1, 28))])


class Desk:
    """Sends a hospital's messages, and looks at what became of them."""

    def __init__(self, house: House, feed: str = "hospital", sent: int = 0) -> None:
        self.house = house
        self.receiver = house.receiver(feed)
        self.sent = sent

    def raw(
        self, event: str, *segments: str, minute: int | None = None, kind: str = "SIU", structure: str = "SIU_S12"
    ) -> bytes:
        """Send a message as of that minute (the next one); its answer."""
        self.sent += 1
        when = f"202603020{8 + (minute or self.sent) // 60}{(minute or self.sent) % 60:02d}00"
        kinds = f"{kind}^{event}^{structure}|M{self.sent}|P|2.5|||||FRA|UNICODE UTF-8"
        header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|{when}||{kinds}"
        return self.receiver.receive("\r".join([header, *segments, ""]).encode())

    def send(self, event: str, *segments: str, minute: int | None = None) -> Acknowledgement:
        """As `raw`, the acknowledgement read."""
        return read_acknowledgement(self.raw(event, *segments, minute=minute))

    def book(self, event: str, *sch_and_more: str, minute: int | None = None, doctor: str = DOCTOR) -> Acknowledgement:
        """An appointment of the patient with the doctor."""
        return self.send(event, *sch_and_more, PID, "RGS|1", f"AIP|1||{doctor}", minute=minute)

    def current(self, type_name: str) -> list[dict[str, Any]]:
        """All resources of a type, oldest first."""
        query = select(resource.c.body).where(resource.c.type == type_name, ~resource.c.deleted).order_by(resource.c.pk)
        return [json.load(body.encode()) for body in self.house.services.store.read().execute(query).scalars()]

    def appointment(self, number: str = "F1") -> dict[str, Any]:
        """The appointment of that filler number."""
        return next(
            one for one in self.current("Appointment") if any(i["value"] == number for i in one.get("identifier", ()))
        )

    def publish(self, slot_id: str, start: str, end: str, schedule: str = "doctor", **elements: Any) -> None:
        """A free slot in the agenda."""
        content = builders.slot(
            schedule={"reference": f"Schedule/{schedule}"}, start=at(start), end=at(end), **elements
        )
        self.house.services.store.transact(SYSTEM, lambda uow: update.put(uow, "Slot", slot_id, dict(content)))

    def slots(self) -> dict[str, str]:
        """Status of the published slots by id."""
        return {one["id"]: one["status"] for one in self.current("Slot") if not is_told(one)}

    def slot(self, slot_id: str) -> dict[str, Any]:
        """One slot."""
        return read(self.house.services.store, SYSTEM, "Slot", slot_id).content()


def open_agenda(desk: Desk, name: str = "doctor", doctor_rpps: str = RPPS) -> None:
    """A doctor known by RPPS, with an agenda `name`."""
    system = "https://rpps.esante.gouv.fr"
    person = {
        "resourceType": "Practitioner",
        "identifier": [{"system": system, "value": doctor_rpps}],
        "name": [{"family": "EXEMPLE"}],
    }
    store = desk.house.services.store
    store.transact(SYSTEM, lambda uow: update.put(uow, "Practitioner", f"{name}-person", dict(person)))
    agenda = builders.schedule(
        actor=[{"reference": f"Practitioner/{name}-person"}],
        identifier=[{"system": "urn:oid:1.2.250.1.999.1", "value": f"AGENDA-{name}"}],
    )
    store.transact(SYSTEM, lambda uow: update.put(uow, "Schedule", name, dict(agenda)))
