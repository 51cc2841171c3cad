"""A resource as a search gives it: what its statements select, in this order."""

from dataclasses import dataclass

#: Columns of a row before its row key.
BODY_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A resource as an answer shows it."""

    type: str
    id: str
    version: int
    updated_ms: int
    #: JSON text, ready to be spliced.
    body: str
