"""A message to upserts: what the feed asks the server to make or change. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from adapters.hl7v2.datetime import fhir_datetime, parse_dtm
from adapters.hl7v2.encoding import CHARSET_MISMATCH, CHARSET_WORDS
from adapters.hl7v2.message import Message, Segment
from adapters.mapping import compiled, reading
from adapters.mapping.assemble import DELETED, Action, Draft, keys_of, upserts_of
from adapters.mapping.cell import Made, Scope
from adapters.mapping.elements import Items
from adapters.mapping.feed import FeedMapping
from adapters.mapping.namespaces import master_file
from adapters.mapping.parts import Part, cut, openers
from adapters.mapping.plans import ResourcePlan, Tables
from adapters.mapping.refusals import refuse
from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.kernel.upsert import Replaced, Upsert


@dataclass(frozen=True, slots=True)
class Translation:
    """What a message asks for, and what was odd in it without stopping it (issues of severity `warning`)."""

    upserts: list[Upsert]
    warnings: tuple[Issue, ...]
    #: Labels of what each resource of the plan became, in order.
    labels: Mapping[str, tuple[str, ...]]
    #: By label, the segment it was made of.
    leaders: Mapping[str, Segment] = field(default_factory=dict)
    #: What a file in full, which the message is, replaces.
    replaced: tuple[Replaced, ...] = ()


def to_fhir(message: Message, tables: Tables, feed: FeedMapping) -> list[Upsert]:
    """The upserts of a message, those referred to before those that refer where the plan says so.

    Raises FhirError: NOT_SUPPORTED_TYPE and EVENT_NOT_SUPPORTED for a type and a trigger without plan, REQUIRED for
    what the plan demands, and whatever a cell finds wrong; each with the HL7 location as expression.
    """
    return translate(message, tables, feed).upserts


def translate(message: Message, tables: Tables, feed: FeedMapping) -> Translation:
    """As `to_fhir`, with the warnings."""
    programme = programme_of(message, tables, feed)
    if programme is None:
        return _unplanned(tables, _trigger(message), feed)
    return Translator(programme, message, feed, charset_warnings(message)).translate()


def programme_of(message: Message, tables: Tables, feed: FeedMapping) -> compiled.Programme | None:
    """What is to be done with a message; None when no plan knows its trigger.

    Raises FhirError for what the plan refuses of a whole message.
    """
    programme = compiled.programme(tables, _trigger(message))
    if programme is None:
        return None
    programme = _as_read(programme, tables, message, feed)
    refuse(programme, message, feed)
    return programme


def _trigger(message: Message) -> str:
    # Cut: plans are remembered by it, and a sender may write anything there.
    return f"{message['MSH-9.1'] or ''}^{message['MSH-9.2'] or ''}"[:32]


def charset_warnings(message: Message) -> list[Issue]:
    """What is odd about the label of the message's character set; of a feed that labels nothing, nothing."""
    told = [code for code in message.warnings if code != CHARSET_MISMATCH or message["MSH-18"]]
    return [Issue(Category.VALUE, CHARSET_WORDS[code], "MSH^1^18", "warning") for code in told]


#: What makes a resource: a segment, its position in the message, the part of the message that tells it.
Instance = tuple[int, Segment, Part | None]


