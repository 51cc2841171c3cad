"""Put a message right before it is mapped, for senders who count fields wrongly: small pure functions by name.

A feed's file lists which, where and when (`docs/feeds.md`). What a fixer moves is raw text: nothing is read or lost.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from adapters.hl7v2.definitions import path_exists
from adapters.hl7v2.location import Location, location
from adapters.hl7v2.message import HEADERS, Message, Segment
from adapters.mapping.cell import Scope
from adapters.mapping.compiled import condition
from adapters.mapping.conditions import Test
from adapters.mapping.feed import FeedMapping, Fixer

#: `(segment, field, field it moves to or 0) -> segment`
Function = Callable[[Segment, int, int], Segment]

_VERSION = "2.5"


def fixed(message: Message, feed: FeedMapping) -> Message:
    """The message as the feed's fixers leave it; the very message when there is nothing to fix."""
    for fixer in feed.fixers:
        message = _applied(message, fixer, feed)
    return message


def problems(fixer: Fixer) -> Iterator[str]:
    """What is wrong with a fixer, nothing for one that can be used."""
    if fixer.do not in FIXERS:
        yield f"there is no fixer {fixer.do!r}; there are {', '.join(sorted(FIXERS))}"
    if bool(fixer.to) != (fixer.do == "move"):
        yield "`to` goes with `move`"
    try:
        places = [location(path) for path in (fixer.at, fixer.to) if path]
        condition(fixer.when, places[0].segment)
    except ValueError as error:
        yield str(error)
        return
    yield from _misplaced(places)


def _misplaced(places: list[Location]) -> Iterator[str]:
    segment = places[0].segment
    if segment in HEADERS or not path_exists(_VERSION, f"{segment}-1"):
        yield f"a fixer cannot act on {segment}"
    if any(place.segment != segment or place.component for place in places):
        yield "a fixer acts on whole fields of one segment"


def _applied(message: Message, fixer: Fixer, feed: FeedMapping) -> Message:
    at, to, when = _compiled(fixer)
    function = FIXERS[fixer.do]
    meant = [
        segment
        for segment in message.segments_named(at.segment)
        if when is None or when(segment, Scope(feed, message, segment))
    ]
    if not meant:
        return message
    changed = {id(segment): function(segment, at.field, to) for segment in meant}
    return message.with_segments(changed.get(id(segment), segment) for segment in message.segments)


@lru_cache(maxsize=256)
def _compiled(fixer: Fixer) -> tuple[Location, int, Test | None]:
    at = location(fixer.at)
    return at, location(fixer.to).field if fixer.to else 0, condition(fixer.when, at.segment)


def _insert(segment: Segment, at: int, to: int) -> Segment:
    """An empty field before `at`: the sender left one out, and all that follow stand one too early."""
    return _of(segment, [*segment.fields[:at], "", *segment.fields[at:]]) if at < len(segment.fields) else segment


def _drop(segment: Segment, at: int, to: int) -> Segment:
    """Without the field `at`: the sender has one too many, and all that follow stand one too late."""
    return _of(segment, [*segment.fields[:at], *segment.fields[at + 1 :]])


def _move(segment: Segment, at: int, to: int) -> Segment:
    """What stands at `at` stands at `to`, unless something stands there."""
    raw = segment.raw_field(at)
    return segment if not raw or segment.raw_field(to) else segment.with_field(at, "").with_field(to, raw)


def _of(segment: Segment, fields: list[str]) -> Segment:
    return Segment(segment.notation.delimiters.field.join(fields), segment.notation, segment.end)


FIXERS: Mapping[str, Function] = {"drop": _drop, "insert": _insert, "move": _move}
