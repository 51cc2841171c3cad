"""What is left of a blocked time when parts of it were opened since. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_server.kernel.dates import Interval


@dataclass(frozen=True, slots=True)
class Word:
    """A time that a feed told as blocked, or as open again, and when it told so."""

    span: Interval
    at_ms: int


def left(block: Word, openings: Iterable[Word]) -> list[Interval]:
    """The parts of a block that no opening of the same moment or later holds, in order.

    It does not depend on which was told first: an opening may arrive before the block that it ends.
    """
    parts = [block.span]
    for opening in openings:
        if opening.at_ms >= block.at_ms:
            parts = [rest for part in parts for rest in _without(part, opening.span)]
    return parts


def _without(part: Interval, opened: Interval) -> list[Interval]:
    rests = (
        Interval(part.low, min(part.high, opened.low)),
        Interval(max(part.low, opened.high), part.high),
    )
    return [rest for rest in rests if rest.low < rest.high]
