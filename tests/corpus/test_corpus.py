"""Every kind of message gets a right answer: applied, or refused with its true cause; never silence, never a crash.

`-s` shows the table of answers by message type.
"""

from collections import Counter

import pytest

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.hl7v2.parse import Header, parse_as, scan_header
from adapters.mapping import compiled
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import inbox
from tests.corpus.messages import Case, cases

CASES = cases()


def right_answer(case: Case, receiver: Receiver, header: Header) -> str:
    """What the case asks for; a type or an event without a plan is refused by its name instead."""
    trigger = f"{header.type}^{header.trigger}"
    if case.answer != "AA" or compiled.programme(receiver.tables, trigger) is not None:
        return case.answer
    types = {name.partition("^")[0] for plan in receiver.tables.inbound for name in plan.triggers}
    return "AR 201 MSH^1^9" if header.type in types else "AR 200 MSH^1^9"


def told(answer: Acknowledgement) -> str:
    """An answer in the form of `Case.answer`."""
    if answer.code == "AA":
        return "AA"
    place = (
        answer.error_location.removesuffix("^1^1") if answer.error_location.count("^") > 3 else answer.error_location
    )
    return f"{answer.code} {answer.error_code} {place}".rstrip()


def received(receiver: Receiver, case: Case) -> Acknowledgement:
    octets = receiver.receive(case.octets)
    assert octets.endswith(b"\r"), case.name
    if parse_as(octets, "latin-1")["MSA-2"] is None:
        # A message without a control id is answered without one.
        octets = (
            octets.replace(b"MSA|AA", b"MSA|AA|-").replace(b"MSA|AE|", b"MSA|AE|-").replace(b"MSA|AR|", b"MSA|AR|-")
        )
    return read_acknowledgement(octets)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_right(case: Case, shared_receiver: Receiver) -> None:
    header = scan_header(case.octets)

    answer = received(shared_receiver, case)

    assert right_answer(case, shared_receiver, header) == told(answer)
    assert (header.control_id or "-") == answer.control_id
    if case.control_id not in ("", "-"):
        assert case.control_id == answer.control_id


def test_every_message_is_answered_and_kept(house: House) -> None:
    receiver = house.receiver("hospital")
    table: dict[str, Counter[str]] = {}

    for case in CASES:
        header = scan_header(case.octets)
        answer = received(receiver, case)
        assert "The receiver failed" not in answer.text, case.name
        kind = f"{header.type}^{header.trigger}" if header.is_readable else "(no header)"
        table.setdefault(kind, Counter())[told(answer)] += 1

    kept = {
        receipt.raw
        for receipt in house.services.store.transact(SYSTEM, lambda uow: inbox.list_receipts(uow, count=500))
    }
    assert {case.octets for case in CASES} == kept
    for kind, answers in sorted(table.items()):
        print(f"{kind:14} " + ", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items())))