@dataclass(slots=True)
class Translator:
    """The translation of one message, resource by resource."""

    programme: compiled.Programme
    message: Message
    feed: FeedMapping
    warnings: list[Issue] = field(default_factory=list)
    made: dict[str, Made] = field(default_factory=dict)
    upserts: list[Upsert] = field(default_factory=list)
    #: Label of what stands for (type, system, value) in this message: one person named twice is one resource.
    known: dict[tuple[str, str, str], str] = field(default_factory=dict)
    read: dict[tuple[int, int], Any] = field(default_factory=dict)
    at_ms: int | None = None
    leaders: dict[str, Segment] = field(default_factory=dict)
    #: Parts of the message, by the segments that begin one.
    parts: dict[tuple[str, ...], list[Part]] = field(default_factory=dict)
    #: The segment that begins each of several groups; none when the message is one.
    groups: tuple[str, ...] = ()

    def translate(self) -> Translation:
        self.at_ms = self._at()
        self.groups = openers(self.programme.plan, self.message)
        for resource in self.programme.resources:
            if resource.plan.name in self.programme.forward:
                self.made[resource.plan.name] = [
                    (index, _label(resource, count)) for count, (index, _, _) in enumerate(self._instances(resource), 1)
                ]
        for resource in self.programme.resources:
            made: Made = []
            for count, (index, segment, part) in enumerate(self._instances(resource), 1):
                label = self.make(resource, segment, part, _label(resource, count))
                if label is not None:
                    made.append((index, label))
            self.made[resource.plan.name] = made
        labels = {name: tuple(dict.fromkeys([label for _, label in made])) for name, made in self.made.items() if made}
        return Translation(self.upserts, tuple(self.warnings), labels, self.leaders, tuple(self._replaced()))

    def _replaced(self) -> Iterator[Replaced]:
        """What the message takes the place of: of a whole file all, of a record all that it tells several of."""
        replacing = self.programme.replacing
        if replacing is None:
            return
        scope = self._scope(self.message.segments[0])
        system = master_file(self.feed, replacing.file(scope.segment, scope) or "")
        is_whole = replacing.whole is None or replacing.whole(scope.segment, scope)
        for plan in (resource.plan for resource in self.programme.resources if resource.plan.replaced):
            elements = {"resourceType": plan.type, **plan.replaced}
            for beginning in [""] if is_whole else self._records(plan, replacing):
                yield Replaced(plan.type, system, beginning, elements, self.at_ms)

    def _records(self, plan: ResourcePlan, replacing: compiled.Replacing) -> Iterator[str]:
        """How the numbers begin of what each record tells several of: of all, or of none when it names none."""
        for part in self._parts(plan.within) if plan.each else ():
            scope = self._scope(part.own[0], part)
            is_told = part.own_named(plan.each) or replacing.gone is None or replacing.gone(scope.segment, scope)
            number = replacing.record(scope.segment, scope)
            if is_told and isinstance(number, list):
                yield f"{reading.whole(number[0])}|"

    def _at(self) -> int | None:
        """When the sender says it happened: the first of the plan's fields that can be read.

        The last millisecond of what it writes: a time without fraction is not older than one in the same second here.
        """
        scope = self._scope(self.message.segments[0])
        for path, read in zip(self.programme.plan.at, self.programme.at, strict=True):
            text = read(scope.segment, scope)
            try:
                if text:
                    return _last_ms(text, self.feed.zone)
            except ValueError:
                # The time only orders changes: what cannot be read there stops no message.
                text = f"{self.programme.plan.origin}: {path} is no HL7 date or time, and was passed over"
                self.warnings.append(Issue(Category.VALUE, text, severity="warning"))
        return None

    def _scope(self, segment: Segment, part: Part | None = None) -> Scope:
        return Scope(self.feed, self.message, segment, {}, self.warnings, self.made, self.read, part)

    def _instances(self, resource: compiled.Resource) -> list[Instance]:
        """Each segment that makes this resource, with its position and the part of the message that tells it.

        (-1, MSH) when it is made for the message.
        """
        when, unless, found = resource.when, resource.unless, self._candidates(resource.plan)
        if not found or (when is None and unless is None):
            return found
        scopes = [(one, one[1], self._scope(one[1], one[2])) for one in found]
        return [
            one
            for one, segment, scope in scopes
            if (when is None or when(segment, scope)) and (unless is None or not unless(segment, scope))
        ]

    def _candidates(self, plan: ResourcePlan) -> list[Instance]:
        segments = self.message.segments
        if plan.within or self.groups:
            told = [one for part in self._parts(plan.within or self.groups) for one in _of_part(plan, part)]
            # What stands before all groups is told once.
            if told or plan.within:
                return told
        if not plan.each:
            return [(-1, segments[0], None)]
        return [(segments.index(one), one, None) for one in self.message.segments_named(plan.each)]

    def _parts(self, openers: tuple[str, ...]) -> list[Part]:
        if openers not in self.parts:
            self.parts[openers] = cut(self.message, openers)
        return self.parts[openers]

    def make(self, resource: compiled.Resource, segment: Segment, part: Part | None, label: str) -> str | None:
        """Make the upserts of one instance; the label by which others may refer to it, None when nothing was made."""
        scope = self._scope(segment, part)
        scope.resource = {"resourceType": resource.plan.type}
        cleared, actions = self._fill(resource, scope, segment)
        if len(scope.resource) == 1:
            return None
        scope.segment = segment
        key_at = resource.plan.key_at
        if " " in key_at:
            paths = key_at.split()
            key_at = next((path for path in paths if path.startswith(segment.name)), paths[0])
        location = reading.location_text(self.message, key_at, segment)
        keys = keys_of(scope.resource, resource.plan.keys)
        if not keys:
            text = f"{key_at} holds no usable identifier."
            if resource.unkeyed == "refuse":
                raise fault(Category.REQUIRED, text, location)
            if resource.unkeyed == "warn":
                text = f"{text} No {resource.plan.type} was made of the message."
                self.warnings.append(Issue(Category.REQUIRED, text, location, "warning"))
            if resource.unkeyed != "allow":
                return None
        typed = [(resource.plan.type, *key) for key in keys]
        # What is only referred to may be told of behind.
        known = {} if resource.plan.only_known else self.known
        same = next((known[key] for key in typed if key in known), None) if known else None
        if same is not None:
            if part is not None and not resource.plan.each:
                text = f"The message tells of this {resource.plan.type} twice; the first time counts."
                self.warnings.append(Issue(Category.BUSINESS_RULE, text, location, "warning"))
            return same
        if not resource.plan.only_known:
            self.known.update(dict.fromkeys(typed, label))
        self.leaders[label] = segment
        self.upserts += upserts_of(resource, scope, Draft(label, keys, cleared, location, self.at_ms, actions))
        return label

    def _fill(
        self, resource: compiled.Resource, scope: Scope, leader: Segment
    ) -> tuple[frozenset[str], tuple[Action, ...]]:
        """Run the tables over their segments; the elements that the sender set to null, and the items it acts on."""
        cleared: set[str] = set()
        actions: list[Action] = []
        named = scope.part.own_named if scope.part is not None else self.message.segments_named
        for table in resource.tables:
            segments = [leader] if table.segment == resource.plan.each else named(table.segment)
            editing = resource.editing.get(table.segment)
            for segment in segments:
                scope.segment = segment
                known = len(scope.resource.get(editing[0].element, ())) if editing else 0
                items: Items = {}
                fields = segment.fields
                count = len(fields)
                for number, step in table.steps:
                    if number < count and (not number or fields[number]):
                        step(segment, scope, items, cleared)
                if editing:
                    plan, read, is_edit = editing
                    code = read(segment, scope)
                    word = code.casefold() if isinstance(code, str) else ""
                    if is_edit or word == DELETED:
                        made = tuple(scope.resource.get(plan.element, ())[known:])
                        actions.append(Action(plan.element, word, made, is_edit))
        return frozenset(cleared - scope.resource.keys()) if cleared else frozenset(), tuple(actions)


