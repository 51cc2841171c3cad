"""What the mapping must know of a feed: its names, its clock and how its identifiers are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fixer:
    """One use of a function of `adapters.mapping.fixers`."""

    #: Its name: `insert`.
    do: str
    #: The field it acts on: `SCH-8`.
    at: str
    #: The field it moves to, if it moves one.
    to: str = ""
    #: A condition on each segment, as in the tables; empty: every segment of the name.
    when: str = ""


@dataclass(frozen=True, eq=False)
class FeedMapping:
    """The part of a feed's settings that the mapping reads."""

    name: str
    #: IANA zone of times without offset, in both directions.
    zone: str = "Europe/Paris"
    #: HL7 table 0211 code of what is sent: `8859/15`, `UNICODE UTF-8`.
    charset: str = "8859/15"
    #: Who we are in MSH-3 and MSH-4 of what we send. An identifier under this authority is one of our own ids.
    application: str = "CRENEAU"
    facility: str = ""
    #: Assigning authority (HD.1 or HD.2; `HD.1^PI` for one identifier type alone) to identifier system URI.
    namespaces: Mapping[str, str] = field(default_factory=dict)
    #: Whether its ADT messages may change the demographics of patients already known.
    is_identity_source: bool = False
    #: Types of message whose unknown events are taken without effect (IHE PAM France: `ADT`).
    accepts_unknown_events: frozenset[str] = frozenset()
    #: Types of message that it wants answered by a plain ACK, whatever answer of their own they have (`ORM`).
    plain_answers: frozenset[str] = frozenset()
    #: Who an outbound message is for: MSH-5 and MSH-6.
    receiving_application: str = ""
    receiving_facility: str = ""
    #: Version of HL7 that what is sent is written in (MSH-12); empty: the plan's.
    version: str = ""
    #: Whether times that are sent carry their offset.
    with_offset: bool = False
    #: What puts its messages right before they are mapped, in order.
    fixers: tuple[Fixer, ...] = ()
