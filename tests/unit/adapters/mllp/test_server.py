import logging
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.mllp.connection import Answer, Options
from adapters.mllp.framing import FaultKind, frame
from adapters.mllp.server import Listener, run

WAIT = 10


def echo(payload, _peer):
    return b"answer to " + payload


@contextmanager
def running(*listeners):
    """The listeners served by a thread; yields the event that stops them."""
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(listeners, stop), kwargs={"on_ready": ready.set})
    thread.start()
    try:
        assert ready.wait(WAIT)
        yield stop
    finally:
        stop.set()
        thread.join(WAIT)
        assert not thread.is_alive()


@contextmanager
def connected(listener):
    with socket.create_connection(("127.0.0.1", listener.port), WAIT) as connection:
        yield connection


def answering(handle):
    """A handler of bytes as the listener takes it."""

    def answer(event, peer):
        octets = handle(event, peer)
        return None if octets is None else octets if isinstance(octets, Answer) else Answer(octets)

    return answer


def listener(handle=echo, *arguments, **options):
    handlers = [answering(one) for one in (handle, *arguments)]
    return Listener("127.0.0.1", 0, *handlers, options=Options(**options))


def read_until(connection, *ends):
    octets = b""
    while not octets.endswith(ends):
        part = connection.recv(4096)
        assert part, octets
        octets += part
    return octets


def closes(connection):
    return connection.recv(4096) == b""


def test_answers_come_framed_and_in_order():
    with running(one := listener()), connected(one) as connection:
        connection.sendall(frame(b"1") + frame(b"2") + frame(b"3"))

        assert frame(b"answer to 1") + frame(b"answer to 2") + frame(b"answer to 3") == read_until(
            connection, b"3\x1c\r"
        )


def test_a_sender_that_forgets_the_last_byte_is_answered():
    with running(one := listener()), connected(one) as connection:
        connection.sendall(b"\x0b1\x1c")

        assert frame(b"answer to 1") == read_until(connection, b"\r")


def test_a_sender_that_has_closed_its_side_is_answered():
    with running(one := listener()), connected(one) as connection:
        connection.sendall(frame(b"1"))
        connection.shutdown(socket.SHUT_WR)

        assert frame(b"answer to 1") == read_until(connection, b"\r")
        assert closes(connection)


def test_one_message_at_a_time_on_a_connection_and_connections_in_parallel():
    both = threading.Barrier(2)

    def handle(payload, _peer):
        # Passes only when both connections are being handled at once.
        both.wait(WAIT)
        return payload

    with running(one := listener(handle)), connected(one) as first, connected(one) as second:
        first.sendall(frame(b"1"))
        second.sendall(frame(b"2"))

        assert frame(b"1") == read_until(first, b"\r")
        assert frame(b"2") == read_until(second, b"\r")


def test_several_ports_in_one_process():
    with running(one := listener(), two := listener()), connected(one) as first, connected(two) as second:
        first.sendall(frame(b"1"))
        second.sendall(frame(b"2"))

        assert frame(b"answer to 1") == read_until(first, b"\r")
        assert frame(b"answer to 2") == read_until(second, b"\r")


def test_the_handler_knows_its_peer():
    def handle(_payload, peer):
        return f"{peer.host} {peer.port} {peer.local_port} {peer.fingerprint}{peer.common_name}".encode()

    with running(one := listener(handle)), connected(one) as connection:
        connection.sendall(frame(b"1"))
        expected = f"127.0.0.1 {connection.getsockname()[1]} {one.port} ".encode()

        assert frame(expected) == read_until(connection, b"\r")


def test_framing_faults_are_answered_by_their_own_handler():
    def on_fault(fault, _peer):
        return None if fault.kind is FaultKind.OUTSIDE else fault.kind.name.encode() + b" " + fault.octets

    with running(one := listener(echo, on_fault, max_size=4)), connected(one) as connection:
        connection.sendall(b"noise\x0bcut\x0b1\x1c\r\x0b12345\x1c\r")
        expected = frame(b"TRUNCATED cut") + frame(b"answer to 1") + frame(b"TOO_LONG 12345")

        assert expected == read_until(connection, b"12345\x1c\r")


def test_commit_blocks_of_release_2_are_not_messages():
    with running(one := listener()), connected(one) as connection:
        connection.sendall(frame(b"\x06") + frame(b"\x15") + frame(b"1"))

        assert frame(b"answer to 1") == read_until(connection, b"\r")


def test_release_2_confirms_before_it_answers():
    def handle(payload, _peer):
        return Answer(b"answer", is_kept=payload != b"lost")

    with running(one := listener(handle, release=2)), connected(one) as connection:
        connection.sendall(frame(b"1"))
        assert frame(b"\x06") + frame(b"answer") == read_until(connection, b"answer\x1c\r")
        connection.sendall(frame(b"lost"))
        assert frame(b"\x15") + frame(b"answer") == read_until(connection, b"answer\x1c\r")


