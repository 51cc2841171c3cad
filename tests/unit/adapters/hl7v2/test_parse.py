import pytest

from adapters.hl7v2.encoding import CHARSET_MISMATCH, CHARSET_MISPLACED
from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters
from adapters.hl7v2.parse import parse, parse_as, render, scan_header
from fhir_server.kernel.errors import Category, FhirError

HEADER = b"MSH|^~\\&|APP|FAC^1.2^ISO|US|HERE|20260105||ADT^A01^ADT_A01|C1|P|2.5^FRA^2.11|||AL|NE|FRA|8859/1"

SHAPES = [
    (HEADER + b"\rEVN||1\rPID|1\r", ["MSH", "EVN", "PID"], "CR, as the standard says"),
    (HEADER + b"\rEVN||1\rPID|1", ["MSH", "EVN", "PID"], "last CR missing"),
    (HEADER + b"\nEVN||1\nPID|1\n", ["MSH", "EVN", "PID"], "LF files"),
    (HEADER + b"\r\nEVN||1\r\nPID|1\r\n", ["MSH", "EVN", "PID"], "CRLF files"),
    (HEADER + b"\nEVN||1\r\nPID|1\rPV1|1\n", ["MSH", "EVN", "PID", "PV1"], "mixed after an LF header"),
    (HEADER + b"\r\nEVN||1\nPID|1\rPV1|1\n", ["MSH", "EVN", "PID", "PV1"], "mixed after a CRLF header"),
    (HEADER + b"\rEVN||1\n\nPID|1\n", ["MSH", "EVN", "PID"], "a blank line between line feeds"),
    (HEADER + b"\revn||1\r pid|1\r", ["MSH", "EVN", "PID"], "names in small letters, indented"),
    (HEADER + b"\r\rEVN||1\r\r\r", ["MSH", "EVN"], "blank lines"),
    (b"\xef\xbb\xbf" + HEADER + b"\rEVN||1\r", ["MSH", "EVN"], "byte order mark"),
    (b"\x0b" + HEADER + b"\rEVN||1\r\x1c\r", ["MSH", "EVN"], "framing left on"),
    (b"\r\n " + HEADER + b"\r", ["MSH"], "blanks before"),
    (HEADER + b"\rPID|1|A\x1c\r", ["MSH", "PID"], "the end of a frame left on the last segment"),
    (HEADER + b"\rZBE|1\rXYZ\r??\r", ["MSH", "ZBE", "XYZ", "??"], "anything may follow"),
    (b"MSH|^~\\&", ["MSH"], "the shortest"),
    (b"MSH|^~\\&\r", ["MSH"], "the shortest, ended"),
]


@pytest.mark.parametrize(("octets", "names", "reason"), SHAPES)
def test_line_ends(octets, names, reason):
    message = parse(octets)

    assert names == [segment.name for segment in message.segments], reason
    assert octets == render(message), reason
    assert octets == render(message.with_segments(message.segments)), reason


def test_a_bare_line_feed_in_a_message_of_carriage_returns_is_text():
    message = parse(HEADER + b"\rNTE|1||one\ntwo\rPID|1\r")

    assert message["NTE-3"] == "one\ntwo"
    assert [segment.name for segment in message.segments] == ["MSH", "NTE", "PID"]


@pytest.mark.parametrize(
    ("octets", "version", "path", "expected", "reason"),
    [
        (b"MSH|^~\\&#|A\rPID|1||1^^^H#X\\P\\\r", "#", "PID-3.4", "H#X#", "five characters in MSH-2"),
        (b"MSH@~&#\\@A@B\rPID@1@@1~~~H\\2&3\r", "", "PID-3.4.2", "2", "all others"),
        (b"MSH|^~\\}|A\rPID|1||1^^^H}2\r", "", "PID-3.4.2", "2", "seen"),
        (b"MSH|^|A\rPID|1||1~\\T\\2&^3\r", "", "PID-3", "1~\\T\\2&", "only a component separator"),
    ],
)
def test_delimiters_are_each_messages_own(octets, version, path, expected, reason):
    message = parse(octets)

    assert expected == message[path], reason
    assert version == message.delimiters.truncation
    assert octets == render(message)


@pytest.mark.parametrize(
    ("octets", "expression", "reason"),
    [
        (b"", "MSH^1", "nothing"),
        (b"EVN|A01\rPID|1\r", "MSH^1", "no header"),
        (b"hello", "MSH^1", "prose"),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A\r", "MSH^1", "a batch"),
        (b"MSH", "MSH^1^2", "no delimiters"),
        (b"MSH|", "MSH^1^2", "no MSH-2"),
        (b"MSH||A|B\r", "MSH^1^2", "empty MSH-2"),
        (b"MSHX^~\\&XA\r", "MSH^1^2", "a letter separates"),
        (b"MSH|^~\\^|A\r", "MSH^1^2", "twice the same"),
        (b"MSH|^~\\&|A|||||||||||||||UNICODE UTF-8\rPID|1||\xe9\r", "MSH^1^18", "not what it claims"),
    ],
)
def test_what_cannot_be_read_is_refused(octets, expression, reason):
    with pytest.raises(FhirError) as raised:
        parse(octets)

    assert (Category.MALFORMED, expression) == (raised.value.category, raised.value.issues[0].expression), reason


