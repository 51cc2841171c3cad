"""A sender that counts fields wrongly is understood once its feed has a fixer, on both stores."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.mapping.feed import Fixer
from adapters.service import build_house
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from fhir_server.storage import inbox
from tests.contract.siu import DAY, PID, Desk, at

EARLY = f"SCH|PF1^GAM|F1^GAM||||RDV|ROUTINE|20|min|^^^{DAY}090000^{DAY}092000"
PLACE = "AIL|1||BOX1^^^CH-DEMO"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    yield Desk(house)
    house.services.close()


def mend(desk: Desk, *fixers: Fixer) -> None:
    desk.receiver = replace(desk.receiver, mapping=replace(desk.receiver.mapping, fixers=fixers))


def test_a_timing_one_field_early_is_refused_without_a_fixer(desk: Desk) -> None:
    answer = desk.send("S12", EARLY, PID, "RGS|1", PLACE)

    assert ("AE", "101") == (answer.code, answer.error_code)


def test_a_timing_one_field_early_is_taken_with_a_fixer(desk: Desk) -> None:
    mend(desk, Fixer("insert", "SCH-8", when="present SCH-10.4 and absent SCH-11"))

    answer = desk.send("S12", EARLY, PID, "RGS|1", PLACE)

    appointment = desk.appointment()
    assert ("AA", at("09:00"), at("09:20")) == (answer.code, appointment["start"], appointment["end"])


def test_what_is_kept_is_what_was_sent(desk: Desk) -> None:
    mend(desk, Fixer("insert", "SCH-8", when="present SCH-10.4 and absent SCH-11"))
    desk.send("S12", EARLY, PID, "RGS|1", PLACE)

    (receipt,) = desk.house.services.store.transact(SYSTEM, lambda uow: inbox.list_receipts(uow, count=5))
    assert EARLY.encode() in receipt.raw
