"""What of a plan an older or a newer version of HL7 has room for."""

import pytest

from adapters.mapping.versions import ANY, Room, has_place, has_segment, room


@pytest.mark.parametrize(
    ("version", "name", "expected"),
    [("2.4", "TQ1", False), ("2.5", "TQ1", True), ("2.3", "AIS", True), ("2.8.2", "RGS", True), ("2.3", "ZBE", True)],
)
def test_segments_of_a_structure(version: str, name: str, expected: bool) -> None:
    assert has_segment(version, "SIU_S12", name) == expected


def test_structure_that_is_not_known_forbids_nothing() -> None:
    assert has_segment("2.5", "XYZ_X99", "TQ1")


@pytest.mark.parametrize(
    ("version", "path", "expected"),
    [
        ("2.3.1", "SCH-26", False),
        ("2.4", "SCH-26", True),
        ("2.6", "SCH-11.4", True),
        ("2.7", "SCH-11.4", False),
        ("2.6", "SCH-9", True),
        ("2.7", "SCH-9", False),
        ("2.3", "MSH-9.3", False),
        ("2.3.1", "MSH-9.3", True),
        ("2.5", "PRD-10", False),
        ("2.6", "PRD-10", True),
    ],
)
def test_places(version: str, path: str, expected: bool) -> None:
    assert has_place(version, path) == expected


@pytest.mark.parametrize(
    ("version", "path", "expected"),
    [
        ("2.3", "PID-5", Room(8, 1)),
        ("2.5", "PID-5", Room(14, None)),
        ("2.4", "AIL-3", Room(9, 1)),
        ("2.5", "SCH-25.1", Room(6, 1)),
        ("2.5", "ZZZ-1", ANY),
    ],
)
def test_room_in_a_field(version: str, path: str, expected: Room) -> None:
    assert room(version, path) == expected
