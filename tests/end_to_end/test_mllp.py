"""The hospital's port on a real socket: whatever comes, it answers in HL7's terms and lives on."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import hl7
import pytest

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.mllp.framing import Frame, Framer, frame
from tests.end_to_end.conftest import Server


def _admission(control_id: str, charset: str = "UNICODE UTF-8") -> bytes:
    header = (
        rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||ADT^A28^ADT_A05|{control_id}|P|2.5|||||FRA|{charset}"
    )
    return f"{header}\rEVN||20260302080000\rPID|1||{control_id}^^^CH-DEMO^PI||ESSAI^Ada^^^^^L||19790328|F\r".encode()


class Wire:
    """A connection on which bytes are put as they are."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._framer = Framer()
        self._waiting: list[bytes] = []

    def put(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._connection.sendall(piece)

    def answer(self) -> Acknowledgement:
        while not self._waiting:
            octets = self._connection.recv(65_536)
            assert octets, "the server closed the connection"
            self._waiting += [event.payload for event in self._framer.feed(octets) if isinstance(event, Frame)]
        return read_acknowledgement(self._waiting.pop(0))


@contextmanager
def connected(port: int) -> Iterator[Wire]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(connection)


@pytest.fixture
def port(server: Server) -> int:
    server.environment["CRENEAU_MAX_MESSAGE_BYTES"] = "20000"
    server.start("listen")
    return server.hospital_port


def test_frames_come_in_any_cut(port: int) -> None:
    one = frame(_admission("F1"))
    with connected(port) as wire:
        wire.put(*(one[index : index + 1] for index in range(len(one))))
        assert wire.answer().control_id == "F1"
        wire.put(frame(_admission("F2")) + frame(_admission("F3")))
        assert [wire.answer().control_id for _ in range(2)] == ["F2", "F3"]


def test_bad_frames_are_answered_and_the_next_good_one_is_taken(port: int) -> None:
    good = frame(_admission("G1"))
    with connected(port) as wire:
        wire.put(frame(_admission("H1"))[:90], good)
        cut, after = wire.answer(), wire.answer()
        wire.put(frame(_admission("H2") + b"ZZZ|" + b"x" * 30_000 + b"\r"))
        long = wire.answer()
        wire.put(b"noise between frames\r", _admission("H3") + b"\x1c\r", frame(_admission("G2")))
        unstarted, last = wire.answer(), wire.answer()

    assert [(cut.code, cut.control_id), (after.code, after.control_id)] == [("AR", "H1"), ("AA", "G1")]
    assert (long.code, long.control_id, long.error_code) == ("AR", "H2", "104")
    assert [(one.code, one.control_id) for one in (unstarted, last)] == [("AR", "H3"), ("AA", "G2")]


@pytest.mark.parametrize(
    ("octets", "code", "error_code"),
    [
        (_admission("B1").replace(b"|2.5|", b"|7|"), "AR", "203"),
        (_admission("B2").replace(b"Ada", b"Ad\xe9"), "AR", "100"),
        (_admission("B3").replace(b"ADT^A28^ADT_A05", b"XYZ^Q99"), "AR", "200"),
        (_admission("B4").replace(b"B4^^^CH-DEMO^PI", b""), "AE", "101"),
    ],
)
def test_bad_messages_are_answered_on_a_connection_that_lives_on(
    port: int, octets: bytes, code: str, error_code: str
) -> None:
    with connected(port) as wire:
        wire.put(frame(octets))
        refused = wire.answer()
        wire.put(frame(_admission("OK")))
        taken = wire.answer()

    assert (refused.code, refused.error_code) == (code, error_code)
    assert (taken.code, taken.control_id) == ("AA", "OK")


def test_a_public_library_reads_the_answer(server: Server, port: int) -> None:
    answer = hl7.parse(server.hl7(port, _admission("P1")).decode())

    assert str(answer.segment("MSA")) == "MSA|AA|P1"
    assert str(answer.segment("MSH")[9]) == "ACK^A28^ACK"
