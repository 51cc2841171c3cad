"""Which numbers of a report are hidden, so that no group under five can be read or computed from it.

Docs: docs/figures.md. What a reader has is the report, the rules below, and that the parts of a total add up to it. A
hidden part of 1 to 4 must then still be able to have been another number: the tests try every report of small numbers.
"""

from collections.abc import Mapping, Sequence

from fhir_server.registry.figures import PARTITIONS, ROOTS

#: Fewer than these are hidden.
LEAST = 5


def hidden(counts: Mapping[str, int]) -> frozenset[str]:
    """The totals and parts that must not be shown."""
    found = {root for root in ROOTS if 0 < counts[root] < LEAST}
    for partition in PARTITIONS:
        if partition.total in found:
            found |= set(partition.parts)
        else:
            numbers = [counts[part] for part in partition.parts]
            found |= {partition.parts[place] for place in hidden_parts(numbers)}
    return frozenset(found)


def hidden_parts(numbers: Sequence[int]) -> set[int]:
    """Places of those parts of a total, which is shown, that must not be.

    Every part under five is, zeros too, unless all of these are zero. Others go with them, in their order, until
    the sum of what is hidden, which anybody can compute, leaves it open what each is.
    """
    small = [place for place, number in enumerate(numbers) if number < LEAST]
    found = set(small)
    if not any(numbers[place] for place in small):
        return set()
    companions = [place for place in range(len(numbers)) if place not in found]
    for taken, place in enumerate(companions):
        if _is_open([numbers[one] for one in found], len(small), taken):
            break
        found.add(place)
    return found


def _is_open(numbers: Sequence[int], small: int, companions: int) -> bool:
    most = (LEAST - 1) * small
    if small > 1:
        # Several under five tell nothing of each other, unless nearly all of them must be four.
        return companions > 0 or sum(numbers) < most - 1
    return companions > 0 and sum(numbers) >= LEAST * companions + most
