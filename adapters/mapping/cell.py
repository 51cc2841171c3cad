"""What a cell is: a small pure function that the tables call by name, what it takes and which code tables it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.hl7v2.message import Message, Segment
from adapters.mapping.feed import FeedMapping
from adapters.mapping.parts import Part
from adapters.mapping.plans import CodeTable
from fhir_server.kernel.errors import Category, Issue

#: What a plan made so far: position of the segment in the message (-1: the message itself), and label.
Made = list[tuple[int, str]]


class CellError(ValueError):
    """A value that a cell cannot turn. The text names what is wrong, never the value."""

    def __init__(self, text: str, category: Category = Category.VALUE) -> None:
        super().__init__(text)
        self.category = category


@dataclass(frozen=True, slots=True)
class Use:
    """How one row uses a cell: its code tables, and the argument after the colon of the cell's name."""

    codes: tuple[CodeTable, ...]
    argument: str
    #: `inbound/PID_Patient.csv:gender`
    origin: str


@dataclass(slots=True)
class Scope:
    """What a cell may see beside its value. It changes from row to row; cells only read it, and warn."""

    feed: FeedMapping
    message: Message
    #: The segment whose rows are read.
    segment: Segment
    #: The resource under construction, for cells that compute from other elements.
    resource: dict[str, Any] = field(default_factory=dict)
    warnings: list[Issue] = field(default_factory=list)
    made: Mapping[str, Made] = field(default_factory=dict)
    #: Fields already split, by segment and number; kept for the message.
    read: dict[tuple[int, int], Any] = field(default_factory=dict)
    #: The part of the message that is read; None: all of it.
    part: Part | None = None

    def named(self, name: str) -> list[Segment]:
        """The segments of that name, of the part that is read."""
        return self.part.named(name) if self.part is not None else self.message.segments_named(name)

    def warn(self, use: Use, text: str) -> None:
        """Note something that did not stop the message; `text` holds no patient data."""
        self.warnings.append(Issue(Category.VALUE, f"{use.origin}: {text}", severity="warning"))

    def label(self, name: str, segment: Segment) -> str | None:
        """The resource of that name in the plan that belongs to `segment`, None when there is none.

        It is the one made of the segment, else of the nearest before it, else of the first after it; in what is told
        by a part of the message, one made of that part or of what stands before all parts.
        """
        made = self.made.get(name)
        if made and self.part is not None:
            made = self.part.made(made)
        if not made:
            return None
        if len(made) == 1 and made[0][0] < 0:
            return made[0][1]
        segments = self.message.segments
        if segment.name == segments[made[0][0]].name:
            return next((label for index, label in made if segments[index] is segment), None)
        here = (
            next(index for index, other in enumerate(segments) if other is segment)
            if self.part is None
            else self.part.position(segment)
        )
        return next((label for index, label in reversed(made) if index < here), made[0][1])


#: `(value, use, scope) -> FHIR JSON`, or None for nothing to write. Raises CellError.
Function = Callable[[Any, Use, Scope], Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A named function with its kind of input.

    `takes` is `text` (one component), `parts` (each repetition of a field), `texts` (one text for each path of the
    row), `all` (the texts of every segment of the name) or `label` (a resource of the plan).
    """

    function: Function
    takes: str = "text"
    #: How many code tables the row must name.
    tables: int = 0
    #: Whether the row may give an argument after a colon.
    has_argument: bool = False
    #: What it gives are names of parts to remove: `identifier[<system>`.
    removes: bool = False
