"""A receiver on a real socket, whose answers a test chooses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.hl7v2.acknowledge import acknowledge
from adapters.hl7v2.parse import parse, scan_header
from adapters.mllp.connection import Answer
from adapters.mllp.server import Listener, run
from fhir_server.kernel.errors import Category, Issue


@dataclass
class Peer:
    """What it received, and what it answers: the categories of `refusals` first, AA when none is left."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    refusals: list[Category] = field(default_factory=list)

    def answer(self, octets: bytes) -> bytes:
        self.received.append(octets)
        issues = [Issue(self.refusals.pop(0), "as the test wishes")] if self.refusals else []
        return acknowledge(scan_header(octets), issues, now=datetime.now(UTC), control_id=f"P{len(self.received)}")

    @property
    def triggers(self) -> list[str]:
        return [parse(octets)["MSH-9.2"] or "" for octets in self.received]


@contextmanager
def listening(port: int = 0) -> Iterator[Peer]:
    """A peer that listens while the block lasts."""
    peer, stop, ready = Peer(), threading.Event(), threading.Event()
    listener = Listener("127.0.0.1", port, lambda octets, _: Answer(peer.answer(octets)))
    thread = threading.Thread(target=run, args=([listener], stop), kwargs={"on_ready": ready.set})
    thread.start()
    assert ready.wait(10)
    peer.port = listener.port
    try:
        yield peer
    finally:
        stop.set()
        thread.join(10)
