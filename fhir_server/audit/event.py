"""One event of the audit trail, and the line of JSON that it is kept as: in a journal, and in the ledger.

It names ids, never a patient. Only a search may hold what somebody asked for by name: it is told as it was sent.
"""

from collections.abc import Sequence

import msgspec

from fhir_server.audit.patients import patients_in
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed, Written

#: Versions and patients that one event names; of more, it tells the number left out.
MOST_NAMED = 200
#: Characters of a search that are kept. Longer ones are refused before they are read.
_MOST_QUERY = 16_384
#: Characters of a request id or MSH-10.
_MOST_ID = 200


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What happened, when, by whom, to what. Its line is what the chain is made over: fields are only ever added."""

    #: Epoch milliseconds.
    at_ms: int
    #: Row of `audit.kinds`.
    kind: str
    #: HTTP status, or acknowledgement code.
    status: str
    #: Partner's client or feed; empty for somebody unknown.
    owner: str = ""
    #: National id of the professional for whom the client acted.
    user: str = ""
    #: `jti` of the access token.
    token_id: str = ""
    #: X-Request-Id, or MSH-10.
    request_id: str = ""
    address: str = ""
    #: What was asked about; both empty for what concerns no single resource.
    type: str = ""
    id: str = ""
    name: str = ""
    query: str = ""
    #: `Type/id/_history/version` of each version written.
    written: tuple[str, ...] = ()
    #: Ids of the patients whose data was written or shown.
    patients: tuple[str, ...] = ()
    #: Versions and patients beyond MOST_NAMED.
    left_out: int = 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as one line, without the end of line."""
    return _encoder.encode(event)


def decode(line: bytes | str) -> Event:
    """The event of a line. Raises ValueError for what is no event."""
    return _decoder.decode(line)


def event_of(deed: Deed, actor: Actor | None, at_ms: int, request_id: str, written: Sequence[Written] = ()) -> Event:
    """What a deed is told as. `actor` is None for somebody unknown."""
    named = dict.fromkeys(one.reference for one in written)
    persons = dict.fromkeys(deed.patients)
    for one in written:
        persons |= dict.fromkeys(patients_in(one.body))
    return Event(
        at_ms,
        deed.kind,
        deed.status,
        deed.party or (actor.client if actor else ""),
        actor.user if actor else "",
        actor.token_id if actor else "",
        _plain(request_id),
        deed.address,
        deed.type,
        deed.id,
        deed.name,
        deed.query[:_MOST_QUERY],
        tuple(named)[:MOST_NAMED],
        tuple(persons)[:MOST_NAMED],
        max(0, len(named) - MOST_NAMED) + max(0, len(persons) - MOST_NAMED),
    )


def _plain(text: str) -> str:
    """What a control id has that can be printed: senders write there what they like."""
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:_MOST_ID]


def references(event: Event) -> set[str]:
    """`Type/id` of all that an event is about, for its index."""
    found = {one.partition("/_history/")[0] for one in event.written}
    found |= {f"Patient/{one}" for one in event.patients}
    return found | {f"{event.type}/{event.id}"} if event.id else found
