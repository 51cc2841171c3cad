"""What a search asks, as values: criteria, order, page and includes."""

from dataclasses import dataclass

from fhir_server.registry.model import SearchParameter


@dataclass(frozen=True, slots=True)
class Token:
    """`code`, `system|code`, `|code` (system empty) or `system|` (code None)."""

    #: None: any system. Empty: no system.
    system: str | None
    #: None: any code of the system.
    code: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """A date with its prefix, as a span of epoch milliseconds: `low` inclusive, `high` exclusive."""

    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string, folded for the usual comparison and as written for `:exact`."""

    folded: str
    exact: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference points to."""

    #: None: any type. Empty: `id` is an absolute URL elsewhere.
    type: str | None
    id: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI, compared as written."""

    value: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A URL and all below it: what it is the start of, cut at a slash."""

    #: Without the slash it may have ended with.
    value: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number or quantity with its prefix; `low` and `high` bound what its precision implies."""

    prefix: str
    value: float
    low: float
    high: float
    #: None: any.
    system: str | None
    #: None: any. Without a system it is compared with the printed unit too.
    code: str | None


@dataclass(frozen=True, slots=True)
class Circle:
    """What is no farther than a distance from a point of the unit sphere; both as `search.positions` measures them."""

    point: tuple[float, float, float]
    #: Straight through the sphere, from its middle to its rim.
    reach: float


@dataclass(frozen=True, slots=True)
class Absence:
    """The value of `:missing`."""

    is_missing: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """The values of a composite parameter, one for each component: the same repetition must fit them all."""

    values: tuple["Value", ...]


Value = Token | Span | Text | Target | Uri | Branch | Amount | Circle | Absence | Parts


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter with its values, of which one must fit."""

    type: str
    parameter: SearchParameter
    #: missing, exact, contains, not, identifier, text, of-type, or empty.
    modifier: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """What a reference of the resource points to must meet a criterion: `patient.name=x`."""

    type: str
    parameter: SearchParameter
    target: str
    clause: "Clause"


@dataclass(frozen=True, slots=True)
class ReverseChain:
    """Something that points to the resource must meet a criterion: `_has:Appointment:patient:status=booked`."""

    #: Type of the resource searched.
    type: str
    #: Type that points to it.
    source: str
    parameter: SearchParameter
    clause: "Clause"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several clauses must be met: a compartment, which a type may belong to by several parameters."""

    type: str
    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Branches:
    """A reference leads to one of some resources, or to what is below or above it in their tree: `location:below`."""

    type: str
    parameter: SearchParameter
    #: Type of the resources that stand in the tree.
    target: str
    ids: tuple[str, ...]
    is_below: bool


Clause = Criterion | Chain | ReverseChain | AnyOf | Branches


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order."""

    parameter: SearchParameter
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """Which resources come along with the matches."""

    #: Type that holds the reference, and the parameter that finds it.
    source: str
    code: str
    #: Type pointed to; None for any.
    target: str | None
    #: The resource found points to the include, rather than the include to it (`_revinclude`).
    is_reverse: bool
    #: Applied to includes too, not only to matches.
    is_iterated: bool


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends: the sort keys (None where missing) and row key of its last match."""

    keys: tuple[int | float | str | None, ...]
    pk: int


@dataclass(frozen=True, slots=True)
class Query:
    """A search, understood."""

    type: str
    #: All must be met.
    criteria: tuple[Clause, ...]
    sort: tuple[SortKey, ...]
    #: Matches a page; 0 asks for the count only.
    count: int
    #: none, estimate or accurate.
    total: str
    includes: tuple[Include, ...]
    #: Where the page before this one ended, sealed; empty on a first page.
    cursor: str
    #: The parameters honoured, as they were given; the links are made of them. Without `_cursor`.
    honoured: tuple[tuple[str, str], ...]
    #: What was ignored or changed, for the outcome entry.
    warnings: tuple[str, ...]
    #: Address below the base: the type, unless it is a search in a compartment or over several types.
    path: str
    #: true, text or data: which elements are shown. Empty for all.
    summary: str = ""
    #: Elements asked for by name; empty for all.
    elements: tuple[str, ...] = ()
    #: When it is asked, in epoch milliseconds: what is kept until a later moment is not found.
    asked_ms: int = 0
