"""A load client that costs little: one process, one selector, any number of connections, one request on each."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tests.benchmark.measure import Measure, Recorder

_CHUNK = 1 << 18
#: Seconds to wait for the answers that are under way when time is up, so that the next measurement starts in quiet.
_DRAIN = 10.0


class Reader(Protocol):
    """Finds the end of an answer in what a connection brings."""

    def feed(self, octets: bytes) -> str:
        """The outcome of the answer that these bytes complete; empty while more must come."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, where, by how many connections, for how long."""

    port: int
    connections: int
    seconds: float
    warm_up: float
    #: Requests ready to be sent; when they run out, the measurement ends early.
    requests: Callable[[], Iterator[bytes]]
    reader: Callable[[], Reader]
    #: The outcome of an answer that is as it should be.
    expected: str
    host: str = "127.0.0.1"

    def run(self) -> Measure:
        """Take the measurement in this process."""
        return _Run(self).run()


@dataclass(slots=True)
class _Line:
    """One connection with the request under way on it."""

    socket: socket.socket
    reader: Reader
    sent: float = 0.0


class _Run:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = load.requests()
        self._selector = selectors.DefaultSelector()
        self._recorder = Recorder(load.expected, load.warm_up, load.seconds)
        self._busy = 0

    def run(self) -> Measure:
        for _ in range(self._load.connections):
            self._send(self._connect())
        while self._busy and time.perf_counter() < self._recorder.ends:
            self._turn(self._recorder.ends)
        measured = self._recorder.result()
        self._requests = iter(())
        deadline = time.perf_counter() + _DRAIN
        while self._busy and time.perf_counter() < deadline:
            self._turn(deadline)
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        return measured

    def _turn(self, until: float) -> None:
        for key, _ in self._selector.select(max(0.0, until - time.perf_counter())):
            self._receive(key.data)

    def _receive(self, line: _Line) -> None:
        octets = line.socket.recv(_CHUNK)
        outcome = line.reader.feed(octets) if octets else "closed"
        if not outcome:
            return
        self._busy -= 1
        self._recorder.add(outcome, line.sent, time.perf_counter())
        if octets:
            self._send(line)
        else:
            self._selector.unregister(line.socket)
            line.socket.close()
            self._send(self._connect())

    def _connect(self) -> _Line:
        connection = socket.create_connection((self._load.host, self._load.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(connection, self._load.reader())
        self._selector.register(connection, selectors.EVENT_READ, line)
        return line

    def _send(self, line: _Line) -> None:
        request = next(self._requests, None)
        if request is None:
            return
        line.sent = time.perf_counter()
        line.socket.sendall(request)
        self._busy += 1
