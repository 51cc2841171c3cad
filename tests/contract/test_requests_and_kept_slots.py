"""A feed tells of the whole territory, and takes by its requests what is meant for it: SRM and SQM, on both stores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters import feeds
from adapters.service import build_house
from fhir_server.kernel.audiences import R314
from fhir_server.settings import Settings, SettingsError, load
from tests.contract.siu import Desk, at, open_agenda, sch
from tests.contract.test_sqm import RANGE, named, query
from tests.contract.test_srm import arq, book, field

KEPT: dict[str, Any] = {
    "extension": [
        {
            "url": "urn:creneau:StructureDefinition:slot-direct-access",
            "extension": [{"url": "holder", "valueCode": "samu"}],
        }
    ]
}
#: Its release is before the standing clock's, and every clock's since.
RELEASED: dict[str, Any] = {
    "extension": [
        {
            **KEPT["extension"][0],
            "extension": [
                {"url": "holder", "valueCode": "samu"},
                {"url": "release", "valueInstant": "2026-03-01T08:00:00+01:00"},
            ],
        }
    ]
}


@pytest.fixture
def samu(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    made = Desk(house, "samu")
    open_agenda(made)
    yield made
    house.services.close()


@pytest.fixture
def hospital(samu: Desk) -> Desk:
    return Desk(samu.house, "hospital")


@pytest.mark.parametrize(
    ("slot", "who", "taken"),
    [
        (KEPT, "hospital", False),
        (KEPT, "samu", True),
        (RELEASED, "hospital", True),
        ({}, "hospital", True),
        ({"meta": {"security": [{"system": R314, "code": "CPTS"}]}}, "hospital", True),
    ],
)
def test_a_request_takes_what_is_meant_for_who_asks(
    samu: Desk, hospital: Desk, slot: dict[str, Any], who: str, taken: bool
) -> None:
    samu.publish("q1", "09:00", "09:15", **slot)
    answer = book({"samu": samu, "hospital": hospital}[who], arq())

    assert samu.slots() == {"q1": "busy" if taken else "free"}
    assert field(answer, "MSA", 1) == ("AA" if taken else "AE")
    assert "q1" not in answer or taken


def test_the_next_slot_is_taken_that_is_not_kept(samu: Desk, hospital: Desk) -> None:
    samu.publish("q1", "09:00", "09:15", **KEPT)
    samu.publish("q2", "09:15", "09:30")
    book(hospital, arq())

    assert samu.slots() == {"q1": "free", "q2": "busy"}


def test_a_query_is_told_what_is_meant_for_who_asks(samu: Desk, hospital: Desk) -> None:
    samu.publish("q1", "09:00", "09:15", **KEPT)
    told = {desk.receiver.feed.name: bool(named(query(desk, RANGE), "SCH")) for desk in (samu, hospital)}

    assert told == {"samu": True, "hospital": False}


def test_what_is_told_counts_for_every_slot(samu: Desk, hospital: Desk) -> None:
    samu.publish("q1", "09:00", "09:15", **KEPT)
    hospital.book("S12", sch("0900", "0915"))

    assert samu.slots() == {"q1": "busy"}
    assert hospital.appointment()["start"] == at("09:00")


@pytest.mark.parametrize("line", ['audiences = ["ALL"]', 'direct_access = ["police"]', 'direct_access = "samu"'])
def test_an_unknown_audience_is_refused(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "x.toml").write_text(
        f'owner = "x"\n{line}\n[listen]\nhost = "h"\nport = 1\n[identity]\napplication = "A"\nfacility = "F"\n'
    )

    with pytest.raises(SettingsError, match=r"x\.toml: (audiences|direct_access) is not a list of"):
        feeds.load(load({"CRENEAU_CONFIG_DIR": str(tmp_path)}, database_url="sqlite://"))
