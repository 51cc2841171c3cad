"""Check a message against the structure its version defines: what is missing, what is unknown, what stands elsewhere.

Tolerant, as the standard asks of receivers (HL7 2.5 section 2.8): unknown segments and odd orders are warnings;
cardinality, lengths and surplus fields are not looked at. Missing required segments and fields are errors, for the
caller to weigh: many working feeds lack some.
"""

from collections.abc import Sequence
from functools import lru_cache

from adapters.hl7v2.definitions import Node, message_structure, segment_definition, supported_version
from adapters.hl7v2.events import structure_id
from adapters.hl7v2.message import Message, Segment
from fhir_server.kernel.errors import Category, Issue

#: Segments that stand for any segment in a structure.
_ANY = "ANYHL7SEGMENT"
#: How far before the segment that does not fit the one that is really out of place is looked for.
_LOOK_BACK = 8
#: Where that many segments are out of place, the structure says nothing useful any more.
_MAX_MISPLACED = 20
#: What a line that does not begin with a segment name is called: its text may be anything.
_NO_NAME = "?"
#: Longer messages are checked without keeping the result.
_MAX_KEPT = 64


def check(message: Message) -> list[Issue]:
    """Every finding about segments and required fields; `expression` is an HL7 location (`SCH^1^6`)."""
    version = supported_version(message["MSH-12"] or "")
    names = tuple(segment.name if len(segment.name) == 3 else _NO_NAME for segment in message.segments)
    structure = structure_id(version, message["MSH-9.1"] or "", message["MSH-9.2"] or "", message["MSH-9.3"] or "")
    order = _order if len(names) <= _MAX_KEPT else _order.__wrapped__
    return [*order(version, structure, names), *_missing_fields(version, names, message.segments)]


def _missing_fields(version: str, names: Sequence[str], segments: Sequence[Segment]) -> list[Issue]:
    found: list[Issue] = []
    counts: dict[str, int] = {}
    for name, segment in zip(names, segments, strict=True):
        counts[name] = counts.get(name, 0) + 1
        definition = segment_definition(version, name)
        if definition is None:
            continue
        for number in definition.required:
            raw = segment.raw_field(number)
            if not raw or raw == '""':
                title = definition.fields[number].title
                text = f"{name}-{number} {title} is required and has no value."
                found.append(Issue(Category.REQUIRED, text, f"{name}^{counts[name]}^{number}"))
    return found


@lru_cache(maxsize=2048)
def _order(version: str, structure: str | None, names: tuple[str, ...]) -> tuple[Issue, ...]:
    """Findings that depend on the names of the segments alone: feeds send the same few shapes again and again."""
    found = _unknown(version, names)
    if names.count("MSH") > 1:
        found.append(Issue(Category.STRUCTURE, "There is more than one MSH: several messages in one.", "MSH^2"))
    tree = message_structure(version, structure) if structure else None
    if tree is None:
        return tuple(found)
    known = [(name, index) for index, name in enumerate(names) if segment_definition(version, name) is not None]
    missing, misplaced = _compare(tree, known)
    present = set(names)
    for label in missing:
        if present.isdisjoint(label.split(" or ")):
            found.append(
                Issue(Category.STRUCTURE, f"The segment {label} is required in {structure} and absent.", _where(label))
            )
    for name, index in misplaced:
        place = f"{name}^{names[: index + 1].count(name)}"
        text = f"The segment {name} is not expected at this place of {structure}."
        found.append(Issue(Category.STRUCTURE, text, place, "warning"))
    return tuple(found)


def _unknown(version: str, names: tuple[str, ...]) -> list[Issue]:
    return [
        Issue(Category.STRUCTURE, f"Segment {index} of the message is not defined in this version.", None, "warning")
        for index, name in enumerate(names, 1)
        if not name.startswith("Z") and segment_definition(version, name) is None
    ]


def _where(label: str) -> str | None:
    return f"{label}^1" if len(label) == 3 else None


def _compare(tree: Node, sequence: list[tuple[str, int]]) -> tuple[list[str], list[tuple[str, int]]]:
    """What the structure requires and `sequence` lacks, and which segments had to be set aside to make the rest fit."""
    misplaced: list[tuple[str, int]] = []
    while True:
        walk = _Walk([name for name, _ in sequence])
        walk.group(tree)
        stuck = walk.position
        if stuck == len(sequence) or len(misplaced) == _MAX_MISPLACED:
            return list(dict.fromkeys(walk.missing)), sorted(misplaced, key=lambda item: item[1])
        misplaced.append(sequence.pop(_culprit(tree, sequence, stuck)))


def _culprit(tree: Node, sequence: list[tuple[str, int]], stuck: int) -> int:
    """Which segment, set aside, lets the walk go furthest: the one that does not fit, or one shortly before it."""

    def reach(candidate: int) -> tuple[int, int]:
        walk = _Walk([name for index, (name, _) in enumerate(sequence) if index != candidate])
        walk.group(tree)
        return walk.position, -len(walk.missing)

    return max(range(stuck, max(stuck - _LOOK_BACK, 0), -1), key=reach, default=stuck)


class _Walk:
    """One walk of a list of segment names through a structure, taking every segment that can be taken."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.position = 0
        self.missing: list[str] = []

    def group(self, node: Node) -> None:
        """Take one occurrence of a group."""
        if node.is_choice:
            chosen = next((child for child in node.children if self._starts(child)), None)
            if chosen is not None:
                self._element(chosen)
            return
        for child in node.children:
            self._element(child)

    def _element(self, node: Node) -> None:
        if not self._starts(node):
            if node.is_required:
                self.missing.append(_label(node))
            return
        while self._starts(node):
            before = self.position
            if node.children:
                self.group(node)
            else:
                self.position += 1
            if not node.repeats or self.position == before:
                return

    def _starts(self, node: Node) -> bool:
        if self.position >= len(self.names):
            return False
        return self.names[self.position] in node.openers or _ANY in node.openers


def _label(node: Node) -> str:
    """How a missing node is named: by the segment that would begin it."""
    if not node.children:
        return node.name
    if node.is_choice:
        return " or ".join(_label(child) for child in node.children)
    return _label(next((child for child in node.children if child.is_required), node.children[0]))
