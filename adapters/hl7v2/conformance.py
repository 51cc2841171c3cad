"""Check the values of a message against what its version defines: types, tables, lengths, repetitions, surplus.

For people who look into a message, never for refusing one: receivers are asked to pass over what they do not expect
(HL7 2.5 section 2.8), and codes of user-defined tables are the sender's own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from adapters.hl7v2.datetime import ISO_FORM, parse_dtm
from adapters.hl7v2.definitions import Element, SegmentDefinition, code_table, segment_definition, supported_version
from adapters.hl7v2.escape import stray_marks
from adapters.hl7v2.location import Location
from adapters.hl7v2.message import FREE_TEXT, HEADERS, Message, Segment
from fhir_server.kernel.errors import Category, Issue

#: Types whose text may hold anything.
_PROSE = frozenset({"FT", "TX"})
#: Depends on the message, not on the table.
_OPEN = frozenset({"varies", "Varies", None})
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_TIMES = frozenset({"TS", "DTM", "DT"})
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,4})?)?)?([+-]\d{4})?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
#: Longest text by type (2.5 section 2.A) and by position, up to the version before which it holds.
_LENGTHS = {"SI": 4, "NM": 16, "DT": 8, "TM": 16, "DTM": 24, "IS": 20, "ST": 199, "MSH-10": 20}
_LENGTHS_UNTIL = (2, 7)
_CODING_SYSTEMS = "0396"
_LOCAL_SYSTEM = re.compile(r"HL7\d{4}|L|99.+")
#: Tables of HL7's own that later versions and countries add to.
_EXTENDED = frozenset({"0203", "0301", _CODING_SYSTEMS})
#: What stands in a coded field when the fields before it are too many or too few.
_STRAYS = (
    (re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d(\d\d)?([+-]\d{4})?"), "a time"),
    (re.compile(r"\d{1,4} (?i:s|sec|m|mn|min|minutes|h|hr|j|d)"), "a duration"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def findings(message: Message) -> Iterator[Issue]:
    """Everything odd about values; `expression` is an HL7 location. No value is repeated."""
    version = supported_version(message["MSH-12"] or "")
    counts: dict[str, int] = {}
    for segment in message.segments:
        counts[segment.name] = counts.get(segment.name, 0) + 1
        definition = segment_definition(version, segment.name)
        if definition is not None:
            yield from _Inspection(version, segment, counts[segment.name], definition).findings()


@dataclass(frozen=True, slots=True)
class _Inspection:
    """One segment being looked at."""

    version: str
    segment: Segment
    index: int
    definition: SegmentDefinition

    def findings(self) -> Iterator[Issue]:
        last = max(self.definition.fields, default=0)
        first = 3 if self.segment.name in HEADERS else 1
        for number, raw in enumerate(self.segment.fields[first : last + 1], first):
            element = self.definition.fields.get(number)
            if raw and element is None:
                yield self._issue(Category.STRUCTURE, self._at(number), "", "is withdrawn in this version")
            elif raw and element is not None:
                yield from self._field(raw, element, number)
        yield from self._surplus(last)

    def _surplus(self, last: int) -> Iterator[Issue]:
        surplus = self.segment.fields[last + 1 :] if last else []
        if any(surplus):
            yield self._issue(
                Category.STRUCTURE,
                self._at(last + 1),
                "",
                f"and what follows ({len(surplus)} fields) are not defined: {self.segment.name} ends with field {last}",
            )
        for number, raw in enumerate(surplus, last + 1):
            if segment_definition(self.version, raw) is not None:
                yield self._issue(
                    Category.STRUCTURE, self._at(number), "", f"is the name {raw}: a line end may be missing before it"
                )

    def _field(self, raw: str, element: Element, number: int) -> Iterator[Issue]:
        repetitions = _split(raw, self.segment.notation.delimiters.repetition)
        if len(repetitions) > 1 and not element.repeats:
            text = f"occurs {len(repetitions)} times, and may occur once"
            yield self._issue(Category.STRUCTURE, self._at(number), element.title, text)
        is_prose = (self.segment.name, number) in FREE_TEXT
        for repetition, value in enumerate(repetitions, 1):
            place = self._at(number, repetition)
            if is_prose:
                yield from self._text(value, element, place)
            else:
                yield from self._value(value, element, place)

    def _value(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        if not raw or raw == '""' or element.datatype in _OPEN:
            return
        if element.datatype in _PROSE:
            yield from self._text(raw, element, place)
        elif element.components and place.subcomponent == 0:
            yield from self._composite(raw, element, place)
        else:
            yield from self._simple(raw, element, place)

    def _composite(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        delimiters = self.segment.notation.delimiters
        parts = _split(raw, delimiters.subcomponent if place.component else delimiters.component)
        last = max(element.components)
        if any(parts[last:]):
            text = f"has {len(parts)} parts, and type {element.datatype} defines {last}"
            yield self._issue(Category.STRUCTURE, place, element.title, text)
        for number, component in element.components.items():
            part = parts[number - 1] if number <= len(parts) else ""
            if component.is_required and not part:
                text = f"is required in a {element.datatype} and has no value"
                yield self._issue(Category.REQUIRED, _inside(place, number), component.title, text)
            yield from self._value(part, component, _inside(place, number))
        if element.datatype in _CODED:
            yield from self._shifted(raw, element, place)
        if element.datatype in _CODED and element.table:
            system = (parts[2:3] or [""])[0]
            if system in ("", f"HL7{element.table}"):
                yield from self._code(parts[0], element, place)

    def _shifted(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        """A code that is no code at all: the sender may have counted its fields wrongly."""
        text = raw.replace(self.segment.notation.delimiters.component or " ", " ").strip()
        for pattern, words in _STRAYS:
            if pattern.fullmatch(text):
                text = f"looks like {words} and not like a code: fields may be shifted"
                yield self._issue(Category.VALUE, place, element.title, text)

    def _simple(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        delimiters = self.segment.notation.delimiters
        parts = [raw]
        for delimiter in (delimiters.component, delimiters.subcomponent):
            parts = _split(parts[0], delimiter) if len(parts) == 1 else parts
        if any(parts[1:]):
            text = f"has {len(parts)} parts, and type {element.datatype} is one text"
            yield self._issue(Category.STRUCTURE, place, element.title, text)
        yield from self._text(parts[0], element, place)
        value = self.segment.notation.unescape(parts[0]).strip()
        if not value or value == '""':
            return
        yield from self._typed(value, element, place)
        yield from self._length(value, element, place)
        if element.table and element.datatype not in _CODED:
            yield from self._code(parts[0], element, place)

    def _typed(self, value: str, element: Element, place: Location) -> Iterator[Issue]:
        check = _TYPES.get(element.datatype or "")
        wrong = check(value) if check else ""
        if wrong:
            severity = "warning" if wrong == _ISO_WORDS else "error"
            yield self._issue(Category.VALUE, place, element.title, wrong, severity)

    def _length(self, value: str, element: Element, place: Location) -> Iterator[Issue]:
        longest = _LENGTHS.get(element.name) or _LENGTHS.get(element.datatype or "")
        if longest and len(value) > longest and tuple(map(int, self.version.split("."))) < _LENGTHS_UNTIL:
            text = f"is {len(value)} characters long, and {longest} are the most"
            yield self._issue(Category.TOO_LONG, place, element.title, text)

    def _code(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        table = code_table(self.version, element.table)
        value = self.segment.notation.unescape(raw).strip()
        if table is None or not value or value == '""' or value in table.codes:
            return
        if element.table == _CODING_SYSTEMS and _LOCAL_SYSTEM.fullmatch(value):
            return
        is_open = element.datatype == "IS" or element.datatype in _CODED or element.table in _EXTENDED
        text = f"is no code of table {element.table} ({table.title})" + (", which sites extend" if is_open else "")
        folded = {code.casefold(): code for code in table.codes}.get(value.casefold())
        text += f"; as {folded} it would be" if folded else ""
        severity = "information" if is_open and not folded else "warning"
        yield self._issue(Category.CODE_INVALID, place, element.title, text, severity)

    def _text(self, raw: str, element: Element, place: Location) -> Iterator[Issue]:
        if _CONTROL.search(raw):
            yield self._issue(Category.VALUE, place, element.title, "holds a control character")
        if stray_marks(raw, self.segment.notation.delimiters.escape):
            text = "holds an escape character that begins no escape sequence"
            yield self._issue(Category.VALUE, place, element.title, text)

    def _at(self, field: int, repetition: int = 1) -> Location:
        return Location(self.segment.name, self.index, field, repetition, 0, 0)

    def _issue(self, category: Category, place: Location, title: str, text: str, severity: str = "warning") -> Issue:
        return Issue(category, f"{_written(place)} {title} {text}.".replace("  ", " "), str(place), severity)


def _inside(place: Location, number: int) -> Location:
    component, subcomponent = (place.component, number) if place.component else (number, 0)
    return Location(place.segment, place.index, place.field, place.repetition, component, subcomponent)


def _written(place: Location) -> str:
    repetition = f"[{place.repetition}]" if place.repetition > 1 else ""
    numbers = "".join(f".{number}" for number in (place.component, place.subcomponent) if number)
    return f"{place.segment}-{place.field}{repetition}{numbers}"


def _split(raw: str, delimiter: str) -> list[str]:
    return raw.split(delimiter) if delimiter else [raw]


_ISO_WORDS = "is a time in ISO 8601 form, not in that of HL7 v2"


def _time(value: str) -> str:
    try:
        moment = parse_dtm(value, "UTC")
    except ValueError:
        return "is no date or time of HL7 v2"
    return _ISO_WORDS if ISO_FORM in moment.warnings else ""


def _day(value: str) -> str:
    return _time(value) or ("holds a time, and type DT is a day" if len(value) > 8 else "")


def _matching(pattern: re.Pattern[str], words: str) -> Callable[[str], str]:
    return lambda value: "" if pattern.fullmatch(value) else words


#: What is wrong with a text of each type; empty when nothing is.
_TYPES: Mapping[str, Callable[[str], str]] = {
    "NM": _matching(_NUMBER, "is no number (NM)"),
    "SI": _matching(re.compile(r"\d+"), "is no sequence number (SI)"),
    "TM": _matching(_TIME_OF_DAY, "is no time of day (TM)"),
    "DT": _day,
    "DTM": _time,
    "TS": _time,
}
