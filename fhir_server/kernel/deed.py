"""What is asked of the server, as the audit will tell it: one request, one entry of a batch, one message."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Written(NamedTuple):
    """A version that a unit of work has made."""

    #: `Type/id/_history/version`.
    reference: str
    #: Its JSON text; of a deletion, that of the version before.
    body: str


@dataclass(slots=True)
class Notes:
    """What a unit of work has done so far."""

    written: list[Written] = field(default_factory=list)
    #: Whether the event that tells of it is stored: by a statement that was made anyway.
    is_told: bool = False


@dataclass(slots=True)
class Deed:
    """What one request, entry or message asks, and what became of it. Whoever acts carries it along (`Actor.deed`)."""

    #: Row of `audit.kinds`: `read`, `transaction`, `message-received`.
    kind: str
    #: What is asked about; both are empty for what concerns no single resource.
    type: str = ""
    id: str = ""
    #: Name of the operation, trigger of the message, event of the news.
    name: str = ""
    #: Search or condition as it was sent; empty without.
    query: str = ""
    #: Network address that it came from, or went to.
    address: str = ""
    #: HTTP status, or acknowledgement code of a message. What a transaction tells has none yet, but is done.
    status: str = "committed"
    #: Whose party the other side is, when that is not the actor.
    party: str = ""
    #: Ids of the patients whose data an answer holds.
    patients: tuple[str, ...] = ()
    #: Whether an event that tells of it is committed.
    is_kept: bool = False
    #: The entries of a batch, each of which is an event of its own.
    parts: list["Deed"] = field(default_factory=list)
