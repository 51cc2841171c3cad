"""What hl7apy says of a message: a second opinion beside our own checks, for people.

It is asked in full: read strictly by the version's structures, and where it refuses, read tolerantly and validated. It
fails on many messages in many ways; that is one more line, never an error. Its own texts hold values of the message, so
they are told again in words that hold none, unless values were asked for.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import get_message_info, parse_message, parse_segment
from hl7apy.validation import Validator

from adapters.hl7v2.message import Message

#: It may take ten seconds for twenty thousand characters.
_LONGEST = 50_000
_LEVELS = {"strictly": VALIDATION_LEVEL.STRICT, "tolerantly": VALIDATION_LEVEL.TOLERANT}
#: What it has been seen to raise on real messages, beside its own family.
_CRASHES = (
    HL7apyException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
#: Texts of its exceptions and lines of its report that we can repeat, without the values it puts into them.
_WORDS = (
    (re.compile(r"Missing required child \w+\.(?P<a>\w+)"), "{a} is required and absent."),
    (re.compile(r"Child limit exceeded \w+\.(?P<a>\w+)"), "{a} occurs more often than the standard allows."),
    (re.compile(r"Datatype (?P<a>\w+) is not correct for \w+\.(?P<b>\w+)"), "{b} is not read as {a}."),
    (
        re.compile(r"Invalid children detected for <(?P<a>\w+) "),
        "A {a} holds elements the standard does not give it.",
    ),
    (re.compile(r"(?:Unknown|Invalid) element found: "), "There is an element the standard does not define."),
    (
        re.compile(r"Value .* not in table HL7(?P<a>\w+) in element .*\.(?P<b>\w+)$", re.DOTALL),
        "{b} is not a code of table {a}.",
    ),
    (re.compile(r"Exceeded max length \((?P<a>\d+)\) of .*\.(?P<b>\w+)$"), "{b} is longer than {a} characters."),
    (re.compile(r"(?P<a>[A-Z][A-Z0-9]{2}) is not a valid child for <Message "), "{a} has no place in this message."),
    (
        re.compile(r"Cannot add <\w+ (?P<a>[A-Z][A-Z0-9_]+)\W.* max limit \(\d+\) reached", re.DOTALL),
        "{a} occurs more often than the standard allows.",
    ),
    (
        re.compile(r"Cannot add .* max limit \(\d+\) reached for <\w+ (?P<a>[A-Z][A-Z0-9_]+)\W", re.DOTALL),
        "{a} holds more than the standard allows.",
    ),
    (re.compile(r"Cannot instantiate an unknown Element"), "there is an element the standard does not define."),
    (re.compile(r".* is not an HL7 valid (?P<a>\w+) value$", re.DOTALL), "a value is no {a}."),
    (
        re.compile(r"The value .* exceed the max length: (?P<a>\d+)$", re.DOTALL),
        "a value is longer than {a} characters.",
    ),
    (re.compile(r"Invalid name for \w+: (?P<a>[A-Z][A-Z0-9]{1,2}_\d+)$"), "it does not know {a}."),
    (re.compile(r"Invalid encoding chars"), "it does not take these delimiters."),
    (re.compile(r"The version (?P<a>[0-9.]{1,7}) is not supported"), "it does not know version {a}."),
)
_ELEMENT = re.compile(r"\b([A-Z][A-Z0-9]{1,2})_(\d+)\b")
_SILENT = "A finding that cannot be told without the message's values."


def second_opinion(message: Message, *, values: bool = False) -> Iterator[str]:
    """What hl7apy says, a line for each finding. Never raises; `values` lets its own texts stand."""
    tell = _in_full if values else _without_values
    if sum(len(segment.raw) for segment in message.segments) > _LONGEST:
        yield f"hl7apy: not asked, it would take too long for a message of more than {_LONGEST:,} characters."
        return
    text = "\r".join(segment.raw for segment in message.segments)
    # Before 2.7 it takes no fifth character.
    text = text.replace(message.delimiters.encoding_characters, message.delimiters.encoding_characters[:4], 1)
    for how, level in _LEVELS.items():
        try:
            element = parse_message(text, validation_level=level, find_groups=True)
            dropped = len(message.segments) - element.to_er7().count("\r") - 1
        except _CRASHES as error:
            yield f"hl7apy, {how}: refused ({type(error).__name__}), {tell(str(error))}"
            continue
        if dropped < 1:
            yield from _findings(how, _report(element, tell))
            return
        yield f"hl7apy, {how}: {dropped} of {len(message.segments)} segments have no place in the structure."
    yield from _one_by_one(text, tell)


def _one_by_one(text: str, tell: Callable[[str], str]) -> Iterator[str]:
    """Where the structure helps no more, the segments are asked singly."""
    try:
        characters, _, version = get_message_info(text)
    except _CRASHES as error:
        yield f"hl7apy, segment by segment: refused ({type(error).__name__})."
        return
    lines: list[str] = []
    for raw in text.split("\r"):
        try:
            segment = parse_segment(raw, version, characters, VALIDATION_LEVEL.TOLERANT)
            lines += [f"{segment.name}: {line}" for line in _report(segment, tell)]
        except _CRASHES as error:
            lines.append(f"it cannot read a segment ({type(error).__name__}).")
    yield from _findings("segment by segment", lines)


def _findings(how: str, lines: list[str]) -> Iterator[str]:
    yield f"hl7apy, {how}: {len(lines)} findings." if lines else f"hl7apy, {how}: nothing to report."
    yield from (f"  {line}" for line in lines)


def _report(element: Any, tell: Callable[[str], str]) -> list[str]:
    """The lines of its validator, which gives them only by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report")
        try:
            Validator.validate(element, report_file=str(path))
        except _CRASHES as error:
            if not path.exists():
                return [f"Its validator gave up ({type(error).__name__})."]
        lines = path.read_text("utf-8", "replace").splitlines()
    return list(dict.fromkeys(tell(line.removeprefix("Error: ").removeprefix("Warning: ")) for line in lines))


def _in_full(line: str) -> str:
    return line.replace("\r", " ").replace("\n", " ")


def _without_values(line: str) -> str:
    for pattern, words in _WORDS:
        match = pattern.match(line)
        if match is not None:
            return _ELEMENT.sub(r"\1-\2", words.format(**match.groupdict()))
    return _SILENT
