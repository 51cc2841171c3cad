import pytest
from hl7apy import SUPPORTED_LIBRARIES

from adapters.hl7v2.definitions import message_structure, path_exists, segment_definition, supported_version
from adapters.hl7v2.events import structure_id
from adapters.hl7v2.message import FREE_TEXT


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("2.5", "2.5", "defined"),
        ("2.5.1", "2.5.1", "defined"),
        ("2.5^FRA^2.11", "2.5", "national extension"),
        ("2.5^DEU", "2.5", "national extension"),
        ("2.3.2", "2.3.1", "nearest below"),
        ("2.9", "2.8.2", "nearest below"),
        ("2.0", "2.1", "first there is"),
        ("", "2.5", "empty"),
        ("D300", "2.5", "nonsense"),
        ("3.0", "2.5", "not version 2"),
        ("2.x", "2.5", "nonsense"),
    ],
)
def test_nearest_version(text, expected, reason):
    assert expected == supported_version(text), reason


def test_a_field_as_defined():
    definition = segment_definition("2.5", "SCH")
    timing = definition.fields[11]

    assert (timing.name, timing.datatype, timing.repeats) == ("SCH-11", "TQ", True)
    assert timing.components[4].name == "TQ.4"
    assert definition.fields[25].table == "0278"
    assert definition.required == (6, 16, 20)


@pytest.mark.parametrize(
    ("version", "path", "expected", "reason"),
    [
        ("2.5", "SCH-11.4", True, "component"),
        ("2.5", "SCH-11.4.1", True, "subcomponent"),
        ("2.5", "SCH-11.99", False, "no such component"),
        ("2.5", "SCH-28", False, "no such field"),
        ("2.8.2", "PID-40", True, "newer field"),
        ("2.5", "PID-40", False, "newer field"),
        ("2.5", "PID-3.4.2", True, "subcomponent"),
        ("2.5", "PID-3.4.4", False, "no such subcomponent"),
        ("2.5", "PID-8.1", True, "a simple value is its own first component"),
        ("2.5", "PID-8.2", False, "a simple value has no second"),
        ("2.5", "OBX-5.9", True, "depends on OBX-2"),
        ("2.5", "ZBE-1", True, "by agreement"),
        ("2.5", "XYZ-1", False, "no such segment"),
        ("2.4", "TQ1-7", False, "segment of 2.5"),
        ("2.5^FRA^2.11", "TQ1-7", True, "any MSH-12"),
    ],
)
def test_positions_the_standard_defines(version, path, expected, reason):
    assert expected == path_exists(version, path), reason


@pytest.mark.parametrize("version", sorted(SUPPORTED_LIBRARIES))
def test_every_version_compiles(version):
    assert segment_definition(version, "MSH").name == "MSH"
    assert [node.name for node in message_structure(version, "ACK").children[:1]] == ["MSH"]
    assert (message_structure(version, "SIU_S12") is None) == (version in ("2.1", "2.2"))


def test_withdrawn_fields_leave_a_gap():
    error = segment_definition("2.8", "ERR")

    assert 1 not in error.fields
    assert (error.fields[3].name, error.fields[4].name) == ("ERR-3", "ERR-4")
    assert error.required == (3, 4)


def test_definitions_with_holes_in_the_tables():
    assert segment_definition("2.7", "OBX").fields[5].components == {}
    assert segment_definition("2.7", "QRD").fields == {}
    assert segment_definition("2.5", "ANYHL7SEGMENT") is None


def test_groups_know_what_they_begin_with():
    patient, resources = message_structure("2.5", "SIU_S12").children[4:6]

    assert (frozenset({"PID"}), False, True) == (patient.openers, patient.is_required, patient.repeats)
    assert (frozenset({"RGS"}), True) == (resources.openers, resources.is_required)


def test_choices_begin_with_any_of_them():
    order = message_structure("2.5", "ORM_O01").children[3]
    choice = order.children[1].children[0]

    assert choice.is_choice
    assert frozenset({"OBR", "RQD", "RQ1", "RXO", "ODS", "ODT"}) == choice.openers


@pytest.mark.parametrize(
    ("version", "event", "declared", "expected", "reason"),
    [
        ("2.5", ("SIU", "S26"), "SIU_S12", "SIU_S12", "declared"),
        ("2.5", ("SIU", "S13"), "SIU_S13", "SIU_S12", "the table wins over habit"),
        ("2.5", ("ADT", "A31"), "", "ADT_A05", "not declared"),
        ("2.3", ("ADT", "A31"), "", "ADT_A01", "before ADT_A05"),
        ("2.5", ("ADT", "A40"), "ADT_A40", "ADT_A39", "invented"),
        ("2.5", ("ORM", "O01"), "", "ORM_O01", "code and event"),
        ("2.8", ("ORM", "O01"), "", "ORM_O01", "withdrawn, still sent"),
        ("2.5", ("ACK", "S12"), "", "ACK", "code alone"),
        ("2.5", ("ZZZ", "Z99"), "", None, "by agreement"),
        ("2.5", ("", ""), "", None, "nothing"),
    ],
)
def test_structure_of_an_event(version, event, declared, expected, reason):
    assert expected == structure_id(version, *event, declared), reason


@pytest.mark.parametrize(("segment", "field"), sorted(FREE_TEXT))
def test_fields_of_prose_are_text_types(segment, field):
    assert segment_definition("2.5", segment).fields[field].datatype in ("FT", "TX")
