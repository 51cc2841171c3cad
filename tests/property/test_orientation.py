"""Rankings: the same from candidates in any order, never against who is nearer or earlier, never beyond the cap."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.orientation.communes import Place
from fhir_server.orientation.criteria import GENERAL_PRACTICE
from fhir_server.orientation.model import Candidate, Need, Tier
from fhir_server.orientation.ranking import rank
from fhir_server.orientation.tables import MOST_OF_ONE, PRIORITIES, WEEKLY_CAP
from fhir_server.search.positions import point

HOUR_MS = 3_600_000
EVERYTHING = 100

_degrees = st.integers(min_value=-30, max_value=30).map(lambda number: number / 100)
_places = st.builds(lambda north, east: Place("x", point(47 + north, 2.5 + east)), _degrees, _degrees)
_terms = st.frozensets(st.sampled_from([*sorted(GENERAL_PRACTICE), ("", "fievre"), ("urn:x", "1")]), max_size=2)
_needs = st.builds(
    Need,
    now_ms=st.just(0),
    low_ms=st.just(0),
    high_ms=st.integers(min_value=1, max_value=72).map(lambda hours: hours * HOUR_MS),
    priority=st.sampled_from(PRIORITIES),
    radius=st.integers(min_value=0, max_value=60_000),
    place=st.none() | _places,
    specialties=_terms,
    motives=_terms,
    has_family_doctor=st.sampled_from([None, False, True]),
    own_doctors=st.frozensets(st.sampled_from(["Practitioner/a"])),
    accepts_remote=st.booleans(),
)
_candidates = st.builds(
    Candidate,
    slot_id=st.text("abcdef", min_size=1, max_size=6),
    start_ms=st.integers(min_value=0, max_value=72 * HOUR_MS),
    agenda=st.sampled_from(["Schedule/a", "Schedule/b"]),
    doctor=st.sampled_from(["", "Practitioner/a", "Practitioner/b", "Practitioner/c"]),
    is_remote=st.booleans(),
    place=st.none() | _places,
    audience=st.frozensets(st.sampled_from(["SNP", "CPTS", "PRO", "PUBLIC"])),
    is_kept=st.booleans(),
    specialties=_terms,
    motives=_terms,
    acts=st.sampled_from([0, 1, 7, WEEKLY_CAP - 1, WEEKLY_CAP, WEEKLY_CAP + 1]),
)
_lists = st.lists(_candidates, max_size=12, unique_by=lambda one: one.slot_id)


@given(_needs, _lists, st.randoms(use_true_random=False), st.integers(min_value=1, max_value=12))
def test_the_order_of_the_candidates_changes_nothing(
    need: Need, candidates: list[Candidate], chance: Random, count: int
) -> None:
    shuffled = candidates[:]
    chance.shuffle(shuffled)

    assert rank(need, candidates, count) == rank(need, shuffled, count)


@given(_needs, _lists, st.integers(min_value=0, max_value=12))
def test_nobody_is_proposed_against_a_limit(need: Need, candidates: list[Candidate], count: int) -> None:
    ranking = rank(need, candidates, count)

    found = [one.candidate for one in ranking.proposals]
    assert len(found) <= count
    assert all(one.acts < WEEKLY_CAP for one in found if one.doctor)
    assert all(need.accepts_remote or not one.is_remote for one in found)
    whose = [(one.doctor or one.agenda, one.is_remote) for one in found]
    assert all(whose.count(who) <= MOST_OF_ONE for who in whose)
    tiers = [one.tier for one in ranking.proposals]
    assert tiers == sorted(tiers)
    assert all((one.tier is Tier.REMOTE) == one.candidate.is_remote for one in ranking.proposals)


@given(_needs, _lists, _candidates, st.integers(min_value=1, max_value=72 * HOUR_MS))
def test_the_earlier_never_comes_after(need: Need, others: list[Candidate], one: Candidate, earlier_ms: int) -> None:
    better = replace(one, slot_id="zz", start_ms=max(0, one.start_ms - earlier_ms))

    _assert_before(need, others, better, replace(one, slot_id="z"))


@given(_needs, _lists, _candidates, _places)
def test_the_nearer_never_comes_after(need: Need, others: list[Candidate], one: Candidate, place: Place) -> None:
    if need.place is None:
        return
    first, second = sorted((place, one.place or place), key=need.place.metres)
    if need.place.metres(first) == need.place.metres(second):
        return

    _assert_before(need, others, replace(one, slot_id="zz", place=first), replace(one, slot_id="z", place=second))


@given(_needs, _lists, _candidates, st.integers(min_value=0, max_value=WEEKLY_CAP))
def test_who_had_fewer_acts_never_comes_after(need: Need, others: list[Candidate], one: Candidate, acts: int) -> None:
    fewer = replace(one, slot_id="zz", doctor="Practitioner/y", acts=min(acts, one.acts))
    if fewer.acts == one.acts or "Practitioner/a" in (one.doctor,):
        return

    _assert_before(need, others, fewer, replace(one, slot_id="z", doctor="Practitioner/z"))


def _assert_before(need: Need, others: list[Candidate], better: Candidate, worse: Candidate) -> None:
    if worse.start_ms == better.start_ms and worse.place == better.place and worse.acts == better.acts:
        return
    found = [one.candidate.slot_id for one in rank(need, [*others, worse, better], EVERYTHING).proposals]

    assert worse.slot_id not in found or better.slot_id in found
    if worse.slot_id in found:
        assert found.index(better.slot_id) < found.index(worse.slot_id)
