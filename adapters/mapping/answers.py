"""What an answer says behind MSH, MSA and ERR: SRR, SQR, RRI, ORR, MFK (`mappings/answers/`). Pure.

Segments that tell of a resource and stand one after the other are repeated together for each resource told of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any

from adapters.hl7v2.build import SegmentBuilder
from adapters.hl7v2.encoding import encode
from adapters.hl7v2.message import Message, Segment
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import AnswerPlan, Tables
from adapters.mapping.writing import CompiledSegment, Request, compiled, instances, referred, write

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer is about."""

    #: MSA-1 of the answer.
    code: str
    #: The resources to tell of, in order.
    focuses: Sequence[Json] = ()
    #: Of each, the segment of the message answered that it was made of.
    leaders: Sequence[Segment | None] = ()
    #: By reference (`Slot/1`), what they refer to.
    related: Mapping[str, Json] = field(default_factory=dict)
    #: What else rows may read of the answer: `remaining`, `pointer`.
    more: Mapping[str, str] = field(default_factory=dict)


def answer_body(plan: AnswerPlan, tables: Tables, feed: FeedMapping, message: Message, told: Told) -> bytes:
    """The segments of an answer behind its ERR, in the character set and with the delimiters of the message answered.

    A refusal holds only what the plan marks `always`. Raises FhirError (VALUE) for an element that cannot be told.
    """
    answer = _Answer(plan, feed, message, told)
    wanted = [segment for segment in compiled(tables, plan) if told.code == "AA" or segment.plan.is_always]
    segments = [
        written
        for is_focused, group in groupby(wanted, _is_focused)
        for written in answer.segments(list(group), is_focused)
    ]
    return encode("".join(segment.render() + "\r" for segment in segments), message.charset)


def _is_focused(segment: CompiledSegment) -> bool:
    """Whether it tells of a resource, rather than of the message answered."""
    return not segment.plan.request and not segment.plan.is_always


@dataclass(frozen=True, slots=True)
class _Answer:
    """The writing of one answer."""

    plan: AnswerPlan
    feed: FeedMapping
    message: Message
    told: Told

    def segments(self, group: Sequence[CompiledSegment], is_focused: bool) -> Iterator[SegmentBuilder]:
        told = zip_longest(self.told.focuses, self.told.leaders) if is_focused else [({}, None)]
        for focus, leader in told:
            values = self._values(focus) | {"request": Request(self.message, leader)}
            for segment in group:
                yield from self._written(segment, focus, values)

    def _values(self, focus: Json) -> Json:
        """What rows may read: the resource told of and those it refers to, the feed, the answer."""
        own = {name: getattr(self.feed, name) for name in ("application", "facility")}
        count = {"count": str(len(self.told.focuses))} if self.told.focuses else {}
        about = {self.plan.focus: focus} if focus else {}
        answer = {"code": self.told.code, **count, **self.told.more}
        return referred(focus, self.told.related) | about | {"feed": own, "answer": answer}

    def _written(self, segment: CompiledSegment, focus: Json, values: Json) -> Iterator[SegmentBuilder]:
        for number, local in enumerate(self._places(segment, focus), 1):
            here = values | local | {"segment": {"number": str(number)}}
            if segment.when is None or segment.when(here):
                builder = SegmentBuilder(segment.plan.name, self.message.notation)
                if segment.plan.table:
                    write(builder, segment.steps, here, self.feed)
                else:
                    _copy(builder, here["request"])
                yield builder

    def _places(self, segment: CompiledSegment, focus: Json) -> Iterator[Json]:
        """What each segment of a plan sees beside the rest: the segment it answers, or the item it tells of."""
        if segment.plan.request:
            for found in self.message.segments_named(segment.plan.request):
                yield {"request": Request(self.message, found)}
            return
        yield from instances(segment.plan, focus, self.told.related)


def _copy(builder: SegmentBuilder, request: Request) -> None:
    if request.current is not None:
        for number, raw in enumerate(request.current.fields[1:], 1):
            builder.put_raw(number, raw)
