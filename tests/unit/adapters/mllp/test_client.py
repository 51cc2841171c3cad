import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from adapters.mllp.client import Client
from adapters.mllp.framing import Frame, Framer, frame
from fhir_server.kernel.errors import Category, FhirError

WAIT = 10


@contextmanager
def receiver(*connections):
    """A receiver that serves one script after the other, a connection each; yields its port and what it received."""
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT)

        def serve():
            for script in connections:
                connection, _ = server.accept()
                # A client that closes before it has read the last byte resets the connection.
                with connection, suppress(ConnectionResetError):
                    connection.settimeout(WAIT)
                    script(connection, received)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], received
        finally:
            thread.join(WAIT)
            assert not thread.is_alive()


def take(connection, received):
    framer = Framer()
    while True:
        octets = connection.recv(4096)
        if not octets:
            return False
        frames = [event.payload for event in framer.feed(octets) if isinstance(event, Frame)]
        received.extend(frames)
        if frames:
            return True


def answering(*replies):
    """A script: for each reply, take a message, then send the reply's bytes."""

    def script(connection, received):
        for reply in replies:
            if not take(connection, received):
                return
            connection.sendall(reply)
        connection.recv(1)

    return script


def silent(connection, received):
    take(connection, received)
    connection.recv(1)


def closing(connection, received):
    take(connection, received)


def names_it(request, reply):
    """The reply `re:X` answers the message `X`; one that names nothing may answer anything."""
    return not reply.startswith(b"re:") or reply == b"re:" + request.strip()


def client(port, timeout=WAIT):
    return Client("127.0.0.1", port, timeout, answers=names_it)


def test_messages_go_over_one_connection():
    with receiver(answering(frame(b"re:1"), frame(b"re:2"))) as (port, received), client(port) as one:
        assert one.send(b"1\r") == b"re:1"
        assert one.send(b"2\r") == b"re:2"

    assert received == [b"1\r", b"2\r"]


def test_files_with_and_without_frames():
    with receiver(answering(frame(b"re:1"), frame(b"re:2"))) as (port, received), client(port) as one:
        one.send(b"\x0b1\r\x1c\r")
        one.send(b"2\n")

    assert received == [b"1\r", b"2\r"]


def test_a_late_answer_is_not_taken_for_the_next():
    with (
        receiver(answering(frame(b"re:0") + frame(b"\x06") + b"\r\n" + frame(b"re:1"))) as (port, _),
        client(port) as one,
    ):
        assert one.send(b"1") == b"re:1"


def test_an_answer_in_pieces():
    def script(connection, received):
        take(connection, received)
        for octet in frame(b"re:1"):
            connection.sendall(bytes([octet]))
        connection.recv(1)

    with receiver(script) as (port, _), client(port) as one:
        assert one.send(b"1") == b"re:1"


def test_bytes_that_came_while_idle_answer_nothing():
    sent = threading.Event()

    def script(connection, received):
        take(connection, received)
        connection.sendall(frame(b"re:1") + frame(b"stray"))
        sent.set()
        take(connection, received)
        connection.sendall(frame(b"re:2"))
        connection.recv(1)

    with receiver(script) as (port, _), client(port) as one:
        assert one.send(b"1") == b"re:1"
        assert sent.wait(WAIT)
        assert one.send(b"2") == b"re:2"


def test_no_answer_in_time_closes_and_the_next_message_connects_again():
    with receiver(silent, answering(frame(b"re:1"))) as (port, received), client(port, 0.05) as one:
        with pytest.raises(FhirError) as raised:
            one.send(b"1")
        assert (raised.value.category, str(raised.value)) == (Category.UNAVAILABLE, "No answer within 0.05 s.")
        assert one.send(b"1") == b"re:1"

    assert len(received) == 2


def test_a_receiver_that_closes_instead_of_answering():
    with receiver(closing, answering(frame(b"re:1"))) as (port, _), client(port) as one:
        with pytest.raises(FhirError) as raised:
            one.send(b"1")
        assert raised.value.category == Category.UNAVAILABLE
        assert one.send(b"1") == b"re:1"


def test_a_receiver_that_closed_while_idle_costs_no_message():
    def once(connection, received):
        take(connection, received)
        connection.sendall(frame(b"re:1"))

    with receiver(once, answering(frame(b"re:2"))) as (port, received), client(port) as one:
        assert one.send(b"1") == b"re:1"
        # Waits until the end of the first connection has arrived.
        one._socket.setblocking(True)
        assert one._socket.recv(1, socket.MSG_PEEK) == b""
        assert one.send(b"2") == b"re:2"

    assert received == [b"1\r", b"2\r"]


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FhirError) as raised:
        client(port).send(b"1")

    assert raised.value.category == Category.UNAVAILABLE


def test_a_message_that_would_be_cut():
    with pytest.raises(ValueError):
        client(1).send(b"a\x1cb")


def release_2(port):
    return Client("127.0.0.1", port, WAIT, answers=names_it, release=2)


def test_release_2_waits_for_the_answer_behind_the_commit_block():
    with receiver(answering(frame(b"\x06") + frame(b"re:1"))) as (port, _), release_2(port) as one:
        assert one.send(b"1\r") == b"re:1"


def test_release_2_message_that_the_receiver_cannot_keep():
    with (
        receiver(answering(frame(b"\x15"))) as (port, _),
        release_2(port) as one,
        pytest.raises(FhirError) as caught,
    ):
        one.send(b"1\r")

    assert caught.value.category == Category.UNAVAILABLE
