import pytest

from adapters.hl7v2.encoding import CHARSET_MISMATCH, CHARSET_UNKNOWN, codec_of, decode, encode, fit, wide_codec
from fhir_server.kernel.errors import Category, FhirError

LABELS = [
    ("8859/1", "iso8859-1", "table 0211"),
    ("8859/15", "iso8859-15", "the French default"),
    ("UNICODE UTF-8", "utf-8", "table 0211"),
    ("UTF-8", "utf-8", "French platforms"),
    ("utf8", "utf-8", "spelling"),
    ("UNICODE", "utf-8", "an MSH that reads as ASCII can only be in UTF-8"),
    ("ISO-8859-1", "iso8859-1", "IANA spelling"),
    ("ISO8859-15", "iso8859-15", "spelling"),
    ("8859-15", "iso8859-15", "spelling"),
    ("CP1252", "cp1252", "Windows"),
    ("windows-1252", "cp1252", "Windows"),
    ("ISO IR6", "ascii", "table 0211"),
    ("ISO IR87", "iso2022_jp_ext", "table 0211"),
    ("ISO IR14", "iso2022_jp_ext", "half-width katakana, which plain ISO-2022-JP lacks"),
    ("ISO IR159", "iso2022_jp_ext", "table 0211"),
    ("KS X 1001", "euc_kr", "table 0211"),
    ("ISO_IR 100", "iso8859-1", "as DICOM writes it"),
    ("ISO_IR 192", "utf-8", "as DICOM writes it"),
    ("8859/16", "iso8859-16", "later parts"),
    ("CP850", "cp850", "DOS"),
    ("Windows-1250", "cp1250", "Windows, central Europe"),
    ("GB 18030-2000", "gb18030", "table 0211"),
    ("8859", None, "seen, means nothing"),
    ("ISO IR 999", None, "seen, means nothing"),
    ("UNICODE UTF-16", None, "contradicts an ASCII MSH"),
    ("", None, "no name"),
]


@pytest.mark.parametrize(("label", "codec", "reason"), LABELS)
def test_names_of_character_sets(label, codec, reason):
    assert codec == codec_of(label), reason


CASES = [
    (b"plain", "UNICODE UTF-8", "plain", "utf-8", (), "ASCII bytes need no check, the label still rules the answer"),
    (b"plain", "", "plain", "iso8859-15", (), "no label: the feed's default"),
    ("é".encode(), "8859/1", "é", "utf-8", (CHARSET_MISMATCH,), "UTF-8 under a single-byte label"),
    ("é".encode(), "ASCII", "é", "utf-8", (CHARSET_MISMATCH,), "UTF-8 under ASCII"),
    ("é".encode(), "", "é", "utf-8", (CHARSET_MISMATCH,), "UTF-8 without label on a Latin feed"),
    (b"\xe9\xa4", "8859/15", "é€", "iso8859-15", (), "declared and true"),
    (b"\xe9\xa4", "", "é€", "iso8859-15", (), "agreed and true"),
    (b"\xe9", "ASCII", "é", "iso8859-15", (CHARSET_MISMATCH,), "Latin bytes under ASCII: the feed's default"),
    (b"\x92\xe9", "8859/1", "’é", "cp1252", (CHARSET_MISMATCH,), "Windows quote under 8859/1"),
    (b"\x80", "8859/15", "€", "cp1252", (CHARSET_MISMATCH,), "Windows euro under 8859/15"),
    (b"\x81\xe9", "8859/1", "\x81é", "iso8859-1", (CHARSET_MISMATCH,), "a byte that Windows-1252 leaves free"),
    (b"\xe9", "8859", "é", "iso8859-15", (CHARSET_UNKNOWN,), "unknown name: the feed's default"),
    ("é".encode(), "8859", "é", "utf-8", (CHARSET_UNKNOWN, CHARSET_MISMATCH), "unknown name, UTF-8 bytes"),
    ("日本".encode("iso2022_jp"), "ISO IR87", "日本", "iso2022_jp_ext", (), "seven-bit bytes that are not ASCII"),
    ("é".encode(), "ISO IR87", "é", "utf-8", (CHARSET_MISMATCH,), "UTF-8 under a label that cannot hold it"),
    ("联通".encode("gb18030"), "GB 18030-2000", "联通", "gb18030", (), "multi-byte labels are believed"),
]


