"""The territory's files say what the issue of the demonstration asks for."""

from collections import Counter

import pytest

from adapters.demo import tables

TERRITORY = tables.read()


def luhn_sum(digits: str) -> int:
    """The sum that is a multiple of ten when the last digit is the right key."""
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled)


def test_the_cpts_has_121_communes_and_about_160_000_inhabitants() -> None:
    assert 121 == len(TERRITORY.communes)
    assert 121 == len({row["code"] for row in TERRITORY.communes})
    assert 121 == len({row["name"] for row in TERRITORY.communes})
    assert 160_214 == sum(int(row["population"]) for row in TERRITORY.communes)


def test_communes_lie_within_an_hour_of_each_other() -> None:
    assert all(46.6 < float(row["latitude"]) < 47.4 for row in TERRITORY.communes)
    assert all(2.0 < float(row["longitude"]) < 3.0 for row in TERRITORY.communes)


def test_twelve_doctors_and_two_nurses() -> None:
    assert {"doctor": 12, "nurse": 2} == Counter(row["profession"] for row in TERRITORY.practitioners)


def test_communes_of_addresses_are_of_the_territory() -> None:
    names = {row["name"] for row in TERRITORY.communes}

    assert set() == {row["commune"] for row in (*TERRITORY.organizations, *TERRITORY.places)} - names


@pytest.mark.parametrize("rpps", [row["rpps"] for row in TERRITORY.practitioners])
def test_an_rpps_has_eleven_digits_and_a_luhn_key(rpps: str) -> None:
    assert (11, 0) == (len(rpps), luhn_sum(rpps) % 10)
    assert rpps.startswith("997"), "the block of test cards, so that no real person is named"


@pytest.mark.parametrize("finess", [row["finess"] for row in TERRITORY.organizations])
def test_a_finess_has_nine_digits_and_a_luhn_key(finess: str) -> None:
    assert (9, 0) == (len(finess), luhn_sum(finess) % 10)


def test_identifiers_are_unique() -> None:
    numbers = [row["rpps"] for row in TERRITORY.practitioners] + [row["finess"] for row in TERRITORY.organizations]

    assert len(numbers) == len(set(numbers))


def test_every_agenda_opened_has_a_schedule() -> None:
    assert {row["agenda"] for row in TERRITORY.schedules} == {opening.agenda for opening in TERRITORY.openings}
