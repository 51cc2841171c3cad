"""A message to upserts: what the feed asks the server to make or change. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.hl7v2.datetime import fhir_datetime, parse_dtm
from adapters.hl7v2.message import Message, Segment
from adapters.mapping import compiled
from adapters.mapping.assemble import Draft, keys_of, upserts_of
from adapters.mapping.cell import Made, Scope
from adapters.mapping.elements import Items
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import Tables
from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.kernel.upsert import Upsert


@dataclass(frozen=True, slots=True)
class Translation:
    """What a message asks for, and what was odd in it without stopping it (issues of severity `warning`)."""

    upserts: list[Upsert]
    warnings: tuple[Issue, ...]
    #: Labels of what each resource of the plan became, in order.
    labels: Mapping[str, tuple[str, ...]]


def to_fhir(message: Message, tables: Tables, feed: FeedMapping) -> list[Upsert]:
    """The upserts of a message, those referred to before those that refer where the plan says so.

    Raises FhirError: NOT_SUPPORTED_TYPE and EVENT_NOT_SUPPORTED for a type and a trigger without plan, REQUIRED for
    what the plan demands, and whatever a cell finds wrong; each with the HL7 location as expression.
    """
    return translate(message, tables, feed).upserts


def translate(message: Message, tables: Tables, feed: FeedMapping) -> Translation:
    """As `to_fhir`, with the warnings."""
    trigger = f"{message['MSH-9.1'] or ''}^{message['MSH-9.2'] or ''}"
    programme = compiled.programme(tables, trigger)
    if programme is None:
        raise _unplanned(tables, trigger)
    for name in programme.plan.once:
        if len(message.segments_named(name)) > 1:
            raise fault(Category.STRUCTURE, f"The message holds more than one {name} segment.", f"{name}^2")
    return _Translator(programme, message, feed).translate()


@dataclass(slots=True)
class _Translator:
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

    def translate(self) -> Translation:
        self.at_ms = self._at()
        for resource in self.programme.resources:
            if resource.plan.name in self.programme.forward:
                self.made[resource.plan.name] = [
                    (index, _label(resource, count)) for count, (index, _) in enumerate(self._instances(resource), 1)
                ]
        for resource in self.programme.resources:
            made: Made = []
            for count, (index, segment) in enumerate(self._instances(resource), 1):
                label = self._make(resource, segment, _label(resource, count))
                if label is not None:
                    made.append((index, label))
            self.made[resource.plan.name] = made
        labels = {name: tuple(dict.fromkeys(label for _, label in made)) for name, made in self.made.items()}
        return Translation(self.upserts, tuple(self.warnings), labels)

    def _at(self) -> int | None:
        """When the sender says it happened: the first of the plan's fields that can be read.

        The last millisecond of what it writes: a time without fraction is not older than one in the same second here.
        """
        scope = self._scope(self.message.segments[0])
        for path, read in zip(self.programme.plan.at, self.programme.at, strict=True):
            text = read(scope.segment, scope)
            try:
                if text:
                    return interval(fhir_datetime(parse_dtm(text, self.feed.zone))).high - 1
            except ValueError:
                # The time only orders changes: what cannot be read there stops no message.
                text = f"{self.programme.plan.origin}: {path} is no HL7 date or time, and was passed over"
                self.warnings.append(Issue(Category.VALUE, text, severity="warning"))
        return None

    def _scope(self, segment: Segment) -> Scope:
        return Scope(self.feed, self.message, segment, {}, self.warnings, self.made, self.read)

    def _instances(self, resource: compiled.Resource) -> Iterator[tuple[int, Segment]]:
        """Each segment that makes this resource, with its position; (-1, MSH) when it is made for the message."""
        leader, when = resource.plan.each, resource.when
        candidates = (
            [(index, segment) for index, segment in enumerate(self.message.segments) if segment.name == leader]
            if leader
            else [(-1, self.message.segments[0])]
        )
        for index, segment in candidates:
            if when is None or when(segment, self._scope(segment)):
                yield index, segment

    def _make(self, resource: compiled.Resource, segment: Segment, label: str) -> str | None:
        """Make the upserts of one instance; the label by which others may refer to it, None when nothing was made."""
        scope = self._scope(segment)
        scope.resource = {"resourceType": resource.plan.type}
        cleared = self._fill(resource, scope, segment)
        if len(scope.resource) == 1:
            return None
        scope.segment = segment
        location = compiled.location_text(self.message, resource.plan.key_at, segment)
        keys = keys_of(scope.resource, resource.plan.keys)
        if not keys:
            if resource.unkeyed == "skip":
                return None
            raise fault(Category.REQUIRED, f"{resource.plan.key_at} holds no usable identifier.", location)
        typed = [(resource.plan.type, *key) for key in keys]
        same = next((self.known[key] for key in typed if key in self.known), None)
        if same is not None:
            return same
        self.known |= dict.fromkeys(typed, label)
        self.upserts += upserts_of(resource, scope, Draft(label, keys, cleared, location, self.at_ms))
        return label

    def _fill(self, resource: compiled.Resource, scope: Scope, leader: Segment) -> frozenset[str]:
        """Run the tables over their segments; the elements that the sender set to null."""
        cleared: set[str] = set()
        for table in resource.tables:
            segments = [leader] if table.segment == resource.plan.each else self.message.segments_named(table.segment)
            for segment in segments:
                scope.segment = segment
                items: Items = {}
                fields = segment.fields
                count = len(fields)
                for number, step in table.steps:
                    if number < count and (not number or fields[number]):
                        step(segment, scope, items, cleared)
        return frozenset(cleared - scope.resource.keys())


def _unplanned(tables: Tables, trigger: str) -> FhirError:
    message_type = trigger.partition("^")[0]
    known = {name.partition("^")[0] for plan in tables.inbound for name in plan.triggers}
    if message_type in known:
        return fault(Category.EVENT_NOT_SUPPORTED, "There is no plan for the trigger of the message.", "MSH^1^9")
    return fault(Category.NOT_SUPPORTED_TYPE, "There is no plan for messages of this type.", "MSH^1^9")


def _label(resource: compiled.Resource, count: int) -> str:
    return f"urn:creneau:{resource.plan.name}:{count}"
