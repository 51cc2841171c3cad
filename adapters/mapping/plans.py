"""The rows of the mapping tables, as read: message plans, segment rows, code tables. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Elements = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a segment table: what is read, by which cell, into what."""

    key: str
    #: Inbound HL7 paths (`SCH-11.4`), a resource of the plan (`@patient`) or a `'literal'`; outbound an element path.
    source: str
    #: Inbound an element path (`participant[].status`); outbound an HL7 path (`SCH-11.4`).
    target: str
    #: Name of the cell, with an argument after a colon: `entity_identifier:FILL`.
    cell: str
    codes: tuple[str, ...]
    when: str
    note: str
    #: Where it stands, for errors: `inbound/SCH_Appointment.csv:start`.
    origin: str


@dataclass(frozen=True, slots=True)
class RowTable:
    """A segment table, named for both its sides: `SCH_Appointment` inbound, `Appointment_SCH` outbound."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Coding:
    """A target of a code table. An empty code means known, with nothing to say on the other side."""

    code: str
    system: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One line of a code table. `direction` is `in`, `out` or `both`."""

    source: str
    target: Coding
    direction: str
    note: str
    origin: str


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A code table with its lookups: `inward` by folded v2 code, `outward` by FHIR code."""

    name: str
    source_system: str
    target_system: str
    rows: tuple[CodeRow, ...]
    inward: Mapping[str, Coding]
    outward: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Required:
    """An element that a message must give, where its absence is reported, and for which triggers (none: all)."""

    element: str
    at: str
    triggers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Keep:
    """An element that only goes into a new resource when `when` holds: the message does not tell all of it."""

    element: str
    when: str
    triggers: frozenset[str]


@dataclass(frozen=True, slots=True)
class ResourcePlan:
    """One kind of resource that a message makes."""

    name: str
    type: str
    tables: tuple[str, ...]
    #: Segment that makes one resource each time it stands in the message; empty: one resource for the message.
    each: str
    when: str
    triggers: frozenset[str]
    #: Identifier type codes (`FILL`), `untyped` or `any`, in the order in which they are tried.
    keys: tuple[str, ...]
    #: HL7 field of the key, for errors: `SCH-2`.
    key_at: str
    #: Without any key: `refuse` the message, `skip` this resource. By trigger (`*`: all others).
    unkeyed: Mapping[str, str]
    mode: str
    #: The mode when the feed is no identity source.
    mode_elsewhere: str
    #: Triggers that never make the resource: an unseen key is an error.
    refuse_unseen: frozenset[str]
    #: Elements by trigger (`*`: all) that no row gave: always written, or only into a new resource.
    defaults: Mapping[str, Elements]
    initial: Mapping[str, Elements]
    required: tuple[Required, ...]
    #: Elements that stand or fall together.
    together: tuple[tuple[str, ...], ...]
    keep: tuple[Keep, ...]


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """What one family of messages makes."""

    origin: str
    triggers: frozenset[str]
    version: str
    #: Fields that say when it happened, first valued wins.
    at: tuple[str, ...]
    #: Segments that may stand only once.
    once: tuple[str, ...]
    resources: tuple[ResourcePlan, ...]


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """One segment of an outbound message, in order of writing."""

    name: str
    table: str
    #: Element of the focus that makes one segment for each item; empty: one segment.
    each: str
    #: Element of the item that refers to another resource, and the type it must have; empty: no reference.
    reference: str
    type: str
    when: str
    #: In answers: segment of the message answered that makes one each; without a table it is copied.
    request: str = ""
    #: In answers: stands in one that refuses, too.
    is_always: bool = False


@dataclass(frozen=True, eq=False)
class OutboundPlan:
    """How events about one type of resource become messages."""

    origin: str
    #: Event to trigger: `appointment-booked` -> `SIU^S12`.
    events: Mapping[str, str]
    structure: str
    version: str
    focus: str
    segments: tuple[SegmentPlan, ...]


@dataclass(frozen=True, eq=False)
class AnswerPlan:
    """What an answer holds behind MSH, MSA and ERR."""

    origin: str
    #: Inbound triggers it answers.
    triggers: frozenset[str]
    #: MSH-9 of the answer; without an event it is the one received.
    type: str
    event: str
    structure: str
    version: str
    #: Resource of the inbound plan that the answer tells of, and its type; empty: of none.
    of: str
    focus: str
    segments: tuple[SegmentPlan, ...]


@dataclass(frozen=True, eq=False)
class Tables:
    """All tables of a feed, base and overlays. Equal only to itself, so that compiled forms can be kept by it."""

    inbound: tuple[MessagePlan, ...]
    outbound: tuple[OutboundPlan, ...]
    answers: tuple[AnswerPlan, ...]
    rows: Mapping[str, RowTable]
    codes: Mapping[str, CodeTable]
    #: What did not fit while loading: overlay rows without base row, doubled keys.
    problems: tuple[str, ...] = field(default=())

    def plan(self, trigger: str) -> MessagePlan | None:
        """The plan of an inbound trigger (`SIU^S12`), or None when the feed's tables do not know it."""
        return next((plan for plan in self.inbound if trigger in plan.triggers), None)

    def outbound_plan(self, event: str) -> OutboundPlan | None:
        """The plan of an event (`appointment-booked`), or None."""
        return next((plan for plan in self.outbound if event in plan.events), None)

    def answer_plan(self, trigger: str) -> AnswerPlan | None:
        """How messages of an inbound trigger are answered, or None for a plain acknowledgement."""
        return next((plan for plan in self.answers if trigger in plan.triggers), None)
