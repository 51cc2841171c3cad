"""Senders that behave as a hospital's engine does: one message at a time, again and again until it is acknowledged."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapters.hl7v2.acknowledge import answers, read_acknowledgement
from adapters.mllp.client import Client
from fhir_server.kernel.errors import FhirError

#: The life of an appointment, trigger by trigger, and the hour it has after each.
LIFE = (("S12", 9), ("S13", 10), ("S14", 10), ("S15", 10))
_PAUSE = 0.05
_DAY = datetime(2099, 3, 3, tzinfo=UTC)


@dataclass
class Sender:
    """One connection's worth of appointments, each told through its whole life before the next."""

    number: int
    port: int
    stop: threading.Event
    #: Control ids answered AA, in order.
    acknowledged: list[str] = field(default_factory=list)
    #: What else was answered, by code.
    other: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Send until `stop`; the appointment under way is told to its end."""
        with Client("127.0.0.1", self.port, 10, answers=answers) as client:
            appointment = 0
            while not self.stop.is_set():
                appointment += 1
                for step, (trigger, hour) in enumerate(LIFE):
                    name = f"{self.number}-{appointment}"
                    self._deliver(client, f"{name}-{step}", message(name, step, trigger, hour))

    def _deliver(self, client: Client, control_id: str, octets: bytes) -> None:
        while True:
            try:
                answer = read_acknowledgement(client.send(octets))
            except FhirError:
                time.sleep(_PAUSE)
                continue
            if answer.is_accepted:
                self.acknowledged.append(control_id)
                return
            self.other[answer.code] += 1
            time.sleep(_PAUSE)


def message(name: str, step: int, trigger: str, hour: int) -> bytes:
    """An SIU about the appointment of that name."""
    when = (_DAY + timedelta(seconds=step)).strftime("%Y%m%d%H%M%S")
    start, end = f"20990304{hour:02}0000", f"20990304{hour:02}2000"
    header = (
        rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS|{when}||SIU^{trigger}^SIU_S12|{name}-{step}|P|2.5|||||FRA|UNICODE UTF-8"
    )
    schedule = f"SCH|P{name}^GAM|F{name}^GAM||||RDV||NORMAL|20|min|^^20^{start}^{end}|||||D^ESSAI||||D^ESSAI"
    person = f"PID|1||K{name}^^^CH-DEMO^PI||ESSAI^Numéro^^^^^L||19790328|F"
    return f"{header}\r{schedule}\r{person}\rRGS|1\rAIS|1||CS^Consultation\r".encode()