def test_characters_by_declaration_default_and_bytes():
    body = b"\rPID|1||||\xc9lo\xefse\r"
    bare = b"MSH|^~\\&|A"

    assert parse(HEADER + body)["PID-5"] == "Éloïse"
    assert parse(bare + body)["PID-5"] == "Éloïse"
    utf8 = parse(HEADER + "\rPID|1||||Éloïse\r".encode())
    assert utf8["PID-5"] == "Éloïse"
    assert (utf8.warnings, utf8.charset) == ([CHARSET_MISMATCH], "utf-8")


def test_only_the_first_repetition_of_msh_18_declares():
    message = parse(b"MSH|^~\\&|A|||||||||||||||UNICODE UTF-8~ISO IR87\rPID|1||||\xc3\xa9\r")

    assert (message["PID-5"], message.charset) == ("é", "utf-8")


def test_a_codec_known_beforehand_wins():
    message = parse_as(HEADER + "\rPID|1||||é\r".encode(), "utf-8")

    assert (message["PID-5"], message.warnings) == ("é", [])
    with pytest.raises(FhirError):
        parse_as(HEADER + b"\rPID|1||||\xe9\r", "utf-8")


def test_header_as_sent():
    header = scan_header(HEADER + b"\rPID|1\r")

    assert header.is_readable
    assert (header.sending_application, header.sending_facility) == ("APP", "FAC^1.2^ISO")
    assert (header.receiving_application, header.receiving_facility) == ("US", "HERE")
    assert (header.type, header.trigger, header.structure) == ("ADT", "A01", "ADT_A01")
    assert (header.datetime, header.control_id, header.processing_id) == ("20260105", "C1", "P")
    assert (header.version, header.version_id) == ("2.5^FRA^2.11", "2.5")
    assert (
        header.accept_ack,
        header.application_ack,
        header.country,
        header.charset,
    ) == ("AL", "NE", "FRA", "8859/1")


@pytest.mark.parametrize(
    ("octets", "readable", "control_id", "reason"),
    [
        (b"", False, "", "nothing"),
        (b"\xff\xfe\x00", False, "", "noise"),
        (b"MSH", False, "", "cut after the name"),
        (b"MSH|^~\\&|A|B", True, "", "cut in the middle"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|C", True, "C", "cut in MSH-10"),
        (b"noise\rMSH|^~\\&|A|B|C|D|2026||ADT^A01|C1|P", True, "C1", "header on a later line"),
        (b"BHS|^~\\&\rMSH|^~\\&|A|B|C|D|2026||ADT^A01|C1|P", True, "C1", "batch"),
        (b"MSH@~&#\\@A@B@C@D@2026@@ADT~A01@C1@P", True, "C1", "its own delimiters"),
        (b"MSH|^~\\&|\xc9|B|C|D|2026||ADT^A01|C1|P", True, "C1", "bytes that are no ASCII"),
        (b"MSH||A|B|C|D|2026||ADT^A01|C1|P", False, "", "no encoding characters"),
    ],
)
def test_header_is_scanned_whatever_the_bytes(octets, readable, control_id, reason):
    header = scan_header(octets)

    assert (readable, control_id) == (header.is_readable, header.control_id), reason


def test_unreadable_header_has_defaults():
    header = scan_header(b"garbage")

    assert (header.delimiters, header.version) == (DEFAULT_DELIMITERS, "")
    assert Delimiters() == header.delimiters


def test_the_end_of_a_frame_is_no_part_of_the_last_value():
    assert parse(HEADER + b"\rPID|1|A\x1c\r")["PID-2"] == "A"


@pytest.mark.parametrize("field", [17, 19, 20])
def test_a_character_set_declared_in_a_field_nearby_counts(field):
    message = parse(b"MSH|^~\\&|A" + b"|" * (field - 3) + b"UNICODE UTF-8\rPID|1||||\xc3\xa9\r", "8859/1")

    assert (message["PID-5"], message.charset, message.warnings) == ("é", "utf-8", [CHARSET_MISPLACED])


def test_a_country_and_a_language_are_no_character_sets():
    message = parse(b"MSH|^~\\&|A||||||||||||||FRA||fr^French^ISO639|2.3\rPID|1||||\xe9\r", "8859/15")

    assert (message.charset, message.warnings) == ("iso8859-15", [])


def test_japanese_switches_sets_inside_ascii():
    octets = b"MSH|^~\\&|A|||||||||||||||~ISO IR87||ISO 2022-1994\rPID|1||||" + "山田^太郎\r".encode("iso2022_jp")

    assert (parse(octets)["PID-5.1"], parse(octets)["PID-5.2"]) == ("山田", "太郎")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-32"])
def test_wide_characters_are_refused_by_name_and_answered(codec):
    octets = "MSH|^~\\&|A|B|C|D|2026||ADT^A01|C1|P|2.5||||||UNICODE UTF-16\rPID|1\r".encode(codec)
    header = scan_header(octets)

    assert (header.is_readable, header.control_id, header.charset) == (True, "C1", "")
    with pytest.raises(FhirError) as raised:
        parse(octets)
    assert (raised.value.category, raised.value.issues[0].expression) == (Category.MALFORMED, "MSH^1^18")
    assert "send it in UTF-8" in str(raised.value)
