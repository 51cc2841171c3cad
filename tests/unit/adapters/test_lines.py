"""How a feed's connections are made: members of `[listen]` and `[send]`, and TLS between real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.lines import PARK, Tls, line, wire
from adapters.mllp.client import Client
from adapters.mllp.connection import Answer, Options
from adapters.mllp.framing import frame
from adapters.mllp.server import Listener, run
from fhir_server.kernel.errors import FhirError
from tests.certificates import Authority, Leaf

WAIT = 10


def test_nothing_said() -> None:
    assert (line({}).networks, line({}).release, line({}).idle_seconds, line({}).tls) == ((), 1, 3600.0, None)
    assert (wire({}).release, wire({}).timeout_seconds, wire({}).on_error, wire({}).tls) == (1, 30.0, PARK, None)


@pytest.mark.parametrize(
    "row",
    [
        {"release": 3},
        {"networks": ["10.0.0.0/99"]},
        {"certificates": ["sih"]},
        {"certificates": ["sih"], "tls": {"certificate": "a", "key": "b"}},
        {"tls": {"authorities": "a"}},
    ],
)
def test_line_that_cannot_be(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        line(row)


@pytest.mark.parametrize("row", [{"release": 0}, {"on_error": "panic"}, {"timeout_seconds": 31}, {"pause_seconds": -1}])
def test_wire_that_cannot_be(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wire(row)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def listening(row: dict[str, Any]) -> Iterator[int]:
    """A listener of that `[listen]` section; yields its port."""
    made = line(row)
    options = Options(
        ssl_context=made.tls.server_context() if made.tls else None,
        networks=made.networks,
        certificates=made.certificates,
    )
    listener = Listener("127.0.0.1", 0, lambda octets, _: Answer(b"re:" + octets), options=options)
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=([listener], stop), kwargs={"on_ready": ready.set})
    thread.start()
    assert ready.wait(WAIT)
    try:
        yield listener.port
    finally:
        stop.set()
        thread.join(WAIT)


def answered(port: int, tls: Tls) -> bool:
    """Whether a client with that TLS gets an answer."""
    context = tls.client_context()
    with Client("127.0.0.1", port, WAIT, answers=lambda *_: True, ssl_context=context) as client:
        try:
            return client.send(b"1\r") == b"re:1\r"
        except FhirError:
            return False


def ours(authority: Authority, leaf: Leaf, **more: str) -> dict[str, str]:
    return {
        "certificate": str(leaf.certificate),
        "key": str(leaf.key),
        "authorities": str(authority.certificate),
    } | more


def test_tls_without_client_certificate(authority: Authority) -> None:
    server = authority.leaf("server")

    with listening({"tls": {"certificate": str(server.certificate), "key": str(server.key)}}) as port:
        assert answered(port, Tls(authorities=str(authority.certificate)))


def test_server_of_another_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    server = authority.leaf("server")

    with listening({"tls": {"certificate": str(server.certificate), "key": str(server.key)}}) as port:
        assert not answered(port, Tls(authorities=str(Authority(tmp_path, "Other").certificate)))


def test_client_certificates(authority: Authority, tmp_path: Path) -> None:
    server, sih, gone = (authority.leaf(name) for name in ("server", "SIH.example", "gone.example"))
    foreign = Authority(tmp_path, "Other").leaf("SIH.example")
    revoked = str(authority.revocation_list([gone]))
    row = {"tls": ours(authority, server, revoked=revoked)}

    with listening(row) as port:
        assert answered(port, Tls(**ours(authority, sih)))
        assert not answered(port, Tls(authorities=str(authority.certificate)))
        assert not answered(port, Tls(**ours(authority, foreign)))
        assert not answered(port, Tls(**ours(authority, gone)))


def test_feed_bound_to_certificates(authority: Authority) -> None:
    server, sih, other, third = (authority.leaf(name) for name in ("server", "SIH.example", "other", "third"))
    colons = ":".join(other.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    row = {"tls": ours(authority, server), "certificates": ["sih.example", colons]}

    with listening(row) as port:
        assert answered(port, Tls(**ours(authority, sih)))
        assert answered(port, Tls(**ours(authority, other)))
        assert not answered(port, Tls(**ours(authority, third)))


def test_plain_client_at_a_tls_port(authority: Authority) -> None:
    with (
        listening({"tls": ours(authority, authority.leaf("server"))}) as port,
        socket.create_connection(("127.0.0.1", port), WAIT) as plain,
    ):
        plain.sendall(frame(b"MSH|^~\\&|" + b"x" * 100))
        assert plain.recv(100)[:1] != b"\x0b"
