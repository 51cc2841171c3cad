"""The parts of a message that tell of one thing each: an order (ORC and OBR), a record of a master file (MFE)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.hl7v2.message import Message, Segment
from adapters.mapping.plans import MessagePlan
from fhir_server.kernel.errors import Category, fault


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """The segments from `start` to before `end`, with what stands before the first part of the message (`head`)."""

    head: tuple[Segment, ...]
    own: tuple[Segment, ...]
    #: Position of its first segment in the message.
    start: int
    _named: dict[str, list[Segment]] = field(default_factory=dict)

    def named(self, name: str) -> list[Segment]:
        """Its segments of that name; those of the head when it holds none."""
        if name not in self._named:
            self._named[name] = self.own_named(name) or [one for one in self.head if one.name == name]
        return self._named[name]

    def own_named(self, name: str) -> list[Segment]:
        """Its own segments of that name."""
        return [one for one in self.own if one.name == name]

    def position(self, segment: Segment) -> int:
        """Where one of its own segments, or of the head's, stands in the message."""
        own = next((at for at, one in enumerate(self.own) if one is segment), None)
        return self.start + own if own is not None else next(at for at, one in enumerate(self.head) if one is segment)

    def made(self, made: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """What was made of the head's segments and of its own, of positions with labels in their order."""
        end = self.start + len(self.own)
        head, first, last = (bisect_left(made, (at, "")) for at in (len(self.head), self.start, end))
        return made[:head] + made[first:last]


def cut(message: Message, openers: Sequence[str]) -> list[Part]:
    """The parts of a message: each begins at one of the openers, which may follow each other in their order.

    `("ORC", "OBR")`: an ORC with the OBR after it is one part, and so is another OBR, or one without any ORC.
    """
    starts: list[int] = []
    last = len(openers)
    for index, segment in enumerate(message.segments):
        if segment.name not in openers:
            continue
        place = openers.index(segment.name)
        if place <= last:
            starts.append(index)
        last = place
    segments = tuple(message.segments)
    ends = [*starts[1:], len(segments)] if starts else []
    return [Part(segments[: starts[0]], segments[start:end], start) for start, end in zip(starts, ends, strict=True)]


def check_once(plan: MessagePlan, message: Message) -> None:
    """Raises FhirError (STRUCTURE) unless what may stand once does so: in the message, or in each of its groups."""
    begins = openers(plan, message)
    groups = cut(message, begins) if begins else ()
    for name in plan.once:
        if not groups and len(message.segments_named(name)) > 1:
            raise fault(Category.STRUCTURE, f"The message holds more than one {name} segment.", f"{name}^2")
        # What stands before all groups belongs to each.
        before = sum(one.name == name for one in groups[0].head) if groups else 0
        if any(len(group.own_named(name)) != 1 - before for group in groups):
            raise fault(Category.STRUCTURE, f"{name} does not stand once in each group of the message.", f"{name}^1")


def openers(plan: MessagePlan, message: Message) -> tuple[str, ...]:
    """The segment that begins each of several groups; none when the message is one group."""
    return next(((name,) for name in plan.groups if len(message.segments_named(name)) > 1), ())
