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
    #: A condition under which it may be absent.
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Editing:
    """A list that messages may change item by item: `by` is the field of a segment that says what to do with its items.

    Its codes are those of HL7 table 0206. Items marked as deleted never take part; the others are changes of single
    items for `triggers`, and the whole list for any other.
    """

    element: str
    by: str
    triggers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Request:
    """What a message wants the server to decide about the resource."""

    #: By trigger (`*`: all): `book`, `move`, `search`.
    action: Mapping[str, str]
    #: Fields: preferences (SCV), limit (CQ), where to go on (ST), what is asked for (CE) with its code table.
    preferences: str = ""
    #: Fields (SCV) whose values name resources and places: of each field one must have the agenda.
    selections: str = ""
    limit: str = ""
    pointer: str = ""
    statuses: str = ""
    codes: str = ""


@dataclass(frozen=True, slots=True)
class ReadAs:
    """Messages of these triggers that are read as if they had another, when `when` holds."""

    triggers: frozenset[str]
    when: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a message of these triggers (none: all) may ask for and we do not do."""

    triggers: frozenset[str]
    #: A field that must not differ between the segments of its name, or else a condition.
    several: str
    when: str
    #: Where it stands, and what is told to the sender.
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Replacing:
    """What the records of a file take the place of."""

    #: A condition under which the message is the whole file, which takes the place of the last one of its name.
    whole: str
    #: Field that names the file, and field of a part that is the number of its record.
    file: str
    record: str
    #: A condition under which a record is withdrawn, with all that only it tells.
    gone: str


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
    #: Without any key: `refuse` the message, `skip` this resource (`warn`: and say so). By trigger (`*`: all others).
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
    #: A condition under which it is not made.
    unless: str = ""
    #: By trigger of `refuse_unseen` (`*`: all): elements that let it make the resource all the same.
    shell: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Whether each element keeps its own time (mode `merge`): the later word wins in whatever order messages come.
    by_element: bool = False
    #: Identifier types of which a resource has one alone: another number, another resource.
    distinct: tuple[str, ...] = ()
    #: Whether it is written to every resource its keys find (with `by_element`).
    everywhere: bool = False
    editing: tuple[Editing, ...] = ()
    request: Request | None = None
    #: Segments that begin the part of the message it is told by; none: the whole message tells it.
    within: tuple[str, ...] = ()
    #: Whether what is not known is left alone.
    only_known: bool = False
    #: What those become that a whole file, or with `each` their record, does not name any more; nothing: they stay.
    replaced: Elements = field(default_factory=dict)


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
    #: Segments of which one that stands several times begins each group of the message: a pair of identities to merge.
    groups: tuple[str, ...] = ()
    read_as: tuple[ReadAs, ...] = ()
    replacing: Replacing | None = None
    refuse: tuple[Refusal, ...] = ()


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
    #: Type of the resource, referred to by the focus, that holds `each`; empty: the focus itself.
    of: str = ""
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
    #: Elements of resources referred to whose own references are told of too: `Schedule.actor`.
    follow: tuple[str, ...] = ()


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
    #: Resources of the inbound plan that the answer tells of, and their type; empty: of none.
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
