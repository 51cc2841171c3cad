"""What a ranking is told and what it says. Times are epoch milliseconds, distances metres, points 0 to 1000."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from fhir_server.orientation.communes import Place

#: A code with its system, or a text folded for comparison, whose system is empty.
Term = tuple[str, str]


class Tier(IntEnum):
    """What comes first whatever the points."""

    #: Somebody is met, near enough.
    NEAR = 0
    #: Nobody has to travel: what the list ends with.
    REMOTE = 1


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody needs, for whom and where."""

    #: When it is asked.
    now_ms: int
    #: A slot begins from `low_ms` to before `high_ms`.
    low_ms: int
    high_ms: int
    #: routine, urgent, asap or stat.
    priority: str
    #: Farther than that is not near.
    radius: int
    #: None when it is not known.
    place: Place | None = None
    specialties: frozenset[Term] = frozenset()
    motives: frozenset[Term] = frozenset()
    #: Whether the patient has a family doctor; None when it is not known.
    has_family_doctor: bool | None = None
    #: Those who are, as references.
    own_doctors: frozenset[str] = frozenset()
    accepts_remote: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open slot, and what is known of it."""

    slot_id: str
    start_ms: int
    #: `Schedule/a`.
    agenda: str
    #: Whose agenda it is, as a reference; empty when it is no one doctor's.
    doctor: str = ""
    is_remote: bool = False
    #: Where the patient is seen; None when it is not known.
    place: Place | None = None
    #: Codes of R314; empty when it has none.
    audience: frozenset[str] = frozenset()
    #: It is kept for who asks, and for some others.
    is_kept: bool = False
    specialties: frozenset[Term] = frozenset()
    motives: frozenset[Term] = frozenset()
    #: Regulated acts of the doctor in the week of the slot.
    acts: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """What one criterion says of a candidate."""

    criterion: str
    #: Row of `reasons.csv`.
    code: str
    points: int
    #: What the row's texts are completed with.
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate in its place."""

    candidate: Candidate
    tier: Tier
    #: Weighted points, 0 to 100,000.
    score: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best candidates in their order."""

    proposals: tuple[Proposal, ...]
    #: How many were left out because their doctor has no act left in that week.
    at_cap: int
