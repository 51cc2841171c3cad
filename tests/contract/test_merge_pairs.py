"""Several pairs of PID and MRG in one message are each read for themselves, on both stores."""

from typing import Any

import pytest

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.service import House
from tests.contract.siu import Desk
from tests.visits import stored

EVN = "EVN||20260302100000"


def tell(house: House, event: str, *segments: str, sent: int = 0) -> Acknowledgement:
    octets = Desk(house, sent=sent).raw(event, EVN, *segments, kind="ADT", structure="ADT_A39")
    return read_acknowledgement(octets)


def pid(number: str) -> str:
    return f"PID|1||{number}^^^CH-DEMO^PI||ESSAI^Camille^^^^^L||19790328|F"


def mrg(number: str) -> str:
    return f"MRG|{number}^^^CH-DEMO^PI"


def patient(house: House, number: str) -> dict[str, Any]:
    return next(one for one in stored(house, "Patient") if any(n["value"] == number for n in one["identifier"]))


def test_each_identity_is_merged_into_its_own(house: House) -> None:
    answer = tell(house, "A40", pid("A1"), mrg("A2"), pid("B1"), mrg("B2"))

    assert "AA" == answer.code
    for kept, gone in (("A1", "A2"), ("B1", "B2")):
        link = patient(house, gone)["link"][0]
        assert ("replaced-by", f"Patient/{patient(house, kept)['id']}") == (link["type"], link["other"]["reference"])


def test_two_identities_may_go_into_one(house: House) -> None:
    assert "AA" == tell(house, "A40", pid("C1"), mrg("C2"), pid("C1"), mrg("C3")).code

    survivor = f"Patient/{patient(house, 'C1')['id']}"
    assert [survivor] * 2 == [patient(house, gone)["link"][0]["other"]["reference"] for gone in ("C2", "C3")]


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        ((pid("D1"), pid("D2"), mrg("D3")), "MRG^1"),
        ((pid("D1"), mrg("D2"), mrg("D3"), pid("D4"), mrg("D5")), "MRG^1"),
        ((mrg("D2"), pid("D1"), mrg("D3"), pid("D4")), "MRG^1"),
        ((pid("D1"), mrg("D2"), mrg("D3")), "MRG^2"),
    ],
)
def test_what_is_no_pair_is_refused_whole(house: House, segments: tuple[str, ...], place: str) -> None:
    answer = tell(house, "A40", *segments)

    assert ("AE", "100", place) == (answer.code, answer.error_code, answer.error_location)
    assert not stored(house, "Patient")


def test_several_visits_are_moved_by_one_message(house: House) -> None:
    first, second = (f"PV1|{number}|I{'|' * 17}V{number}^^^CH-DEMO^VN" for number in (1, 2))
    from_first, from_second = (f"MRG|E2^^^CH-DEMO^PI||||V{number}^^^CH-DEMO^VN" for number in (1, 2))
    for sent, visit in enumerate((first, second)):
        assert "AA" == tell(house, "A01", pid("E2"), visit, sent=sent).code

    answer = tell(house, "A45", pid("E1"), from_first, first, from_second, second, sent=30)

    owner = f"Patient/{patient(house, 'E1')['id']}"
    assert ("AA", [owner] * 2) == (answer.code, [one["subject"]["reference"] for one in stored(house, "Encounter")])
