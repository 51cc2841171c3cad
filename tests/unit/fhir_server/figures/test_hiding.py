"""Small groups are hidden, and stay so for a reader who knows the rules and adds up."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from fhir_server.figures.hiding import LEAST, hidden, hidden_parts
from fhir_server.registry.figures import HALF_DAYS, PARTITIONS, ROOTS

Numbers = tuple[int, ...]


def counts(**given: int) -> dict[str, int]:
    names = {*ROOTS, HALF_DAYS, *(part for partition in PARTITIONS for part in partition.parts)}
    return dict.fromkeys(names, 0) | {name.replace("_", "-"): number for name, number in given.items()}


@pytest.mark.parametrize(
    ("numbers", "expected", "why"),
    [
        ((10, 20, 30), "", "nothing is small"),
        ((0, 20, 30), "", "nobody is nobody"),
        ((3, 20, 30), "01", "one alone would be what is missing from the total"),
        ((3, 5, 30), "012", "3 + 5 is 8: five at least leaves three at most"),
        ((3, 0, 30), "01", "a zero may be the small one"),
        ((3, 4, 30), "012", "seven of eight at most: nearly all of them are four"),
        ((2, 1, 30), "01", "three, parted in one of four ways"),
        ((4, 4), "01", "there is nothing more to hide"),
    ],
)
def test_what_is_hidden(numbers: Numbers, expected: str, why: str) -> None:
    assert expected == "".join(map(str, sorted(hidden_parts(numbers)))), why


@pytest.mark.parametrize(("parts", "most"), [(2, 45), (3, 40), (4, 28), (5, 20), (6, 16)])
def test_no_small_number_can_be_computed_from_what_is_shown(parts: int, most: int) -> None:
    """Every report of so many people: those that look alike are those a reader cannot tell apart."""
    for total in range(LEAST, most):
        alike: dict[tuple[int | None, ...], list[Numbers]] = defaultdict(list)
        for numbers in _parted(total, parts):
            found = hidden_parts(numbers)
            alike[tuple(None if place in found else n for place, n in enumerate(numbers))].append(numbers)
        for shown, candidates in alike.items():
            for place in (place for place, number in enumerate(shown) if number is None):
                possible = {numbers[place] for numbers in candidates}
                assert len(possible) > 1 or possible - set(range(1, LEAST)), (total, shown)


def test_no_small_number_is_shown() -> None:
    for total in range(LEAST, 25):
        for numbers in _parted(total, 4):
            found = hidden_parts(numbers)
            assert not [n for place, n in enumerate(numbers) if 0 < n < LEAST and place not in found]


def test_a_small_total_hides_its_parts() -> None:
    found = hidden(counts(standing=4, kept=4, from_samu=4, on_site=4))

    assert {"standing", "kept", "no-show", "from-samu", "remote"} <= found
    assert "received" not in found


def test_what_a_hidden_part_is_the_total_of_is_hidden() -> None:
    found = hidden(counts(received=20, oriented=4, unanswered=16, later=4))

    assert {"oriented", "later", "same-day"} <= found
    assert "received" not in found


def _parted(total: int, parts: int) -> Iterator[Numbers]:
    """Every way to part a total."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in _parted(total - first, parts - 1))
