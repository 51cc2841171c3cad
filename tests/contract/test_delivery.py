"""What becomes of a delivery for each way in which a receiver can answer it: real sockets, both stores."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from adapters.lines import PARK, RETRY, SKIP
from adapters.mllp.framing import frame
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from tests.conftest import StandingClock
from tests.contract.outbound import Stage
from tests.scripted_peer import Reply, Step, acknowledgement, message

HOUR = 3_600_000
AA = acknowledgement()
#: Long enough for what answers, short enough to wait for what does not.
QUICK = 0.4


@pytest.fixture
def stage(settings: Settings, clock: StandingClock) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(settings, clock, stack)


def other_delimiters(ids: list[str]) -> bytes:
    return frame(f"MSH:;~\\&:GAM:CH:CRENEAU:CPTS:20260302::ACK;S12:R1:P:2.5\rMSA:AA:{ids[-1]}\r".encode())


def in_pieces(ids: list[str]) -> bytes:
    return frame(message("AA", ids[-1]).rstrip(b"\r"))


ACCEPTED = {
    "AA": AA,
    "CA": acknowledgement("CA"),
    "other delimiters": other_delimiters,
    "an answer of another type": acknowledgement(kind="ADR^A19"),
    "a response": acknowledgement(kind="RSP^K22^RSP_K21"),
    "without final CR": in_pieces,
    "an answer with LF": lambda ids: frame(message("AA", ids[-1]).replace(b"\r", b"\n")),
    "an event that is not the one sent": acknowledgement(kind="ACK^R01"),
    "an earlier answer before it": lambda ids: frame(message("AE", "CRN0")) + frame(message("AA", ids[-1])),
    "a commit block before it": lambda ids: frame(b"\x06") + frame(message("AA", ids[-1])),
    "noise before it": lambda ids: b"\r\n \n" + frame(message("AA", ids[-1])),
    "end byte doubled": lambda ids: frame(message("AA", ids[-1])) + b"\x1c\r",
}
FAILED = {
    "AR": acknowledgement("AR"),
    "CR": acknowledgement("CR"),
    "garbage in a frame": lambda ids: frame(b"NACK sent from receiver"),
    "MSA alone, without a header": lambda ids: frame(f"MSA|AA|{ids[-1]}\r".encode()),
    "MSA without fields": lambda ids: frame(b"MSH|^~\\&|A|B|C|D|20260302||ACK|1|P|2.5\rMSA\r"),
    "an unknown code": acknowledgement("OK"),
    "no control id": lambda ids: frame(b"MSH|^~\\&|A|B|C|D|20260302||ACK|1|P|2.5\rMSA|AA\r"),
    "an empty frame": lambda ids: frame(b""),
}
SILENT = {
    "garbage without a frame": lambda ids: b"NACK sent from receiver",
    "an answer without a frame": lambda ids: message("AA", ids[-1]),
    "nothing": lambda ids: b"",
    "the answer to another message": acknowledgement("AA", of=0),
}


@pytest.mark.parametrize("reply", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_delivered(stage: Stage, reply: Reply) -> None:
    desk, peer = stage.play(Step(reply))
    desk.book()
    desk.deliver()

    assert (desk.states, len(peer.received)) == (["delivered"], 1)


@pytest.mark.parametrize("reply", FAILED.values(), ids=FAILED.keys())
def test_tried_again_with_the_same_bytes(stage: Stage, reply: Reply) -> None:
    desk, peer = stage.play(Step(reply), Step(AA))
    desk.book()
    desk.deliver()
    assert desk.states == ["waiting"]

    stage.clock.advance(HOUR)
    desk.deliver()

    assert desk.states == ["delivered"]
    assert peer.received[0] == peer.received[1]


@pytest.mark.parametrize("reply", SILENT.values(), ids=SILENT.keys())
def test_no_answer_in_time_is_no_answer(stage: Stage, reply: Reply) -> None:
    desk, peer = stage.play(Step(AA), Step(reply), Step(AA), timeout_seconds=QUICK)
    desk.book()
    desk.book()
    desk.deliver()
    assert desk.states == ["delivered", "waiting"]

    stage.clock.advance(HOUR)
    desk.deliver()

    assert desk.states == ["delivered", "delivered"]
    assert (peer.received[1] == peer.received[2], peer.connections) == (True, 2)


def test_a_late_answer_is_credited_to_nobody(stage: Stage) -> None:
    """The first message's AA comes when the second is under way, which is then refused."""

    def late_and_refused(ids: list[str]) -> bytes:
        return frame(message("AA", ids[0])) + frame(message("AE", ids[1]))

    desk, _ = stage.play(Step(lambda ids: b""), Step(late_and_refused), timeout_seconds=QUICK)
    desk.book()
    desk.book()
    desk.deliver()

    assert desk.states == ["waiting", "dead"]


def test_a_late_answer_alone_does_not_deliver_the_next(stage: Stage) -> None:
    desk, _ = stage.play(Step(delay=2 * QUICK), Step(acknowledgement(of=0)), timeout_seconds=QUICK)
    desk.book()
    desk.book()
    desk.deliver()

    assert desk.states == ["waiting", "waiting"]


@pytest.mark.parametrize("code", ["AE", "CE"])
@pytest.mark.parametrize(
    ("policy", "then", "later"),
    [
        (PARK, ["dead", "waiting"], ["dead", "waiting"]),
        (RETRY, ["waiting", "waiting"], ["delivered", "delivered"]),
        (SKIP, ["dropped", "delivered"], ["dropped", "delivered"]),
    ],
)
def test_refused_by_policy(stage: Stage, code: str, policy: str, then: list[str], later: list[str]) -> None:
    """What the policy does with the message refused, and with the next one about the same appointment."""
    desk, peer = stage.play(Step(acknowledgement(code)), Step(AA), on_error=policy)
    desk.change(SYSTEM, desk.book(), status="cancelled")
    desk.deliver()
    assert desk.states == then

    stage.clock.advance(HOUR)
    desk.deliver()

    assert desk.states == later
    assert policy != RETRY or peer.received[0] == peer.received[1]


def test_connection_cut_within_the_answer(stage: Stage) -> None:
    desk, peer = stage.play(Step(lambda ids: frame(message("AA", ids[-1]))[:20], closes=True), Step(AA))
    desk.book()
    desk.deliver()
    assert desk.states == ["waiting"]

    stage.clock.advance(HOUR)
    desk.deliver()

    assert (desk.states, peer.connections) == (["delivered"], 2)
    assert peer.received[0] == peer.received[1]


def test_receiver_that_closes_after_each_answer(stage: Stage) -> None:
    desk, peer = stage.play(Step(closes=True))
    for _ in range(3):
        desk.book()
    desk.deliver()

    assert (desk.states, peer.connections) == (["delivered"] * 3, 3)


def test_slow_receiver_gets_one_message_at_a_time(stage: Stage) -> None:
    desk, peer = stage.play(Step(delay=0.2, gulp=64))
    for _ in range(2):
        desk.book()
    desk.deliver()

    assert (desk.states, peer.connections) == (["delivered"] * 2, 1)
    assert peer.answered[0] <= peer.arrived[1]


def test_pause_between_an_answer_and_the_next(stage: Stage) -> None:
    desk, peer = stage.play(Step(), pause_seconds=0.3)
    for _ in range(3):
        desk.book()
    desk.deliver()

    assert desk.states == ["delivered"] * 3
    pauses = [later - earlier for earlier, later in zip(peer.answered, peer.arrived[1:], strict=False)]
    assert min(pauses) >= 0.28
