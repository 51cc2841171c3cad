import pytest

from adapters.mllp.framing import HEAD, FaultKind, Frame, Framer, FramingFault, frame, payload_of

OUTSIDE, TRUNCATED, TOO_LONG = FaultKind.OUTSIDE, FaultKind.TRUNCATED, FaultKind.TOO_LONG

CASES = [
    (b"\x0bA\x1c\r", [Frame(b"A")], "one frame"),
    (b"\x0bA\x1c\r\x0bB\x1c\r", [Frame(b"A"), Frame(b"B")], "several in one packet"),
    (b"\x0bA\r\x1c\r", [Frame(b"A\r")], "the CR of the last segment belongs to the message"),
    (b"\x0bA\x1c\x0bB\x1c", [Frame(b"A"), Frame(b"B")], "final CR missing"),
    (b"\x0bA\x1c\r\n\x0bB\x1c\r\n", [Frame(b"A"), Frame(b"B")], "line ends between frames"),
    (b" \r\n\x00\x0bA\x1c\r  ", [Frame(b"A")], "keep-alive blanks"),
    (b"\x0b\x0bA\x1c\x1c\r", [Frame(b"A")], "doubled framing bytes"),
    (b"\x0b\x1c\r", [Frame(b"")], "an empty frame"),
    (b"junk\x0bA\x1c\r", [FramingFault(OUTSIDE, b"junk"), Frame(b"A")], "bytes before the start"),
    (b"\x0bA\x1cjunk\r\x0bB\x1c\r", [Frame(b"A"), FramingFault(OUTSIDE, b"junk"), Frame(b"B")], "1C without 0D"),
    (b"\x0bA\x0bB\x1c\r", [FramingFault(TRUNCATED, b"A"), Frame(b"B")], "a start inside a frame"),
    (b"\x0b12345678901\x1c\r\x0bB\x1c\r", [FramingFault(TOO_LONG, b"12345678901"), Frame(b"B")], "over the limit"),
    (b"\x0b12345678901\x0bB\x1c\r", [FramingFault(TOO_LONG, b"12345678901"), Frame(b"B")], "over it, without an end"),
    (b"\x0b1234567890\x1c\r", [Frame(b"1234567890")], "exactly at the limit"),
]


@pytest.mark.parametrize(("octets", "expected", "reason"), CASES)
def test_events(octets, expected, reason):
    framer = Framer(max_size=10)

    assert expected == framer.feed(octets), reason
    assert framer.close() == []


@pytest.mark.parametrize(
    ("octets", "expected", "reason"),
    [
        (b"\x0bA\r", [FramingFault(TRUNCATED, b"A\r")], "a frame without an end"),
        (b"MSH|no framing at all\r", [FramingFault(OUTSIDE, b"MSH|no framing at all")], "no frame at all"),
        (b"\x0b \r", [], "a start byte and blanks"),
        (b"\r\n", [], "blanks"),
        (b"", [], "nothing"),
    ],
)
def test_the_end_of_the_stream_reveals(octets, expected, reason):
    framer = Framer()

    assert framer.feed(octets) == []
    assert expected == framer.close(), reason
    assert framer.close() == []


def test_one_frame_over_many_packets():
    framer = Framer()

    assert framer.feed(b"\x0bA") == []
    assert framer.feed(b"B") == []
    assert [Frame(b"AB")] == framer.feed(b"\x1c")
    assert framer.feed(b"\r") == []


def test_an_endless_frame_is_told_once_and_only_its_head_is_kept():
    framer = Framer(max_size=2 * HEAD)
    events = framer.feed(b"\x0b" + b"x" * 3 * HEAD) + framer.feed(b"y" * HEAD) + framer.feed(b"\x1c\r\x0bA\x1c\r")

    assert [FramingFault(TOO_LONG, b"x" * HEAD), Frame(b"A")] == events


def test_endless_junk_is_told_once_and_only_its_head_is_kept():
    framer = Framer()
    events = framer.feed(b"\n" + b"x" * HEAD) + framer.feed(b"y" * HEAD) + framer.feed(b"\x0bA\x1c\r")

    assert [FramingFault(OUTSIDE, b"x" * HEAD), Frame(b"A")] == events


def test_frame():
    assert frame(b"A") == b"\x0bA\x1c\r"


@pytest.mark.parametrize("payload", [b"a\x1cb", b"\x0b"])
def test_a_payload_that_would_be_cut(payload):
    with pytest.raises(ValueError):
        frame(payload)


@pytest.mark.parametrize(
    ("octets", "expected", "reason"),
    [
        (b"\x0bMSH|\r\x1c\r", b"MSH|\r", "framed file"),
        (b"MSH|\r", b"MSH|\r", "raw file"),
        (b"MSH|\nPID|\n\n", b"MSH|\nPID|\r", "ends with CR"),
        (b"\x0bMSH|\r", b"MSH|\r", "only the start byte"),
        (b"MSH|\r\x1c\r", b"MSH|\r", "only the end bytes"),
    ],
)
def test_files_with_and_without_frame(octets, expected, reason):
    assert expected == payload_of(octets), reason
