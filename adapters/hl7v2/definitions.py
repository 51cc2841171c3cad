"""What the standard defines, by version 2.1 to 2.8.2: segments, fields, components, message structures.

Compiled from the tables of hl7apy the first time each thing is asked for, then kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES, load_library

from adapters.hl7v2.location import location

#: Read for a message that names no version, or none we can read.
DEFAULT_VERSION = "2.5"
#: Last version that defines what later ones withdrew (ORM_O01, SQM_S25).
_BEFORE_WITHDRAWAL = "2.6"
#: Longer than any version or structure id.
_LONGEST_NAME = 24
#: Components of these types depend on the message, not on the table.
_OPEN_DATATYPES = frozenset({"varies", "Varies", None})


@dataclass(frozen=True, slots=True)
class Element:
    """A field, component or subcomponent as defined."""

    #: `SCH-11`, or `TQ.4` for a component.
    name: str
    title: str
    datatype: str | None
    is_required: bool
    repeats: bool
    #: Table number without prefix (`0278`), empty if none.
    table: str
    #: By number; a number a version withdrew is left out.
    components: Mapping[int, "Element"]


@dataclass(frozen=True, slots=True)
class SegmentDefinition:
    """A segment as defined: its fields by number (those a version withdrew left out), and which must be valued."""

    name: str
    fields: Mapping[int, Element]
    required: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A table of codes as published: complete for HL7's own tables, suggestions for those that sites fill."""

    title: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A segment or group of a message structure."""

    name: str
    is_required: bool
    repeats: bool
    #: Names of the segments it may begin with.
    openers: frozenset[str]
    #: Empty for a segment.
    children: tuple["Node", ...] = ()
    #: One child stands for all of them.
    is_choice: bool = False


def supported_version(version: str) -> str:
    """The defined version nearest to an MSH-12 text.

    >>> supported_version("2.5^FRA^2.11"), supported_version("2.9"), supported_version("2.5.7"), supported_version("")
    ('2.5', '2.8.2', '2.5.1', '2.5')
    """
    # Senders write what they like there: what is kept must be short.
    return _supported(version.partition("^")[0][:_LONGEST_NAME])


@lru_cache(maxsize=512)
def _supported(version: str) -> str:
    numbers = _numbers(version.strip())
    if not numbers or numbers < (2,) or numbers >= (3,):
        return DEFAULT_VERSION
    known = sorted(map(_numbers, SUPPORTED_LIBRARIES))
    return ".".join(map(str, max((one for one in known if one <= numbers), default=known[0])))


def segment_definition(version: str, name: str) -> SegmentDefinition | None:
    """The segment of that name in that version (any MSH-12 text); None when there is none, as for Z segments."""
    return _segment_definition(supported_version(version), name) if len(name) == 3 else None


@lru_cache(maxsize=4096)
def _segment_definition(version: str, name: str) -> SegmentDefinition | None:
    reference = _library(version).ELEMENTS["Segment"].get(name)
    if reference is None or name.startswith("ANY"):
        return None
    # Segments a version withdrew have no fields; ORO of 2.1 is malformed in the tables.
    fields = _elements(reference[1]) if reference[0] == "sequence" and len(reference) == 2 else {}
    return SegmentDefinition(name, fields, tuple(number for number, field in fields.items() if field.is_required))


@lru_cache(maxsize=1024)
def code_table(version: str, number: str) -> CodeTable | None:
    """The table of that number (`0278`) in that version; None when it is not published with codes (before 2.3.1)."""
    reference = _library(version).ELEMENTS.get("Table", {}).get(f"HL7{number}")
    # Some tables are published as examples or with ranges: `...`, `21 ... 29`, `31 _ 39`.
    if (
        not reference
        or not reference[1]
        or any("..." in code or "_" in code or code == "Varies" for code in reference[1])
    ):
        return None
    return CodeTable(reference[0], frozenset(reference[1]))


def message_structure(version: str, name: str) -> Node | None:
    """The structure of that id (`SIU_S12`) in that version, or in the last that had it; None when there is none."""
    return _message_structure(supported_version(version), name) if len(name) < _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _message_structure(read: str, name: str) -> Node | None:
    later = _numbers(read) > _numbers(_BEFORE_WITHDRAWAL)
    for library in map(load_library, (read, _BEFORE_WITHDRAWAL) if later else (read,)):
        reference = library.ELEMENTS["Message"].get(name)
        if reference is not None:
            return _node((name, reference, (1, 1), "GRP"))
    return None


@lru_cache(maxsize=8192)
def path_exists(version: str, path: str) -> bool:
    """Whether the standard defines the position `path` (`SCH-11.4`, `PID-3.4.2`) in that version.

    Z segments are defined by agreement, so every position of theirs exists. Raises ValueError for a malformed path.
    """
    place = location(path)
    if place.segment.startswith("Z"):
        return True
    definition = segment_definition(version, place.segment)
    element = definition.fields.get(place.field) if definition is not None else None
    for number in (place.component, place.subcomponent):
        if element is None or element.datatype in _OPEN_DATATYPES or not number:
            return element is not None
        # A simple value is its own first component.
        element = element.components.get(number) if element.components or number > 1 else element
    return element is not None


def _library(version: str) -> Any:
    return load_library(supported_version(version))


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts) else ()


def _elements(references: Any) -> dict[int, Element]:
    """By the number in each name: withdrawn positions are missing from the tables, so order does not count."""
    return {int(reference[0].rpartition("_")[2]): _element(reference) for reference in references}


def _element(reference: Any) -> Element:
    """`("PID_3", ("sequence", components, "CX", "PATIENT_IDENTIFIER_LIST", table, -1), (1, -1), "FIE")`"""
    name, (form, components, datatype, title, table, *_), (least, most), _ = reference
    return Element(
        name=_dashed(name, reference[3]),
        title=title.replace("_", " ").capitalize(),
        datatype=datatype,
        is_required=least > 0,
        repeats=most != 1,
        table=(table or "").removeprefix("HL7"),
        components=_elements(components) if form == "sequence" and components else {},
    )


def _dashed(name: str, kind: str) -> str:
    base, _, number = name.rpartition("_")
    return f"{base}-{number}" if kind == "FIE" else f"{base}.{number}"


def _node(reference: Any) -> Node:
    """`("SIU_S12_PATIENT", ("sequence", children), (0, -1), "GRP")`"""
    name, definition, (least, most), kind = reference
    children = tuple(map(_node, definition[1])) if kind == "GRP" else ()
    is_choice = kind == "GRP" and definition[0] == "choice"
    openers = _openers(children, is_choice) if children else frozenset({name})
    return Node(name, least > 0, most != 1, openers, children, is_choice)


def _openers(children: tuple[Node, ...], is_choice: bool) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for child in children:
        found |= child.openers
        if not is_choice and not _may_be_absent(child):
            break
    return found


def _may_be_absent(node: Node) -> bool:
    """Whether nothing at all may stand for the node."""
    if not node.is_required:
        return True
    return bool(node.children) and not node.is_choice and all(map(_may_be_absent, node.children))
