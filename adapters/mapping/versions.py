"""What of a plan there is room for in the version of HL7 v2 that a partner reads. A plan is written for the latest."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from adapters.hl7v2.definitions import Node, message_structure, path_exists, segment_definition
from adapters.hl7v2.location import location

#: Data type of a field that a version withdrew.
_WITHDRAWN = "WD"


@dataclass(frozen=True, slots=True)
class Room:
    """How many components and repetitions a field may have; None: as many as there are."""

    components: int | None = None
    repetitions: int | None = None


ANY: Final = Room()


def has_segment(version: str, structure: str, name: str) -> bool:
    """Whether messages of that structure may hold the segment: there is no TQ1 in SIU_S12 before 2.5."""
    tree = message_structure(version, structure)
    return tree is None or name.startswith("Z") or name in _names(tree)


def has_place(version: str, path: str) -> bool:
    """Whether the version has the field or component: SCH-26 came with 2.4, SCH-11 went with 2.7."""
    place = location(path)
    definition = segment_definition(version, place.segment)
    field = definition.fields.get(place.field) if definition is not None else None
    return path_exists(version, path) and (field is None or field.datatype != _WITHDRAWN)


@lru_cache(maxsize=4096)
def room(version: str, path: str) -> Room:
    """How much the version lets stand in a field."""
    place = location(path)
    definition = segment_definition(version, place.segment)
    field = definition.fields.get(place.field) if definition is not None else None
    if field is None:
        return ANY
    return Room(max(field.components) if field.components else None, None if field.repeats else 1)


@lru_cache(maxsize=256)
def _names(node: Node) -> frozenset[str]:
    return frozenset({node.name}.union(*(_names(child) for child in node.children)))
