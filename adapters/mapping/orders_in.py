"""Cells for orders and referrals: ORM, OMG, OML (HL7 2.5 chapter 4), REF (chapter 11)."""

from typing import Any

from adapters.mapping.cell import Scope, Use
from adapters.mapping.namespaces import system


def remark(text: str, use: Use, scope: Scope) -> str | None:
    """The text of a note, unless it is about one of the segments named in the argument (`OBX SPM`)."""
    segments = scope.message.segments
    here = next(index for index, other in enumerate(segments) if other is scope.segment)
    about = next((one.name for one in reversed(segments[:here]) if one.name != scope.segment.name), "")
    return None if about in use.argument.split() else text


def group_item(texts: tuple[str | None, ...], use: Use, scope: Scope) -> dict[str, Any] | None:
    """EI of a group of orders and the code of a service to the identifier of that order of the group, which has no
    number of its own; the argument is the EI's type.
    """
    value, name, universal, kind, service = texts
    if not value or not service:
        return None
    uri = system(scope.feed, name, universal, kind, use.argument)
    return {"type": {"text": "ITEM"}, "system": "urn:creneau:order-item", "value": f"{uri}|{value}|{service}"}
