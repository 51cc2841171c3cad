"""Explain in words what is wrong with a message, for people: dead letters, the command line, mapping authors.

Slow and thorough: structure, then values segment by segment, then hl7apy's opinion. No value of the message is
repeated, only names, positions and counts, unless values are asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.hl7v2.batch import split_messages
from adapters.hl7v2.conformance import findings
from adapters.hl7v2.definitions import segment_definition, supported_version
from adapters.hl7v2.encoding import CHARSET_WORDS
from adapters.hl7v2.events import structure_id
from adapters.hl7v2.message import Message, Segment
from adapters.hl7v2.opinion import second_opinion
from adapters.hl7v2.parse import parse
from adapters.hl7v2.structure import check
from adapters.hl7v2.titles import TITLES
from fhir_server.kernel.errors import FhirError, Issue

_SEVERITIES = ("fatal", "error", "warning", "information")
#: A line of a report holds no more of a value than this.
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """A report on one message or several."""

    text: str
    #: How many findings are errors: a message that lacks what its version requires, or cannot be read.
    errors: int


def explain(octets: bytes, *, charset: str = "8859/15", values: bool = False) -> Explanation:
    """A report on the message (or messages) in `octets`, a line for each finding. Never raises, whatever the bytes.

    `charset` is what an empty MSH-18 means. With `values` each finding shows the text it is about: patient data.
    """
    pieces = split_messages(octets) or [octets]
    reports = [_Report(piece, charset, values).lines() for piece in pieces]
    if len(reports) > 1:
        reports = [[f"Message {number} of {len(reports)}", *lines] for number, lines in enumerate(reports, 1)]
    errors = sum(line.lstrip().startswith(("[error]", "[fatal]")) for lines in reports for line in lines)
    return Explanation("\n\n".join("\n".join(lines) for lines in reports) + "\n", errors)


@dataclass(frozen=True, slots=True)
class _Report:
    """The report on one message."""

    octets: bytes
    charset: str
    values: bool

    def lines(self) -> list[str]:
        try:
            message = parse(self.octets, self.charset)
        except FhirError as error:
            return ["The message cannot be read:", *(f"   {_sentence(issue)}" for issue in error.issues)]
        return [
            _summary(message),
            *(f"Character set: {CHARSET_WORDS[warning]}" for warning in message.warnings),
            *self._segments(message),
            *second_opinion(message, values=self.values),
        ]

    def _segments(self, message: Message) -> Iterator[str]:
        issues = sorted(
            dict.fromkeys([*check(message), *findings(message)]), key=lambda issue: _SEVERITIES.index(issue.severity)
        )
        places = _places(message)
        for number, (place, segment) in enumerate(zip(places, message.segments, strict=True), 1):
            about = [issue for issue in issues if _is_about(issue, place)]
            yield f"{number}. {_title(message, segment)}{'' if about else ': nothing to report.'}"
            yield from (f"   {_sentence(issue)}{self._value(message, issue)}" for issue in about)
        yield from (_sentence(issue) for issue in issues if not any(_is_about(issue, place) for place in places))

    def _value(self, message: Message, issue: Issue) -> str:
        """The raw text that a finding is about, if it may be shown."""
        parts = (issue.expression or "").split("^")
        if not self.values or len(parts) < 3:
            return ""
        name, index, field, *deeper = parts
        segment = message.segments_named(name)[int(index) - 1]
        repetition, component, subcomponent = [*map(int, deeper), 0, 0, 0][:3]
        raw = segment[int(field)][repetition].raw if repetition else segment.raw_field(int(field))
        if component:
            part = segment[int(field)][repetition][component]
            raw = part[subcomponent].raw if subcomponent else part.raw
        return f" It is {raw[:_LONGEST]!r}." if raw else ""


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
    name = segment.name
    title = f" {TITLES[name]}" if name in TITLES else ""
    if name.startswith("Z") and len(name) == 3:
        return f"{_code(name)}{title or ' (by agreement)'}"
    if segment_definition(message["MSH-12"] or "", name[:4]) is None:
        known = f"{name}{title}: " if title else ""
        return f"{known}not a segment of this version"
    return name + title


def _places(message: Message) -> list[str]:
    counts: dict[str, int] = {}
    places = []
    for segment in message.segments:
        counts[segment.name] = counts.get(segment.name, 0) + 1
        places.append(f"{segment.name}^{counts[segment.name]}")
    return places


def _is_about(issue: Issue, place: str) -> bool:
    return issue.expression is not None and (issue.expression == place or issue.expression.startswith(place + "^"))


def _sentence(issue: Issue) -> str:
    return f"[{issue.severity}] {issue.diagnostics}"


def _code(text: str) -> str:
    """A name that may be shown: three capitals or digits, nothing a person could be known by."""
    return text if re.fullmatch(r"[A-Z][A-Z0-9]{2}", text) else "???"