# A busy feed sends many messages in one second.
@lru_cache(maxsize=1024)
def _last_ms(text: str, zone: str) -> int:
    return interval(fhir_datetime(parse_dtm(text, zone))).high - 1


def _of_part(plan: ResourcePlan, part: Part) -> list[Instance]:
    if not plan.each:
        return [(part.start, part.own[0], part)]
    return [(part.start + at, one, part) for at, one in enumerate(part.own) if one.name == plan.each]


def _as_read(programme: compiled.Programme, tables: Tables, message: Message, feed: FeedMapping) -> compiled.Programme:
    """The programme of the trigger that the message really stands for."""
    scope = Scope(feed, message, message.segments[0])
    for when, trigger in programme.read_as:
        if when is None or when(scope.segment, scope):
            return compiled.programme(tables, trigger) or programme
    return programme


def _unplanned(tables: Tables, trigger: str, feed: FeedMapping) -> Translation:
    """Nothing but a warning, for feeds that may send events we do not know; else raises the error."""
    message_type = trigger.partition("^")[0]
    known = {name.partition("^")[0] for plan in tables.inbound for name in plan.triggers}
    if message_type in feed.accepts_unknown_events:
        text = "The event is not known; the message was taken without effect."
        return Translation([], (Issue(Category.EVENT_NOT_SUPPORTED, text, "MSH^1^9", "warning"),), {})
    if message_type in known:
        raise fault(Category.EVENT_NOT_SUPPORTED, "There is no plan for the trigger of the message.", "MSH^1^9")
    raise fault(Category.NOT_SUPPORTED_TYPE, "There is no plan for messages of this type.", "MSH^1^9")


def _label(resource: compiled.Resource, count: int) -> str:
    return f"urn:creneau:{resource.plan.name}:{count}"
