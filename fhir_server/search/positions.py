"""Places on Earth and how far they are from each other.

A place (WGS 84) is a point of the unit sphere, and two places are as far apart as the straight line between their
points is long. Neither the poles nor the 180th meridian are special then, and databases compare without trigonometry.
The Earth is taken for a sphere: distances are right within 0.6 %. https://www.hl7.org/fhir/R4/location.html#search
"""

import math
from collections.abc import Sequence

#: Degrees.
MAX_LATITUDE, MAX_LONGITUDE = 90, 180
#: How far away is still near, for who does not say.
DEFAULT_METRES = 10_000.0
#: Metres of a unit, by its UCUM code.
UNITS = {
    "m": 1.0,
    "km": 1000.0,
    "[ft_i]": 0.3048,
    "[mi_i]": 1609.344,
    "[mi_us]": 6_336_000 / 3937,
    "[nmi_i]": 1852.0,
}
#: Mean radius of the Earth in metres (IUGG).
_RADIUS = 6_371_008.8
#: Longer than any line through the sphere.
_EVERYWHERE = 3.0

#: Of a coordinate: nanometres on the ground, and coarser than a double rounds.
_DIGITS = 15

Point = tuple[float, float, float]


def point(latitude: float, longitude: float) -> Point:
    """The point of the unit sphere at a latitude and a longitude in degrees."""
    turned, raised = math.radians(longitude), math.radians(latitude)
    axes = math.cos(raised) * math.cos(turned), math.cos(raised) * math.sin(turned), math.sin(raised)
    # A pole is one point from whatever side it is told.
    x, y, z = (round(axis, _DIGITS) for axis in axes)
    return x, y, z


def reach(metres: float) -> float:
    """The length of the straight line between two points that are so many metres apart on the ground.

    >>> round(reach(10_000), 9), reach(50_000_000)
    (0.00156961, 3.0)
    """
    angle = metres / _RADIUS
    return _EVERYWHERE if angle >= math.pi else 2 * math.sin(angle / 2)


def metres(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two points are apart on the ground: what `reach` gives the straight line of.

    >>> round(metres(point(48.0, 2.0), point(49.0, 2.0)))
    111195
    """
    return 2 * _RADIUS * math.asin(min(1.0, math.sqrt(square(one, other)) / 2))


def square(one: Sequence[float], other: Sequence[float]) -> float:
    """The square of the straight line between two points, calculated in the order in which SQL does."""
    x, y, z = (a - b for a, b in zip(one, other, strict=True))
    return x * x + y * y + z * z
