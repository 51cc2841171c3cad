"""Who acts: the party in whose name a read or a change happens."""

from dataclasses import dataclass, field
from urllib.parse import quote

from fhir_server.kernel.audiences import EVERYONE
from fhir_server.kernel.deed import Deed


@dataclass(frozen=True, slots=True)
class Restriction:
    """Letters of `cruds` that a scope gives for those resources of a type alone that meet a search."""

    type: str
    letters: str
    #: Parameters of the search with their values, decoded: all must be met.
    pairs: tuple[tuple[str, str], ...]


#: Holds at once of a partner whose file does not say otherwise.
MAX_HOLDS = 20


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
    #: How many slots it may hold at once without having booked them.
    max_holds: int = MAX_HOLDS
    #: What narrows its scopes within a type, as long as no scope without a search gives the same letter.
    restrictions: tuple[Restriction, ...] = ()
    #: `jti` of the access token it came with, for audit; empty for feeds and the server itself.
    token_id: str = ""
    #: National id of the professional it acts for, as the identity provider told it; empty for systems.
    user: str = ""
    #: Sees the audit trail, and nothing else.
    is_auditor: bool = False
    #: Whether it may read national health identities (INS). The server's own work may.
    reads_ins: bool = True
    #: What is being done, for audit; None for what the server does by itself.
    deed: Deed | None = field(default=None, compare=False)

    #: The client that asks, where several of one organisation act in the name of one owner; empty: the owner itself.
    client_id: str = field(default="", kw_only=True)

    @property
    def client(self) -> str:
        """Who asks: its client id, or the feed or partner in whose name it acts."""
        return self.client_id or self.owner

    @property
    def source(self) -> str:
        """URI of the message or request, as `meta.source` names it: `urn:creneau:feed:hospital#4711`."""
        return f"urn:creneau:{self.origin}#{quote(self.request_id, safe='')}"

    @property
    def is_partner(self) -> bool:
        """Whether it is a partner's client that asks, over HTTP."""
        return self.origin == "fhir"

    @property
    def is_feed(self) -> bool:
        """Whether what it does was told by an HL7 v2 feed."""
        return self.origin.startswith("feed:")


#: The server acting for itself: loading a territory, freeing a slot whose hold lapsed.
SYSTEM = Actor(owner="system", is_territory=True, origin="system")
