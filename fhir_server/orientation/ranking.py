"""Candidates in their order. The same candidates in any order give the same list.

Near slots come first, then teleconsultations where they are accepted; within each by their points. Ties are broken by
the start, then the distance, then the acts of the doctor, then the id of the slot: no two slots are alike.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter

from fhir_server.orientation.criteria import reasons, score
from fhir_server.orientation.model import Candidate, Need, Proposal, Ranking, Tier
from fhir_server.orientation.tables import MOST_OF_ONE, WEEKLY_CAP

#: Of a place that is not known: after every one that is.
_NOWHERE = 1 << 40

#: Tier, the score below zero, start, distance, acts, id: in this order.
Key = tuple[int, int, int, int, int, str]
Ranked = tuple[Key, Candidate]


def rank(need: Need, candidates: Iterable[Candidate], count: int) -> Ranking:
    """At most `count` proposals, `MOST_OF_ONE` of a doctor in each tier at most.

    Nothing is proposed that is farther than the radius, nobody beyond the weekly cap.
    """
    wanted = (one for one in candidates if need.accepts_remote or not one.is_remote)
    near = [one for one in wanted if not is_far(need, one)]
    open_ = [one for one in near if not is_at_cap(one)]
    ranked = sorted(((_key(need, one), one) for one in open_), key=itemgetter(0))
    proposals = tuple(_proposal(need, key, one) for key, one in islice(_spread(ranked), count))
    return Ranking(proposals, len(near) - len(open_))


def is_far(need: Need, candidate: Candidate) -> bool:
    """Whether the patient would have to go farther than the radius."""
    return not candidate.is_remote and need.radius < _away(need, candidate) < _NOWHERE


def is_at_cap(candidate: Candidate) -> bool:
    """Whether its doctor has had all regulated acts of that week."""
    return bool(candidate.doctor) and candidate.acts >= WEEKLY_CAP


def _proposal(need: Need, key: Key, candidate: Candidate) -> Proposal:
    return Proposal(candidate, Tier(key[0]), -key[1], reasons(need, candidate))


def _key(need: Need, one: Candidate) -> Key:
    tier = Tier.REMOTE if one.is_remote else Tier.NEAR
    return tier, -score(need, one), one.start_ms, _away(need, one), one.acts, one.slot_id


def _away(need: Need, candidate: Candidate) -> int:
    if need.place is None or candidate.place is None:
        return _NOWHERE
    return need.place.metres(candidate.place)


def _spread(ranked: Iterable[Ranked]) -> Iterator[Ranked]:
    """Without the third slot of a doctor, near or by teleconsultation: a list of one doctor's is no choice."""
    seen: Counter[tuple[str, bool]] = Counter()
    for key, one in ranked:
        whose = one.doctor or one.agenda, one.is_remote
        seen[whose] += 1
        if seen[whose] <= MOST_OF_ONE:
            yield key, one
