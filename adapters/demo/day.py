"""The day under way: who takes part, what time it is, and what one step leaves for the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from adapters.demo import templates
from adapters.demo.fhir_client import Answer, FhirClient
from adapters.demo.journal import Journal, StepCutShortError
from adapters.demo.listener import Listener
from adapters.demo.person import Person
from adapters.hl7v2.acknowledge import answers
from adapters.hl7v2.parse import parse
from adapters.mllp.client import Client

#: Secret of every demonstration partner; the server refuses it outside the demonstration.
SECRET = "creneau-demo"
#: Seconds to wait for an acknowledgement.
_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the running server listens."""

    fhir_url: str
    token_url: str
    #: MLLP ports of the server's two feeds.
    hospital_port: int
    samu_port: int
    host: str = "127.0.0.1"

    def partner(self, client_id: str) -> FhirClient:
        """A client of the demonstration that speaks as that partner."""
        return FhirClient(self.fhir_url, self.token_url, client_id, SECRET)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message and its answer, as bytes."""

    message: bytes
    answer: bytes

    def get(self, location: str) -> str:
        """The text at a location of the answer, `MSA-1`; empty when absent."""
        return parse(self.answer).get(location) or ""


@dataclass(slots=True)
class Day:
    """What the steps share."""

    endpoints: Endpoints
    journal: Journal
    listener: Listener
    #: The present when the day began, in the territory's zone.
    now: datetime
    #: Part of every identifier of this run, so that the day can be lived again on the same database.
    run: str
    hospital_patient: Person
    caller: Person
    rival_patient: Person
    coordinator: FhirClient
    vendor: FhirClient
    rival: FhirClient
    #: The hospital's two appointments as they were last sent, by number: a step repeats or moves them.
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    #: The SAMU's ServiceRequest, and the Appointment that answered it.
    request: dict[str, Any] | None = None
    booking: dict[str, Any] | None = None
    #: The Appointment that a vendor holds and never books.
    held: dict[str, Any] | None = None
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def send(self, port: int, template: str, **values: str) -> Exchange:
        """Fill a template, send it over MLLP and show both sides."""
        message = templates.render(template, now=f"{self.now:%Y%m%d%H%M%S}", control_id=self.control_id(), **values)
        return self.send_again(port, message)

    def send_again(self, port: int, message: bytes) -> Exchange:
        """Send these very bytes over MLLP and show both sides."""
        self.journal.sent(f"to {self.endpoints.host}:{port}", *templates.lines(message))
        with Client(self.endpoints.host, port, _TIMEOUT, answers=answers) as connection:
            answer = connection.send(message)
        self.journal.answered(*templates.lines(answer))
        return Exchange(message, answer)

    def control_id(self) -> str:
        """An MSH-10 never used before."""
        return f"D{self.run}{next(self._numbers):02d}"

    def only(self, type_name: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """The one resource that the coordinator finds; the step is cut short when there is none, or more than one."""
        found = self.coordinator.search(type_name, pairs)
        if len(found.entries) != 1:
            query = "&".join(f"{name}={value}" for name, value in pairs)
            raise StepCutShortError(
                f"{type_name}?{query} should find one resource; it finds {len(found.entries)} (HTTP {found.status})"
            )
        return found.entries[0]

    def show_request(self, client: FhirClient, answer: Answer, *lines: str) -> None:
        """Show an HTTP request and the status it got."""
        self.journal.sent(f"as {client.client_id}", *lines)
        self.journal.answered(f"HTTP {answer.status}{_explain(answer)}")


def _explain(answer: Answer) -> str:
    issues = answer.content.get("issue", [])
    texts = [f"{issue['severity']} {issue['code']}: {issue.get('diagnostics', '')}" for issue in issues]
    return " OperationOutcome " + "; ".join(texts) if texts else ""
