"""Who acts: the party in whose name a read or a change happens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A partner's client or a feed, as every service is told of it."""

    #: Partner or feed whose rows these are: `demo-vendor`, `feed:hospital`.
    owner: str
    #: Reads and writes every row of the territory (coordinators, feeds, the server itself), not only its own.
    is_territory: bool = False
    #: Channel a change came by, so that it is never sent back there: `feed:hospital`, `fhir`.
    origin: str = "fhir"
    #: X-Request-Id of the request or MSH-10 of the message, for logs and audit.
    request_id: str = ""


#: The server acting for itself: loading a territory, freeing a slot whose hold lapsed.
SYSTEM = Actor(owner="system", is_territory=True, origin="system")
