"""Messages of several connections applied in one transaction: each with its own effects, answer and failure."""

import pytest

from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import identified, inbox
from fhir_server.storage.unit_of_work import Store, UnitOfWork
from tests.contract.test_receive_several import admission, states

#: Cancels an appointment that nobody ever told.
UNKNOWN_CANCELLED = admission(2, "SIU^S15^SIU_S12").partition(b"EVN|")[0] + b"SCH|P1^GAM|F1^GAM\rRGS|1\r"


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("hospital")


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each transaction from now on was committed."""
    outcomes: list[bool] = []
    transact = Store.transact

    def counted(self, actor, work):  # type: ignore[no-untyped-def]
        outcomes.append(False)
        result = transact(self, actor, work)
        outcomes[-1] = True
        return result

    monkeypatch.setattr(Store, "transact", counted)
    return outcomes


def codes(receiver: Receiver, *messages: bytes) -> list[tuple[str, str]]:
    answers = [read_acknowledgement(answer.octets) for answer in receiver.take_all(messages)]
    return [(one.code, one.control_id) for one in answers]


def sources(house: House) -> list[str]:
    """The messages that made the persons stored."""

    def look(uow: UnitOfWork) -> list[str]:
        keys = [("Patient", "urn:oid:1.2.250.1.999.1", f"00{number}") for number in range(9)]
        return [one.content()["meta"]["source"] for one in identified.find_all(uow.connection, keys)]

    return house.services.store.transact(SYSTEM, look)


def test_strangers_share_one_transaction(house: House, receiver: Receiver, commits: list[bool]) -> None:
    found = codes(receiver, admission(1), admission(2), admission(3))

    assert [("AA", "M1"), ("AA", "M2"), ("AA", "M3")] == found
    assert [True] == commits
    assert [f"urn:creneau:feed:hospital#M{number}" for number in (1, 2, 3)] == sources(house)


def test_what_one_lacks_harms_no_other(house: House, receiver: Receiver) -> None:
    found = codes(receiver, admission(1), admission(2, "ZZZ^Z01"), admission(3), admission(4).replace(b"|2.5|", b"|3|"))

    assert [("AA", "M1"), ("AR", "M2"), ("AA", "M3"), ("AR", "M4")] == found
    assert [("M1", "applied"), ("M2", "rejected"), ("M3", "applied"), ("M4", "rejected")] == states(house)


def test_when_one_is_refused_while_it_is_applied_the_others_are_applied(
    house: House, receiver: Receiver, commits: list[bool]
) -> None:
    found = codes(receiver, admission(1), UNKNOWN_CANCELLED, admission(3))

    assert [("AA", "M1"), ("AE", "M2"), ("AA", "M3")] == found
    assert False in commits
    assert [("M1", "applied"), ("M2", "refused"), ("M3", "applied")] == states(house)
    assert ["urn:creneau:feed:hospital#M1", "urn:creneau:feed:hospital#M3"] == sources(house)


def test_two_messages_of_one_person_make_one_person(house: House, receiver: Receiver) -> None:
    found = codes(receiver, admission(1), admission(2, ipp="001^^^CH-DEMO^PI"))

    assert ["AA", "AA"] == [code for code, _ in found]
    assert 1 == len(sources(house))


def test_the_same_message_twice_in_a_group_is_applied_once(house: House, receiver: Receiver) -> None:
    first, again = receiver.take_all([admission(1), admission(1)])

    assert first == again
    assert 1 == len(states(house))


def test_a_message_known_before_gets_its_first_answer_among_others(house: House, receiver: Receiver) -> None:
    before = receiver.take(admission(1))

    again, other = receiver.take_all([admission(1), admission(2)])

    assert before == again != other
    assert 2 == len(house.services.store.transact(SYSTEM, inbox.list_receipts))
