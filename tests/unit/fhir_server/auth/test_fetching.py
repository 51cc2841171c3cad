"""Fetching what partners publish: from where, how much, and for how long (item 46: no forgery by the server)."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from fhir_server.auth import fetching
from fhir_server.auth.fetching import Fetcher, FetchError, is_public

OPEN, GUARDED = Fetcher(is_demo=True), Fetcher(is_demo=False)


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a server that does this with the one connection it takes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                answer(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/keys?a=b"
        thread.join(10)


def test_an_answer_is_read_with_how_long_it_may_be_kept() -> None:
    text = b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\n\r\n{}"
    with answering(lambda connection: connection.sendall(text)) as url:
        assert (b"{}", 60) == ((found := OPEN.get(url)).body, found.max_age)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("max-age=0", 0),
        ("MAX-AGE = 5", 5),
        ('max-age="5"', 5),
        ("s-maxage=9", None),
        ("no-cache, max-age=60", 0),
        ("max-age=60, No-Store", 0),
    ],
)
def test_how_long_an_answer_may_be_kept(header: str, seconds: int | None) -> None:
    assert seconds == fetching._max_age(header)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (fetching.MAX_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"H%d: x\r\n" % number for number in range(200)) + b"\r\n{}",
    ],
)
def test_what_is_no_good_answer_is_none(text: bytes) -> None:
    with answering(lambda connection: connection.sendall(text)) as url, pytest.raises(FetchError):
        OPEN.get(url)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nHeader: "])
def test_a_slow_sender_does_not_hold_the_server(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(fetching, "MAX_SECONDS", 0.5)

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        try:
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            return

    begun = time.monotonic()
    with answering(drip) as url:
        try:
            body = OPEN.get(url).body
        except FetchError:
            body = b""

    assert time.monotonic() - begun < 4
    assert len(body) < 100


@pytest.mark.parametrize(
    ("fetcher", "url"),
    [
        (GUARDED, "http://example.org/keys"),
        (GUARDED, "https://127.0.0.1/keys"),
        (GUARDED, "https://localhost/keys"),
        (GUARDED, "https://[::1]/keys"),
        (GUARDED, "https://0x7f000001/keys"),
        (GUARDED, "https://10.0.0.1/keys"),
        (GUARDED, "https://169.254.169.254/latest/meta-data"),
        (GUARDED, "https://me@8.8.8.8/keys"),
        (OPEN, "ftp://127.0.0.1/keys"),
        (OPEN, "file:///etc/passwd"),
        (OPEN, "https:///keys"),
        (OPEN, "http://no-such-host.invalid/keys"),
    ],
)
def test_some_addresses_are_never_asked(fetcher: Fetcher, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", refuse)

    with pytest.raises(FetchError):
        fetcher.get(url)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may lead to several addresses, and to others the next time: none is connected to but what was checked."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)

    with pytest.raises(FetchError, match="not a public one"):
        GUARDED.get("https://keys.example/jwks")


def test_the_address_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)
    connected: list[Any] = []

    def connect(address: Any, *_arguments: Any, **_options: Any) -> None:
        connected.append(address)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError):
        GUARDED.get("https://keys.example/jwks")

    assert [("93.184.216.34", 443)] == connected


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:0001::", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert public == is_public(address)
