"""The hospital's own MLLP listener: takes what the server tells it, acknowledges it, and remembers it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from threading import Condition, Event
from types import TracebackType
from typing import Self

from adapters.hl7v2.acknowledge import acknowledge
from adapters.hl7v2.parse import scan_header
from adapters.mllp import server
from adapters.mllp.connection import Answer, Peer


class Listener:
    """Listens while its `with` block lasts. Entering it raises OSError when the port is taken."""

    def __init__(self, host: str, port: int) -> None:
        self._port = server.Listener(host, port, self._receive)
        self._stop = Event()
        self._thread = ThreadPoolExecutor(1, "hospital-listener")
        self._received: list[bytes] = []
        self._arrival = Condition()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        ready = Event()
        running = self._thread.submit(server.run, [self._port], self._stop, threads=1, on_ready=ready.set)
        running.add_done_callback(lambda _: ready.set())
        ready.wait()
        if running.done():
            running.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port.port

    def wait_for(self, is_wanted: Callable[[bytes], bool], seconds: float) -> bytes | None:
        """The first message received, now or within `seconds`, that is wanted; None when none comes."""
        with self._arrival:
            self._arrival.wait_for(lambda: any(map(is_wanted, self._received)), seconds)
            return next(filter(is_wanted, self._received), None)

    def _receive(self, message: bytes, _peer: Peer) -> Answer:
        answer = acknowledge(scan_header(message), now=datetime.now(UTC), control_id=f"CH{next(self._numbers)}")
        with self._arrival:
            self._received.append(message)
            self._arrival.notify_all()
        return Answer(answer)
