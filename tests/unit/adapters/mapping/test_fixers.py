"""Fixers put fields where they belong, and leave alone what stands right."""

from pathlib import Path

import pytest

from adapters.hl7v2.parse import parse, render
from adapters.mapping.feed import FeedMapping, Fixer
from adapters.mapping.fixers import FIXERS, fixed, problems

HEAD = "MSH|^~\\&|A|B|C|D|20260105080000||SIU^S12|1|P|2.5\r"


def after(text: str, *fixers: Fixer) -> str:
    message = parse((HEAD + text).encode())
    return fixed(message, FeedMapping("site", fixers=fixers)).text.removeprefix(HEAD)


def test_a_field_left_out_is_put_back() -> None:
    assert "SCH|1|||2|3\r" == after("SCH|1||2|3\r", Fixer("insert", "SCH-3"))


def test_a_field_too_many_is_taken_out() -> None:
    assert "ZBE|M|T|INSERT|N\r" == after("ZBE|M|T|x|INSERT|N\r", Fixer("drop", "ZBE-3"))


def test_a_field_is_moved() -> None:
    assert "PID|1||||A^B\r" == after("PID|1||A^B\r", Fixer("move", "PID-3", "PID-5"))


def test_a_field_that_holds_something_is_never_overwritten() -> None:
    assert "PID|1||A||B\r" == after("PID|1||A||B\r", Fixer("move", "PID-3", "PID-5"))


@pytest.mark.parametrize("fixer", [Fixer("insert", "SCH-9"), Fixer("drop", "SCH-9"), Fixer("move", "SCH-9", "SCH-3")])
def test_fields_that_are_not_there_stay_so(fixer: Fixer) -> None:
    assert "SCH|1||2\r" == after("SCH|1||2\r", fixer)


def test_a_condition_is_asked_of_each_segment() -> None:
    fixer = Fixer("drop", "AIS-3", when="AIS-4.1 in LATE")

    assert "AIS|1||LATE\rAIS|2||x|RIGHT\r" == after("AIS|1||x|LATE\rAIS|2||x|RIGHT\r", fixer)


def test_fixers_are_applied_in_order() -> None:
    fixers = (Fixer("drop", "PV1-2", when="present PV1-4"), Fixer("drop", "PV1-2", when="present PV1-3"))

    assert "PV1|1|V\r" == after("PV1|1|||V\r", *fixers)


def test_a_message_without_anything_to_fix_is_the_very_message() -> None:
    message = parse((HEAD + "SCH|1\r").encode())

    assert fixed(message, FeedMapping("site", fixers=(Fixer("drop", "ZBE-3"),))) is message


def test_the_rest_keeps_its_bytes() -> None:
    octets = b"\xef\xbb\xbfMSH|^~\\&|A|B|C|D|2026||SIU^S12|1|P|2.5\r\nSCH|1||2\r\nZZZ||| x\r\n"
    message = fixed(parse(octets), FeedMapping("site", fixers=(Fixer("insert", "SCH-3"),)))

    assert octets.replace(b"SCH|1||2", b"SCH|1|||2") == render(message)


def test_other_delimiters_are_kept() -> None:
    message = parse(b"MSH#^~\\&#A#B#C#D#2026##SIU^S12#1#P#2.5\rSCH#1##2\r")

    assert "SCH#1###2" == fixed(message, FeedMapping("site", fixers=(Fixer("insert", "SCH-3"),))).segments[1].raw


@pytest.mark.parametrize(
    ("fixer", "problem"),
    [
        (Fixer("shuffle", "SCH-3"), "there is no fixer 'shuffle'; there are drop, insert, move"),
        (Fixer("move", "SCH-3"), "`to` goes with `move`"),
        (Fixer("insert", "SCH-3", to="SCH-4"), "`to` goes with `move`"),
        (Fixer("insert", "SCH"), "not a position in a message: 'SCH'"),
        (Fixer("insert", "SCH-3", when="SCH-4 is full"), "not a condition: 'SCH-4 is full'"),
        (Fixer("drop", "MSH-3"), "a fixer cannot act on MSH"),
        (Fixer("drop", "QQQ-3"), "a fixer cannot act on QQQ"),
        (Fixer("drop", "SCH-3.1"), "a fixer acts on whole fields of one segment"),
        (Fixer("move", "SCH-3", "PID-3"), "a fixer acts on whole fields of one segment"),
    ],
)
def test_what_is_wrong_with_a_fixer_is_told(fixer: Fixer, problem: str) -> None:
    assert problem in list(problems(fixer))


@pytest.mark.parametrize("name", sorted(FIXERS))
def test_every_fixer_is_documented(name: str) -> None:
    text = (Path(__file__).parents[4] / "docs" / "feeds.md").read_text("utf-8")

    assert f"| `{name}` |" in text
