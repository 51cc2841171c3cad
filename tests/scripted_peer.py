"""A receiver on a real socket that answers as badly as a test wishes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters.hl7v2.parse import scan_header
from adapters.mllp.framing import Frame, Framer, frame

WAIT = 10.0
#: Given the control ids of all messages received so far, the bytes to send back.
Reply = Callable[[list[str]], bytes]


def acknowledgement(code: str = "AA", *, kind: str = "ACK", of: int = -1) -> Reply:
    """A framed answer with that MSA-1, to the last message or another."""
    return lambda ids: frame(message(code, ids[of], kind))


def message(code: str, control_id: str, kind: str = "ACK") -> bytes:
    """An answer without its frame."""
    return f"MSH|^~\\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302||{kind}|R1|P|2.5\rMSA|{code}|{control_id}\r".encode()


#: An AA to the last message.
ACCEPTS = acknowledgement()


@dataclass(frozen=True)
class Step:
    """What is done with one message."""

    reply: Reply = ACCEPTS
    #: Seconds before the reply.
    delay: float = 0.0
    #: Whether the connection is closed behind the reply.
    closes: bool = False
    #: Bytes read at a time, with a breath between.
    gulp: int = 65_536


@dataclass
class ScriptedPeer:
    """What it received, when, and over how many connections."""

    port: int
    steps: list[Step]
    received: list[bytes] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    connections: int = 0

    @property
    def control_ids(self) -> list[str]:
        return [scan_header(octets).control_id for octets in self.received]

    def serve(self, connection: socket.socket) -> None:
        """One connection, until either side closes it."""
        framer = Framer()
        while True:
            step = self.steps[min(len(self.received), len(self.steps) - 1)]
            octets = connection.recv(step.gulp)
            if not octets:
                return
            for event in framer.feed(octets):
                if isinstance(event, Frame):
                    self.received.append(event.payload)
                    self.arrived.append(time.monotonic())
                    time.sleep(step.delay)
                    self.answered.append(time.monotonic())
                    connection.sendall(step.reply(self.control_ids))
                    if step.closes:
                        return
            if step.gulp < 1024:
                time.sleep(0.01)


@contextmanager
def scripted(*steps: Step) -> Iterator[ScriptedPeer]:
    """A peer that does the steps in order, the last one for all that come after."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = ScriptedPeer(server.getsockname()[1], list(steps))
        stop = threading.Event()
        server.settimeout(0.05)

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                peer.connections += 1
                threads.append(threading.Thread(target=one, args=(connection,)))
                threads[-1].start()

        def one(connection: socket.socket) -> None:
            with connection:
                connection.settimeout(WAIT)
                try:
                    peer.serve(connection)
                except OSError:
                    return

        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield peer
        finally:
            stop.set()
            for thread in threads:
                thread.join(WAIT)
