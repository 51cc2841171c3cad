"""Positions in a message, as people write them: `PID-3.1`, `PID-3[2].4.2`, `AIS[2]-3.1`."""

import re
from dataclasses import dataclass
from functools import lru_cache

_POSITION = re.compile(
    r"(?:(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<index>[1-9]\d*)\])?-)?"
    r"(?P<field>[1-9]\d*)(?:\[(?P<repetition>[1-9]\d*)\])?"
    r"(?:\.(?P<component>[1-9]\d*)(?:\.(?P<subcomponent>[1-9]\d*))?)?"
)


@dataclass(frozen=True, slots=True)
class Location:
    """One position, everything counted from 1. `component` and `subcomponent` are 0 where the text names none."""

    segment: str
    index: int
    field: int
    repetition: int
    component: int
    subcomponent: int

    def __str__(self) -> str:
        """The ERL form used in ERR-2 and in issue expressions: `PID^1^3^2^4^2`."""
        numbers = [self.index, self.field]
        if self.component or self.repetition > 1:
            numbers.append(self.repetition)
        numbers += [number for number in (self.component, self.subcomponent) if number]
        return "^".join([self.segment, *map(str, numbers)])


@lru_cache(maxsize=4096)
def location(path: str) -> Location:
    """Read a position. Raises ValueError for text that is none.

    >>> str(location("PID-3[2].4.2")), str(location("AIS[2]-3"))
    ('PID^1^3^2^4^2', 'AIS^2^3')
    """
    place = _read(path)
    if not place.segment:
        raise ValueError(f"not a position in a message: {path!r}")
    return place


@lru_cache(maxsize=4096)
def position(path: str) -> Location:
    """Read a position inside a segment already at hand: `3[2].4.2`. Raises ValueError for text that is none."""
    place = _read(path)
    if place.segment:
        raise ValueError(f"not a position in a segment: {path!r}")
    return place


def _read(path: str) -> Location:
    match = _POSITION.fullmatch(path)
    if match is None:
        raise ValueError(f"not a position in a message: {path!r}")
    return Location(
        segment=match["segment"] or "",
        index=int(match["index"] or 1),
        field=int(match["field"]),
        repetition=int(match["repetition"] or 1),
        component=int(match["component"] or 0),
        subcomponent=int(match["subcomponent"] or 0),
    )
