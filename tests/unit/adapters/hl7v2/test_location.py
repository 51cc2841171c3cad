import pytest

from adapters.hl7v2.location import location, position


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("PID-3", "PID^1^3"),
        ("PID-3.1", "PID^1^3^1^1"),
        ("PID-3[2]", "PID^1^3^2"),
        ("PID-3[2].4.2", "PID^1^3^2^4^2"),
        ("AIS[2]-3.1", "AIS^2^3^1^1"),
        ("PV1-45", "PV1^1^45"),
        ("ZBE-1", "ZBE^1^1"),
    ],
)
def test_locations(path, expected):
    assert expected == str(location(path))


@pytest.mark.parametrize("path", ["", "PID", "PID-0", "PID-3.0", "PID.3", "pid-3", "PID-3[0]", "PID-3.1.2.3", "3.1"])
def test_malformed_locations(path):
    with pytest.raises(ValueError):
        location(path)


def test_positions_inside_a_segment():
    place = position("3[2].4")

    assert (place.field, place.repetition, place.component, place.subcomponent) == (3, 2, 4, 0)
    with pytest.raises(ValueError):
        position("PID-3")
