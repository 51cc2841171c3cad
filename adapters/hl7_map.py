"""What a feed makes of a message, and where each element came from, as text for those who write tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.feeds import Feed
from adapters.hl7v2.parse import parse, scan_header
from adapters.letters import check_header
from adapters.mapping.fixers import fixed
from adapters.mapping.plans import Tables
from adapters.mapping.trace import Line, Making, Trace, content, trace
from fhir_server.kernel import json
from fhir_server.kernel.errors import FhirError, Issue
from fhir_server.kernel.upsert import QUERY, Replaced, Upsert

Json = dict[str, Any]

#: Members that say nothing of a person.
_OPEN = frozenset({"resourceType", "id", "fullUrl", "system", "url"})
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Mapped:
    """One message mapped."""

    lines: tuple[str, ...]
    is_understood: bool


def mapped(octets: bytes, feed: Feed, tables: Tables, *, base: str, values: bool) -> Mapped:
    """The Bundle of what one message would write, then row by row where it came from; or why it is refused.

    `base` is the FHIR base that the Bundle's addresses begin with. Without `values` nothing of a person is shown.
    """
    try:
        header = scan_header(octets)
        check_header(header, feed)
        mapping = feed.mapping()
        found = trace(fixed(parse(octets, feed.charset), mapping), tables, mapping)
    except FhirError as error:
        found = Trace((), None, error)
    writer = _Writer(_ids(found), values)
    lines = tuple(writer.lines(found, base))
    return Mapped((*lines, *_verdict(found, feed)), found.translation is not None)


def _ids(found: Trace) -> dict[str, str]:
    """By label, what the resource is called here: `Appointment/appointment-1`."""
    return {making.label: _name(making.resource.plan.type, making.label) for making in found.makings if making.label}


def _name(type_name: str, label: str) -> str:
    return f"{type_name}/{label.split(':', 2)[2].replace(':', '-').replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one trace."""

    ids: dict[str, str]
    values: bool

    def lines(self, found: Trace, base: str) -> Iterator[str]:
        if found.translation is not None:
            bundle = json.encode(self._bundle(found.translation.upserts, base))
            yield msgspec.json.format(bundle, indent=2).decode()
        for making in found.makings:
            if making.label or making.lines:
                yield ""
                yield self._title(making)
                yield from self._table(making.lines)
        for replaced in found.translation.replaced if found.translation else ():
            yield from ("", self._replaced(replaced))

    def _bundle(self, upserts: list[Upsert], base: str) -> Json:
        stored = [upsert for upsert in upserts if upsert.mode != QUERY]
        labels = list(dict.fromkeys(upsert.label for upsert in stored))
        entries = [
            self._entry(label, content(tuple(upsert for upsert in stored if upsert.label == label)), base)
            for label in labels
        ]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def _entry(self, label: str, body: Json, base: str) -> Json:
        name = self.ids[label]
        whole = {"resourceType": body["resourceType"], "id": name.partition("/")[2], **body}
        return {"fullUrl": f"{base}/{name}", "resource": self._shown(whole)}

    def _shown(self, node: Any, key: str = "") -> Any:
        """With references resolved and, unless values are wanted, without what may be a person's."""
        if isinstance(node, dict):
            return {name: self._shown(value, name) for name, value in node.items()}
        if isinstance(node, list):
            return [self._shown(item, key) for item in node]
        if key == "reference" and node in self.ids:
            return self.ids[node]
        return node if self.values or key in _OPEN else _HIDDEN

    def _title(self, making: Making) -> str:
        plan, label = making.resource.plan, making.label
        if label is None:
            return f"{plan.type} of {making.leader}, {plan.name}: not made"
        if not making.upserts:
            return f"{plan.type} of {making.leader}, {plan.name}: the same as {self.ids[label]}"
        return f"{self.ids[label]} of {making.leader}, {plan.name}: {making.upserts[-1].mode}{_unknown(making)}"

    def _table(self, lines: list[Line]) -> Iterator[str]:
        columns = [(line.element or "-", line.source, line.cell, line.origin) for line in lines]
        widths = [max((len(texts[column]) for texts in columns), default=0) for column in range(3)]
        for line, texts in zip(lines, columns, strict=True):
            told = "  ".join(text.ljust(width) for text, width in zip(texts, (*widths, 0), strict=True))
            yield f"  {told}{self._remark(line)}"

    def _remark(self, line: Line) -> str:
        value = f" = {json.encode(self._shown(line.value)).decode()}" if self.values and line.element else ""
        return f"{value}  ({line.remark})" if line.remark else value

    def _replaced(self, replaced: Replaced) -> str:
        told = json.encode({name: value for name, value in replaced.resource.items() if name != "resourceType"})
        return f"Every other {replaced.type} numbered in {replaced.system}: {told.decode()}"


def _unknown(making: Making) -> str:
    """What becomes of a resource that is not known yet."""
    words = {"error": ", and must be known", "pass": ", if it is known"}
    return words.get(making.upserts[-1].on_missing, "")


def _verdict(found: Trace, feed: Feed) -> Iterator[str]:
    yield ""
    if found.error is not None:
        yield f"Feed {feed.name} refuses it with {found.error.category.ack_code}:"
        yield from map(told, found.error.issues)
    elif found.translation is not None:
        yield f"Feed {feed.name} understands it."
        yield from map(told, found.translation.warnings)


def told(issue: Issue) -> str:
    """An issue in the words of an acknowledgement."""
    place = f" at {issue.expression}" if issue.expression else ""
    return f"   [{issue.severity}] {issue.category.hl7_code}{place}: {issue.diagnostics}"
