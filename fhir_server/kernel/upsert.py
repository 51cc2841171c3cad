"""What a feed asks for: one resource to make or change, found by its business key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The mode of what is only asked for, and never stored.
QUERY = "query"


@dataclass(frozen=True, slots=True)
class Edit:
    """One item of a list to add or change in its place, or to take out."""

    element: str
    item: dict[str, Any]
    is_removal: bool = False


# Never changed, but not frozen: that would triple what it costs to make one, and each message makes several.
@dataclass(slots=True)
class Upsert:
    """One resource of a message. A batch of them is applied in one unit of work."""

    #: Name inside the batch: other upserts refer to this resource as `{"reference": label}`.
    label: str
    type: str
    #: Identifiers (system, value) tried in order; the first that finds a resource wins.
    keys: tuple[tuple[str, str], ...]
    #: Elements to write, with `resourceType`, without `id` and `meta`.
    resource: dict[str, Any]
    #: `merge`: elements given replace stored ones, others stay. `fill`: only what the stored one lacks is written.
    #: `refer`: an existing resource is never changed. `query`: nothing is stored; it describes what is looked for.
    mode: str = "merge"
    #: Top-level elements the sender set to null: removed from the stored resource.
    cleared: tuple[str, ...] = ()
    #: What to do when no key finds a resource: `create`, `error`, or `pass` it over with all references to it.
    on_missing: str = "create"
    #: When the sender says it happened, in epoch milliseconds; an older change never overwrites a newer one.
    at_ms: int | None = None
    #: Where the key stands in the message, for errors: `SCH^1^2`.
    location: str | None = None
    #: Whether each element has a time of its own: the later word on it wins, however late the other arrives.
    by_element: bool = False
    #: Identifier types of which a resource has one alone in a system: what has another number is another resource.
    distinct: tuple[str, ...] = ()
    #: Whether it is written to every resource that one of its keys finds, not to the first alone. Only `by_element`.
    everywhere: bool = False
    #: Elements that only stand in until the sender tells them: they never replace what is known. Only `by_element`.
    weak: tuple[str, ...] = ()
    #: Changes of single items, for messages that do not tell the whole list. Only `by_element`.
    edits: tuple[Edit, ...] = ()
    #: What the server is to decide, beside the elements: a slot to find, for instance. By name.
    wishes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a file says of those it does not name: the resources of a type that carry a number of the file."""

    type: str
    #: System of the file's numbers, and how those begin that it speaks of.
    system: str
    beginning: str
    #: Elements that they get, with `resourceType`.
    resource: dict[str, Any]
    #: When the file was written, in epoch milliseconds.
    at_ms: int | None
