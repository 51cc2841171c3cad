import pytest

from adapters.hl7v2.batch import answer, holds_several, split_messages

HEADER = b"MSH|^~\\&|APP|FAC|US|HERE|20260105||ADT^A01^ADT_A01|C1|P|2.5"
ONE, TWO = HEADER + b"\rPID|1\r", HEADER + b"\rPID|2\r"
FHS = b"FHS|^~\\&|APP|FAC|US|HERE|20260105||file.hl7||F1\r"
BHS = b"BHS|^~\\&|APP|FAC|US|HERE|20260105||||B1\r"


@pytest.mark.parametrize(
    ("octets", "expected", "reason"),
    [
        (ONE, [ONE], "one"),
        (ONE + TWO, [ONE, TWO], "one after the other"),
        (FHS + BHS + ONE + TWO + b"BTS|2\rFTS|1\r", [ONE, TWO], "a file of one batch"),
        (BHS + ONE + b"BTS|1\r" + BHS + TWO + b"BTS|1\r", [ONE, TWO], "two batches"),
        (BHS + ONE, [ONE], "a batch without its end"),
        (b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r", [ONE, TWO], "frames left on"),
        (b"\xef\xbb\xbf" + ONE + b"\xef\xbb\xbf" + TWO, [b"\xef\xbb\xbf" + ONE, b"\xef\xbb\xbf" + TWO], "files joined"),
        (ONE + b"\n  " + TWO, [ONE + b"\n", b"  " + TWO], "blank lines and indentation"),
        (ONE.replace(b"\r", b"\n") + TWO, [ONE.replace(b"\r", b"\n"), TWO], "mixed line ends"),
        (BHS + b"PID|1\rPV1|1\rBTS|1\r", [b"PID|1\rPV1|1\r"], "a message without its header is not lost"),
        (b"PID|1\r" + ONE, [b"PID|1\r", ONE], "nor is what stands before the first"),
        (ONE + b"NTE|1||MSH is a segment\rMSHA|\r", [ONE + b"NTE|1||MSH is a segment\rMSHA|\r"], "a word is no start"),
        (BHS + b"BTS|0\r", [], "an empty batch"),
        (b"", [], "nothing"),
        (b" \r\n", [], "blanks"),
    ],
)
def test_the_messages_of_a_file(octets, expected, reason):
    assert expected == split_messages(octets), reason


@pytest.mark.parametrize(
    ("octets", "several", "reason"),
    [
        (ONE, False, "one message"),
        (b"\xef\xbb\xbf" + ONE, False, "one message with its mark"),
        (b"", False, "nothing"),
        (b"PID|1\r", False, "no message"),
        (ONE + TWO, True, "two messages"),
        (BHS + ONE + b"BTS|1\r", True, "a batch of one is a batch"),
        (FHS, True, "an empty file"),
    ],
)
def test_whether_a_frame_holds_more_than_a_message(octets, several, reason):
    assert several is holds_several(octets), reason


def test_envelopes_keep_their_own_delimiters():
    octets = b"BHS@~&#\\@A@B@C@D@@@@@N7\r" + ONE + b"BTS@1\r"

    assert answer(octets, [b"MSH|1\r"], "2026", iter(["N1"])) == b"BHS@~&#\\@C@D@A@B@2026@@@@N1@N7\rMSH|1\rBTS@1\r"


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (FHS + ONE, ["FHS", "MSH", "FTS|1"]),
        (BHS + ONE + BHS + TWO, ["BHS", "MSH", "BTS|1", "BHS", "MSH", "BTS|1"]),
        (FHS + BHS + ONE + b"FTS|1\r", ["FHS", "BHS", "MSH", "BTS|1", "FTS|1"]),
        (BHS + b"BTS|0\r", ["BHS", "BTS|0"]),
        (b"BTS|1\r" + ONE + TWO, ["MSH", "MSH"]),
        (b"BHS\r" + ONE, ["BHS", "MSH", "BTS|1"]),
    ],
)
def test_envelopes_that_are_not_whole_are_closed(octets, lines):
    reply = answer(octets, [b"MSH\r"] * 2, "2026", iter(["N1", "N2"]))

    assert lines == [line[:5] if line[1:3] == "TS" else line[:3] for line in reply.decode().split("\r")[:-1]]


def test_a_batch_is_answered_by_a_batch():
    octets = FHS + BHS + ONE + TWO + b"BTS|2\rFTS|1\r"

    reply = answer(octets, [b"MSH|1\r", b"MSH|2\r"], "20260105", iter(["N1", "N2"]))

    assert reply.split(b"\r") == [
        b"FHS|^~\\&|US|HERE|APP|FAC|20260105||||N1|F1",
        b"BHS|^~\\&|US|HERE|APP|FAC|20260105||||N2|B1",
        b"MSH|1",
        b"MSH|2",
        b"BTS|2",
        b"FTS|1",
        b"",
    ]


def test_a_count_that_is_not_true_is_told():
    reply = answer(BHS + ONE + b"BTS|3\r", [b"MSH|1\r"], "20260105", iter(["N1"]))

    assert b"BTS|1|3 announced, 1 received\r" in reply


def test_messages_without_a_batch_are_answered_one_after_the_other():
    assert answer(ONE + TWO, [b"MSH|1\r", b"MSH|2\r"], "20260105", iter([])) == b"MSH|1\rMSH|2\r"
