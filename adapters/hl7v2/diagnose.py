"""Explain in words what is wrong with a message, for people: dead letters, the command line, mapping authors.

Slow and thorough: hl7apy in full beside our own checks. hl7apy fails on many messages in many ways; its failure is one
more line of the explanation. No value of the message is repeated, only names, positions and counts.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from adapters.hl7v2.definitions import segment_definition, supported_version
from adapters.hl7v2.encoding import CHARSET_MISMATCH, CHARSET_UNKNOWN
from adapters.hl7v2.events import structure_id
from adapters.hl7v2.message import Message, Segment
from adapters.hl7v2.parse import parse, split_messages
from adapters.hl7v2.structure import check
from fhir_server.kernel.errors import FhirError, Issue

#: What hl7apy has been seen to raise on real messages, beside its own family.
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
_CHARSET_WORDS = {
    CHARSET_MISMATCH: "MSH-18 (or the feed's default) does not name the character set the bytes are in.",
    CHARSET_UNKNOWN: "MSH-18 names a character set that is not in table 0211.",
}
#: Lines of hl7apy's report we can repeat, without the values it puts into them.
_REPORT_LINES = (
    (re.compile(r"Error: Missing required child \w+\.(?P<a>\w+)$"), "{a} is required and absent."),
    (re.compile(r"Error: Child limit exceeded \w+\.(?P<a>\w+)$"), "{a} occurs more often than the standard allows."),
    (re.compile(r"Error: Datatype (?P<a>\w+) is not correct for \w+\.(?P<b>\w+) .*"), "{b} is not read as {a}."),
    (
        re.compile(r"Error: Invalid children detected for <(?P<a>\w+) .*"),
        "A {a} holds elements the standard does not give it.",
    ),
    (re.compile(r"Error: (?:Unknown|Invalid) element found: .*"), "There is an element the standard does not define."),
    (
        re.compile(r"Warning: Value .* not in table HL7(?P<a>\w+) in element .*\.(?P<b>\w+)$"),
        "{b} is not a code of table {a}.",
    ),
    (
        re.compile(r"Warning: Exceeded max length \((?P<a>\d+)\) of .*\.(?P<b>\w+)$"),
        "{b} is longer than {a} characters.",
    ),
)
_ELEMENT = re.compile(r"\b([A-Z][A-Z0-9]{1,2})_(\d+)\b")


def explain(octets: bytes) -> str:
    """A report on the message (or messages) in `octets`, a line for each finding. Never raises, whatever the bytes."""
    pieces = split_messages(octets) or [octets]
    reports = ["\n".join(_explain(piece)) for piece in pieces]
    return "\n\n".join(reports) + "\n"


def _explain(octets: bytes) -> Iterator[str]:
    try:
        message = parse(octets)
    except FhirError as error:
        yield "The message cannot be read:"
        yield from (f"  {_sentence(issue)}" for issue in error.issues)
        return
    yield _summary(message)
    yield from (f"Character set: {_CHARSET_WORDS[warning]}" for warning in message.warnings)
    issues = check(message)
    for number, segment in enumerate(message.segments, 1):
        place = _place(message, segment)
        findings = [_sentence(issue) for issue in issues if _is_about(issue, place)]
        yield f"{number}. {_title(message, segment)}: {' '.join(findings) or 'nothing to report.'}"
    placed = [_place(message, segment) for segment in message.segments]
    yield from (_sentence(issue) for issue in issues if not any(_is_about(issue, place) for place in placed))
    yield from _second_opinion(message)


def _summary(message: Message) -> str:
    version = supported_version(message["MSH-12"] or "")
    kind, trigger = message["MSH-9.1"] or "?", message["MSH-9.2"] or "?"
    structure = structure_id(version, kind, trigger, message["MSH-9.3"] or "") or "none known"
    control = "has a control id" if message["MSH-10"] else "has no control id"
    count = len(message.segments)
    return (
        f"{_code(kind)}^{_code(trigger)}, read as version {version}, structure {structure}, {count} segments, "
        f"text in {message.charset}, {control}."
    )


def _title(message: Message, segment: Segment) -> str:
    if segment.name.startswith("Z") and len(segment.name) == 3:
        return f"{_code(segment.name)} (by agreement)"
    definition = segment_definition(message["MSH-12"] or "", segment.name[:4])
    if definition is None:
        return "not a segment of this version"
    surplus = len(segment.fields) - 1 - max(definition.fields, default=0)
    return segment.name + (f" with more fields than defined ({surplus})" if surplus > 0 else "")


def _place(message: Message, segment: Segment) -> str:
    same = message.segments_named(segment.name)
    return f"{segment.name}^{next(index for index, other in enumerate(same, 1) if other is segment)}"


def _is_about(issue: Issue, place: str) -> bool:
    return issue.expression is not None and (issue.expression == place or issue.expression.startswith(place + "^"))


def _sentence(issue: Issue) -> str:
    return f"[{issue.severity}] {issue.diagnostics}"


def _code(text: str) -> str:
    """A name that may be shown: three capitals or digits, nothing a person could be known by."""
    return text if re.fullmatch(r"[A-Z][A-Z0-9]{2}", text) else "???"


def _second_opinion(message: Message) -> Iterator[str]:
    """What hl7apy says: read without groups, since with them it drops the segments it cannot place."""
    text = "\r".join(segment.raw for segment in message.segments)
    try:
        element = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        # One by one: its validator knows no message without groups.
        lines = [f"{segment.name}: {line}" for segment in element.children for line in _report(segment)]
    except _CRASHES as error:
        yield f"hl7apy cannot read it ({type(error).__name__})."
        return
    yield f"hl7apy: {len(lines)} findings." if lines else "hl7apy: nothing to report."
    yield from (f"  {line}" for line in lines)


def _report(element: object) -> list[str]:
    """The lines of hl7apy's validator, which it gives only by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report")
        try:
            Validator.validate(element, report_file=str(path))
        except _CRASHES as error:
            if not path.exists():
                return [f"Its validator gave up ({type(error).__name__})."]
        lines = path.read_text("utf-8", "replace").splitlines()
    return list(dict.fromkeys(_without_values(line) for line in lines))


def _without_values(line: str) -> str:
    for pattern, words in _REPORT_LINES:
        match = pattern.match(line)
        if match is not None:
            return _ELEMENT.sub(r"\1-\2", words.format(**match.groupdict()))
    return "A finding that cannot be told without the message's values."
