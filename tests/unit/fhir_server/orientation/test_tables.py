"""The tables of the ranking fit each other and the code that reads them."""

from pathlib import Path
from string import Formatter

from fhir_server.interactions import match_answer
from fhir_server.orientation.criteria import reasons
from fhir_server.orientation.model import Candidate, Need
from fhir_server.orientation.tables import BEST, CRITERIA, LIMITS, PRIORITIES, REASONS


def test_the_weights_of_a_priority_are_a_hundred() -> None:
    for priority in PRIORITIES:
        assert sum(one.weights[priority] for one in CRITERIA.values()) == 100, priority


def test_every_priority_has_limits() -> None:
    assert list(LIMITS) == list(PRIORITIES)
    hours = [one.hours for one in LIMITS.values()]
    assert hours == sorted(hours, reverse=True)


def test_every_reason_is_of_a_criterion_and_in_two_languages() -> None:
    assert {one.criterion for one in REASONS.values()} == set(CRITERIA)
    for one in REASONS.values():
        assert one.english, one.code
        assert one.french, one.code
        assert one.english != one.french, one.code
        assert one.points is None or 0 <= one.points <= BEST, one.code


def test_notes_ask_for_the_same_in_both_languages() -> None:
    for row in match_answer.NOTES.values():
        assert _fields(row["english"]) == _fields(row["french"]), row["note"]


def test_every_criterion_says_something_of_every_slot() -> None:
    need = Need(now_ms=0, low_ms=0, high_ms=1, priority="routine", radius=0)

    said = reasons(need, Candidate("a", 0, "Schedule/a"))

    assert [one.criterion for one in said] == list(CRITERIA)
    for one in said:
        words = REASONS[one.code]
        assert words.english.format(**one.values)
        assert words.french.format(**one.values)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_tables_are_documented_as_they_are() -> None:
    lines = (Path(__file__).parents[4] / "docs" / "match.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"]

    for one in CRITERIA.values():
        (found,) = [row[2:] for row in rows if row[0] == f"`{one.code}`"]
        assert found == [str(one.weights[priority]) for priority in PRIORITIES], one.code
    for priority, limit in LIMITS.items():
        assert [f"`{priority}`", str(limit.hours), str(limit.kilometres)] in rows
