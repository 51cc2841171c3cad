import pytest

from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters, Notation, escape, read_delimiters, unescape

TRUNCATING = Delimiters(truncation="#")


@pytest.mark.parametrize(
    ("raw", "text", "reason"),
    [
        ("plain", "plain", "nothing to do"),
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f", "the five separators"),
        (r"\E\F\E\ ", r"\F\ ", "unescaped once, not twice"),
        (r"\H\bold\N\ text", "bold text", "highlighting is layout"),
        (r"one\.br\two", "one\ntwo", "line break of FT"),
        (r"one\.BR\two", "one\ntwo", "in capitals"),
        (r"one\.sp2\two\.ce\three", "one\n\ntwo\nthree", "vertical space and centred line"),
        (r"a\.sk3\b", "a   b", "horizontal space"),
        (r"\.in+4\a\.ti-2\b\.fi\c\.nf\d", "abcd", "indents and wrapping are layout"),
        (r"a\X0D\b\X0A\c\X0D0A\d", "a\nb\nc\nd", "hexadecimal line ends"),
        (r"a\X000d\b", "a\nb", "two-byte form of laboratories"),
        (r"a\X0D\\X0A\b", "a\nb", "CR and LF apart are one line end"),
        (r"\X41\\X7C\ ", "A| ", "hexadecimal characters"),
        (r"\Z1\ \ZLAB\ ", r"\Z1\ \ZLAB\ ", "local sequences stay"),
        (r"\C2842\ \M24422D\ ", r"\C2842\ \M24422D\ ", "character set switching stays"),
        (r"C:\temp\x", r"C:\temp\x", "unknown sequence stays"),
        ("50\\50 \\T\\ 1", "50\\50 & 1", "a lone mark is text, what follows still counts"),
        (r"\X0\ \Xyz\ ", r"\X0\ \Xyz\ ", "no hexadecimal pairs"),
        (r"\P\ ", r"\P\ ", "no truncation character defined"),
        ("\\", "\\", "a mark alone"),
        (r"\XE9\ ", r"\XE9\ ", "bytes the codec cannot read"),
    ],
)
def test_unescape(raw, text, reason):
    assert text == unescape(raw), reason


def test_hexadecimal_is_read_in_the_messages_codec():
    assert unescape("\\XC3A9\\", codec="utf-8") == "é"
    assert unescape("\\XE9\\", codec="iso8859-15") == "é"


def test_truncation_character_is_a_fifth_separator():
    assert escape("#1", TRUNCATING) == r"\P\1"
    assert unescape(r"\P\1", TRUNCATING) == "#1"
    assert escape("#1") == "#1"


@pytest.mark.parametrize(
    ("text", "raw", "reason"),
    [
        ("a|b^c&d~e\\f", r"a\F\b\S\c\T\d\R\e\E\f", "separators"),
        ("a\rPID|1", r"a\.br\PID\F\1", "no segment can be injected"),
        ("a\r\nb\nc", r"a\.br\b\.br\c", "every line end"),
        ("\x0b\x1c\x1b", "\\X0B\\\\X1C\\\\X1B\\", "no frame can be injected"),
        ("a\x85b\u2028c", r"a\.br\b\.br\c", "line ends of Unicode"),
        ("a\tb", "a\tb", "a tab is text"),
        ("a\0b", "ab", "NUL has no place in text"),
        ('""', "\\X2222\\", "two quotes are not a null"),
    ],
)
def test_escape(text, raw, reason):
    assert raw == escape(text), reason


def test_without_an_escape_character_structure_becomes_blank():
    bare = Notation(Delimiters(escape="", subcomponent=""))

    assert bare.escape("a|b^c\rd") == "a b c d"
    assert bare.unescape(r"a\F\b") == r"a\F\b"


@pytest.mark.parametrize(
    ("field", "characters", "expected", "reason"),
    [
        ("|", "^~\\&", DEFAULT_DELIMITERS, "usual"),
        ("|", "^~\\&#", TRUNCATING, "2.7 and later"),
        ("@", "~&#\\", Delimiters("@", "~", "&", "#", "\\"), "seen"),
        ("|", "^~", Delimiters("|", "^", "~", "", ""), "short"),
    ],
)
def test_read_delimiters(field, characters, expected, reason):
    assert expected == read_delimiters(field, characters), reason
    assert characters == expected.encoding_characters


@pytest.mark.parametrize(
    ("field", "characters"),
    [
        ("|", ""),
        ("", "^~\\&"),
        ("|", "^~\\^"),
        ("|", "|~\\&"),
        ("|", "^~\\&#+"),
        ("A", "^~\\&"),
        ("|", "^ \\&"),
        ("|", "^~é&"),
    ],
)
def test_unusable_delimiters(field, characters):
    with pytest.raises(ValueError):
        read_delimiters(field, characters)
