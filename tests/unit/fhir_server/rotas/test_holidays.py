"""Public holidays of France, held against another table of them."""

from datetime import date

import holidays as other
import pytest

from fhir_server.rotas.holidays import holidays, zone_of

YEARS = range(2020, 2041)
#: Where the other table counts days that the labour code does not make holidays for all.
CUSTOMARY = {"Victor Schoelcher Day", "Mi-Careme", "Good Friday", "All Souls' Day"}


@pytest.mark.parametrize("year", YEARS)
def test_the_national_days(year: int) -> None:
    assert holidays(year, "") == set(other.country_holidays("FR", years=year))


@pytest.mark.parametrize(("department", "theirs"), [("57", "57"), ("67", "6AE"), ("68", "6AE")])
@pytest.mark.parametrize("year", YEARS)
def test_alsace_and_moselle_have_two_more(year: int, department: str, theirs: str) -> None:
    assert holidays(year, department) == set(other.country_holidays("FR", subdiv=theirs, years=year))


@pytest.mark.parametrize(
    ("department", "theirs"),
    [("971", "971"), ("972", "972"), ("973", "973"), ("974", "974"), ("976", "976"), ("977", "BL"), ("978", "MF")],
)
@pytest.mark.parametrize("year", YEARS)
def test_overseas_remembers_abolition(year: int, department: str, theirs: str) -> None:
    found = other.country_holidays("FR", subdiv=theirs, years=year, language="en_US")

    assert holidays(year, department) == {day for day, name in found.items() if name not in CUSTOMARY}


def test_corsica_and_others_have_the_national_ones() -> None:
    assert holidays(2026, "2A") == holidays(2026, "75") == holidays(2026, "")
    assert date(2026, 12, 26) not in holidays(2026, "75")


def test_clocks() -> None:
    assert (zone_of("68"), zone_of(""), zone_of("974")) == ("Europe/Paris", "Europe/Paris", "Indian/Reunion")
