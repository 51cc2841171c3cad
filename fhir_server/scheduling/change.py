"""A change about to be written."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Change:
    """One resource before and after. A rule may complete `after`; refusing is raising a FhirError."""

    type: str
    id: str
    #: None when the resource is new (or comes back from deletion).
    before: dict[str, Any] | None
    #: None when it is being deleted.
    after: dict[str, Any] | None
