import pytest

from adapters.hl7v2.message import NULL
from adapters.hl7v2.parse import parse, render

SIU = (
    b"MSH|^~\\&|RIS^1.2.3^ISO|HOP|CRN|TERR|20260105083000||SIU^S12^SIU_S12|C1|P|2.5^FRA^2.11|||||FRA|8859/15\r"
    b"SCH|P1^RIS|F1^RIS\r"
    b"NTE|1||Apporter ordonnance & carte ^ merci\r"
    b'PID|1||11^^^HOP&1.2.250&ISO^PI~22^^^INS&1.2.251&ISO^NH||O\\T\\NEIL^\xc9lo\xefse^^""|""||F\r'
    b"RGS|1\r"
    b"AIS|1||CONS^Consultation\r"
    b"NTE|1||premier\r"
    b"NTE|2||second\r"
    b"AIS|2||ECHO\r"
    b"RGS|2\r"
    b"AIP|1||99^DOC\r"
)


@pytest.fixture
def message():
    return parse(SIU)


@pytest.mark.parametrize(
    ("path", "expected", "reason"),
    [
        ("MSH-1", "|", "the separator is itself a field"),
        ("MSH-2", "^~\\&", "delimiters stand for themselves"),
        ("MSH-3", "RIS", "a composite read as a simple value is its first component"),
        ("MSH-3.2", "1.2.3", "numbers after MSH-2 are the standard's"),
        ("MSH-9.3", "SIU_S12", ""),
        ("MSH-12", "2.5", ""),
        ("MSH-18", "8859/15", "last field"),
        ("MSH-19", None, "beyond the end"),
        ("PID-3.1", "11", ""),
        ("PID-3[2].1", "22", "second repetition"),
        ("PID-3[2].4.2", "1.2.251", "subcomponent"),
        ("PID-3.4", "HOP", "first subcomponent"),
        ("PID-3[3].1", None, "no such repetition"),
        ("PID-5.1", "O&NEIL", "unescaped"),
        ("PID-5.1.2", None, "an escaped separator separates nothing"),
        ("PID-5.2", "Éloïse", "decoded"),
        ("PID-5.3", None, "empty"),
        ("PID-5.4", NULL, "explicit null in a component"),
        ("PID-6", NULL, "explicit null"),
        ("PID-6.1", NULL, ""),
        ("PID-6.2", None, "only the first component is null"),
        ("PID-7", None, "empty"),
        ("PID-8", "F", ""),
        ("PID-8.1.1", "F", "a simple value is its own first part"),
        ("PID-8.2", None, ""),
        ("AIS[2]-3", "ECHO", "second segment of the name"),
        ("AIS[3]-3", None, "no such segment"),
        ("ZZZ-1", None, "no such segment"),
        ("NTE-3", "Apporter ordonnance & carte ^ merci", "prose is not cut at unescaped separators"),
        ("NTE-3.1", "Apporter ordonnance ", "unless asked for"),
    ],
)
def test_positions(message, path, expected, reason):
    assert expected == message[path], reason
    assert (expected is NULL) == (message.get(path) is NULL)


def test_malformed_path_is_a_programming_error(message):
    with pytest.raises(ValueError):
        message["PID.3"]


def test_tree_of_a_field(message):
    field = message.segments_named("PID")[0][3]

    assert [repetition[1].text for repetition in field.repetitions] == ["11", "22"]
    assert [part.text for part in field[1][4].subcomponents] == ["HOP", "1.2.250", "ISO"]
    assert field[1][4].text == "HOP&1.2.250&ISO"
    assert field[2].get(4, 2) == "1.2.251"
    assert field[2][4][2].text == "1.2.251"
    assert len(field[1].components) == 5
    assert field.raw == "11^^^HOP&1.2.250&ISO^PI~22^^^INS&1.2.251&ISO^NH"
    assert not field[9]
    assert field[9][1].text is None


def test_nulls_are_kept_apart(message):
    pid = message.segments_named("PID")[0]

    assert pid[6].is_null
    assert pid[6].text is NULL
    assert pid[7].text is None
    assert pid[7].repetitions == []
    assert not pid[7]


def test_delimiters_are_not_split_by_themselves(message):
    header = message.segments_named("MSH")[0]

    assert [repetition.raw for repetition in header[2].repetitions] == ["^~\\&"]
    assert header[2][1].raw == "^~\\&"
    assert header[1].text == "|"


def test_repetitions_without_the_empty_ones():
    message = parse(b"MSH|^~\\&|A\rPID|1||11~~22\r")

    assert [repetition.get(1) for repetition in message.all("PID-3")] == ["11", "22"]
    assert len(message.segments_named("PID")[0][3].repetitions) == 3
    assert [] == message.all("PID-9") == message.all("OBX-5")


def test_groups_and_what_follows_a_segment(message):
    first, second = message.groups("RGS")
    services = message.segments_named("AIS")

    assert [segment.name for segment in first] == ["RGS", "AIS", "NTE", "NTE", "AIS"]
    assert [segment.name for segment in second] == ["RGS", "AIP"]
    assert [note.get("3") for note in message.following(services[0], "NTE")] == ["premier", "second"]
    assert message.following(services[1], "NTE") == []
    assert message.groups("OBX") == []


def test_a_segment_answers_positions_of_its_own(message):
    service = message.segments_named("AIS")[0]

    assert service.get("3.2") == "Consultation"
    assert service.get("9") is None


def test_repairing_a_segment_leaves_the_rest_alone(message):
    segments = [s.with_field(25, "Booked") if s.name == "SCH" else s for s in message.segments]
    repaired = message.with_segments(segments)

    assert repaired["SCH-25"] == "Booked"
    assert message["SCH-25"] is None
    expected = SIU.replace(b"SCH|P1^RIS|F1^RIS\r", b"SCH|P1^RIS|F1^RIS" + b"|" * 23 + b"Booked\r")
    assert expected == render(repaired)


def test_repairing_a_header(message):
    header = message.segments[0].with_field(18, "UNICODE UTF-8")

    assert header.get("18") == "UNICODE UTF-8"
    assert header.raw.startswith("MSH|^~\\&|RIS^1.2.3^ISO|")


@pytest.mark.parametrize(("field", "raw"), [(3, "a|b"), (3, "a\rPID"), (3, "a\nb"), (1, "#"), (2, "^~")])
def test_repairs_cannot_break_the_message(message, field, raw):
    with pytest.raises(ValueError):
        message.segments[0].with_field(field, raw)


def test_representations_hide_values(message):
    pid = message.segments_named("PID")[0]

    assert "NEIL" not in repr(pid) + repr(pid[5]) + repr(pid[5][1])