def test_no_answer_is_no_frame():
    with running(one := listener(lambda payload, _: b"" if payload == b"1" else payload)), connected(one) as connection:
        connection.sendall(frame(b"1") + frame(b"2"))

        assert frame(b"2") == read_until(connection, b"\r")


def test_only_partners_networks_may_connect():
    with running(
        here := listener(networks=(ip_network("127.0.0.0/8"),)), elsewhere := listener(networks=(ip_network("::/0"),))
    ):
        with connected(here) as connection:
            connection.sendall(frame(b"1"))
            assert frame(b"answer to 1") == read_until(connection, b"\r")
        with connected(elsewhere) as connection:
            assert closes(connection)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6():
    one = Listener("::1", 0, answering(echo))
    with running(one), socket.create_connection(("::1", one.port), WAIT) as connection:
        connection.sendall(frame(b"1"))
        assert frame(b"answer to 1") == read_until(connection, b"\r")


def test_hundreds_of_idle_connections_and_a_slow_reader_harm_nobody():
    def handle(payload, _peer):
        return b"x" * 4_000_000 if payload == b"much" else payload

    with running(one := listener(handle, max_connections=400)), ExitStack() as open_ones:
        for _ in range(300):
            open_ones.enter_context(connected(one))
        slow = open_ones.enter_context(connected(one))
        for _ in range(4):
            slow.sendall(frame(b"much"))
        with connected(one) as connection:
            for number in range(50):
                connection.sendall(frame(b"%d" % number))
                assert frame(b"%d" % number) == read_until(connection, b"\r")


@pytest.mark.parametrize("answer", [None, b"\x1c"], ids=["raises", "answers what cannot be framed"])
def test_a_failing_handler_closes_the_connection_and_says_so(caplog, answer):
    def handle(payload, _peer):
        if payload == b"bad" and answer is None:
            raise LookupError("DUPONT")
        return answer if payload == b"bad" else payload

    with caplog.at_level(logging.DEBUG), running(one := listener(handle)):
        with connected(one) as connection:
            connection.sendall(frame(b"bad"))

            assert closes(connection)
        with connected(one) as connection:
            connection.sendall(frame(b"good"))

            assert frame(b"good") == read_until(connection, b"\r")

    (line,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert line.startswith("mllp handler failed for 127.0.0.1, connection closed: ")
    assert "DUPONT" not in caplog.text


def test_a_stop_lets_the_message_in_work_be_answered():
    begun, go_on = threading.Event(), threading.Event()

    def handle(payload, _peer):
        if payload != b"0":
            begun.set()
            go_on.wait(WAIT)
        return payload

    with running(one := listener(handle)) as stop, connected(one) as busy, connected(one) as idle:
        idle.sendall(frame(b"0"))
        read_until(idle, b"\r")
        busy.sendall(frame(b"1") + frame(b"2"))
        assert begun.wait(WAIT)
        stop.set()
        assert closes(idle)
        go_on.set()

        assert frame(b"1") == read_until(busy, b"\r")
        assert closes(busy)


def test_a_stop_does_not_wait_for_ever():
    begun, go_on = threading.Event(), threading.Event()

    def handle(payload, _peer):
        begun.set()
        go_on.wait(WAIT)
        return payload

    with running(one := listener(handle, grace=0.01)) as stop, connected(one) as connection:
        connection.sendall(frame(b"1"))
        assert begun.wait(WAIT)
        stop.set()

        assert closes(connection)
        go_on.set()


def test_idle_connections_are_closed():
    with running(one := listener(idle_timeout=0.01)), connected(one) as connection:
        assert closes(connection)


def test_connections_over_the_limit_are_refused():
    with running(one := listener(max_connections=1)), connected(one) as first:
        first.sendall(frame(b"1"))
        read_until(first, b"\r")
        with connected(one) as second:
            assert closes(second)
        first.sendall(frame(b"2"))

        assert frame(b"answer to 2") == read_until(first, b"\r")


def test_a_port_that_is_taken():
    with running(one := listener()):
        taken = Listener("127.0.0.1", one.port, answering(echo))
        with pytest.raises(OSError):
            run([taken], threading.Event())


def test_two_processes_may_share_a_port():
    options = Options(reuse_port=True)

    with (
        running(one := Listener("127.0.0.1", 0, answering(echo), options=options)),
        running(two := Listener("127.0.0.1", one.port, answering(echo), options=options)),
    ):
        assert one.port == two.port


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path, signed.fingerprint(hashes.SHA256()).hex()


def test_a_certificate_names_the_peer(certificate):
    path, fingerprint = certificate
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        context.load_cert_chain(path)
        context.load_verify_locations(path)
    server.verify_mode = ssl.CERT_REQUIRED
    client.check_hostname = False

    def handle(_payload, peer):
        return f"{peer.common_name} {peer.fingerprint}".encode()

    with (
        running(one := listener(handle, ssl_context=server)),
        connected(one) as plain,
        client.wrap_socket(plain) as connection,
    ):
        connection.sendall(frame(b"1"))

        assert frame(f"localhost {fingerprint}".encode()) == read_until(connection, b"\r")
