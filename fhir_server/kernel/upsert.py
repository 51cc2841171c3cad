"""What a feed asks for: one resource to make or change, found by its business key."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
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
    #: `refer`: an existing resource is never changed.
    mode: str = "merge"
    #: Top-level elements the sender set to null: removed from the stored resource.
    cleared: tuple[str, ...] = ()
    #: What to do when no key finds a resource: `create`, or `error`.
    on_missing: str = "create"
    #: When the sender says it happened, in epoch milliseconds; an older change never overwrites a newer one.
    at_ms: int | None = None
    #: Where the key stands in the message, for errors: `SCH^1^2`.
    location: str | None = None
