"""From a message to the versions it made, and back."""

import pytest

from adapters.provenance import messages_of
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import inbox, resources


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("hospital")


def patient(name: str, control_id: str, minute: str) -> bytes:
    when = f"202603020{minute}00"
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS|{when}||ADT^A31^ADT_A05|{control_id}|P|2.5|||||FRA|UNICODE UTF-8"
    pid = f"PID|1||000777^^^CH-DEMO^PI||{name}^Camille^^^^^L||19790328|F"
    return "\r".join([header, f"EVN||{when}", pid, ""]).encode()


def written(house: House) -> list[list[str]]:
    """What each message wrote, oldest first."""
    receipts = house.services.store.transact(SYSTEM, inbox.list_receipts)
    return [receipt.effects.split() for receipt in reversed(receipts)]


def made_by(house: House, reference: str) -> list[str]:
    return house.services.store.transact(
        SYSTEM, lambda uow: [receipt.control_id for receipt in messages_of(uow, reference)]
    )


def test_version_names_its_message(house: House, receiver: Receiver) -> None:
    receiver.receive(patient("ESSAI", "M 1#a", "800"))

    reference = written(house)[0][0].split("/")
    row = resources.load_version(house.services.store.read(), reference[0], reference[1], 1)
    assert row is not None
    assert '"source":"urn:creneau:feed:hospital#M%201%23a"' in row.body.replace(" ", "")


def test_back_from_a_resource_to_its_messages(house: House, receiver: Receiver) -> None:
    receiver.receive(patient("ESSAI", "M1", "800"))
    receiver.receive(patient("EXEMPLE", "M2", "801"))

    second = written(house)[1][0]
    reference = second.partition("/_history/")[0]
    assert made_by(house, reference) == ["M2", "M1"]
    assert made_by(house, second) == ["M2"]


def test_message_that_says_nothing_new_makes_no_version(house: House, receiver: Receiver) -> None:
    receiver.receive(patient("ESSAI", "M1", "800"))
    receiver.receive(patient("ESSAI", "M2", "801"))

    first, second = written(house)
    assert second == []
    assert made_by(house, first[0]) == ["M1"]


def test_what_is_no_reference(house: House) -> None:
    with pytest.raises(ValueError, match="no Type/id"):
        made_by(house, "Patient")
