"""Who acts: the party in whose name a read or a change happens."""

from dataclasses import dataclass
from urllib.parse import quote

from fhir_server.kernel.audiences import EVERYONE


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
    #: Codes of R314 (`kernel.audiences`) that it is of: slots meant for none of them are not there for it.
    audiences: frozenset[str] = EVERYONE
    #: Holders in whose name it takes slots that are kept: `samu`.
    direct_access: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        """URI of the message or request, as `meta.source` names it: `urn:creneau:feed:hospital#4711`."""
        return f"urn:creneau:{self.origin}#{quote(self.request_id, safe='')}"

    @property
    def is_feed(self) -> bool:
        """Whether what it does was told by an HL7 v2 feed."""
        return self.origin.startswith("feed:")


#: The server acting for itself: loading a territory, freeing a slot whose hold lapsed.
SYSTEM = Actor(owner="system", is_territory=True, origin="system")