@pytest.mark.parametrize(("octets", "label", "text", "codec", "warnings", "reason"), CASES)
def test_label_is_checked_against_bytes(octets, label, text, codec, warnings, reason):
    decoded = decode(octets, label, "8859/15")

    assert (text, codec, warnings) == (decoded.text, decoded.codec, decoded.warnings), reason


@pytest.mark.parametrize(
    ("octets", "label", "default", "reason"),
    [
        (b"abc\xe9", "UNICODE UTF-8", "8859/15", "declared UTF-8 and is not"),
        (b"abc\xe9", "", "UNICODE UTF-8", "agreed UTF-8 and is not"),
        (b"abc\xff", "GB 18030-2000", "8859/15", "declared GB 18030 and is not"),
        (b"\xa5\xff", "8859/3", "8859/15", "a byte the set does not have"),
    ],
)
def test_what_the_set_cannot_hold_is_refused(octets, label, default, reason):
    with pytest.raises(FhirError) as raised:
        decode(octets, label, default)

    assert (raised.value.category, raised.value.issues[0].expression) == (Category.MALFORMED, "MSH^1^18"), reason
    assert raised.value.category.ack_code == "AR"


@pytest.mark.parametrize(
    ("text", "codec", "expected", "reason"),
    [
        ("été", "iso8859-15", "été", "nothing to do"),
        ("l’été – “ici”", "iso8859-15", 'l\'été - "ici"', "typographic marks"),
        ("Ąłő", "iso8859-15", "Alo", "base letters"),
        ("日", "iso8859-1", "?", "no plain spelling"),
        ("｜＾", "ascii", "??", "compatibility forms must not become delimiters"),
        ("cœur €", "iso8859-1", "coeur EUR", "8859/1 lacks what French needs"),
    ],
)
def test_fit_keeps_what_it_can(text, codec, expected, reason):
    assert expected == fit(text, codec), reason
    assert expected.encode(codec) == encode(text, codec)


@pytest.mark.parametrize(
    ("octets", "labels", "expected", "reason"),
    [
        ("山田".encode("iso2022_jp"), ("", "ISO IR87"), ("山田", "iso2022_jp_ext", ()), "Japan: ASCII until switched"),
        ("山田".encode("iso2022_jp"), ("ISO IR6", "ISO IR87"), ("山田", "iso2022_jp_ext", ()), "the same, spelled out"),
        (b"plain", ("ASCII", "ISO IR87"), ("plain", "ascii", ()), "nothing was switched"),
        (b"\xc3\xa9", ("ASCII", "UNICODE UTF-8"), ("é", "utf-8", ()), "UTF-8 was announced second"),
        (b"\xe9", ("8859/1", "ISO IR87"), ("é", "iso8859-1", ()), "the first rules what it can read"),
    ],
)
def test_alternate_sets_are_used_when_the_bytes_are_in_them(octets, labels, expected, reason):
    decoded = decode(octets, labels[0], "8859/15", labels[1:])

    assert expected == (decoded.text, decoded.codec, decoded.warnings), reason


@pytest.mark.parametrize(
    ("octets", "codec"),
    [
        ("MSH|".encode("utf-16"), "utf-16-le"),
        ("MSH|".encode("utf-16-be"), "utf-16-be"),
        ("MSH|".encode("utf-32"), "utf-32-le"),
        ("MSH|".encode("utf-32-be"), "utf-32-be"),
        (b"MSH|", None),
        (b"", None),
    ],
)
def test_wide_characters_are_recognised(octets, codec):
    assert codec == wide_codec(octets)
