"""A feed's port on a real socket, served in this process, and a connection on which bytes are put as they are."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.mllp.connection import Options
from adapters.mllp.framing import Frame, Framer
from adapters.mllp.server import Listener, run
from adapters.service import House

WAIT = 30.0


@contextmanager
def port_of(house: House, feed: str = "hospital", max_size: int = 20_000) -> Iterator[int]:
    """The port on which a feed of the house listens while the block lasts."""
    receiver, stop, ready = house.receiver(feed), threading.Event(), threading.Event()
    listener = Listener(
        "127.0.0.1",
        0,
        lambda octets, _: receiver.take(octets),
        lambda fault, _: receiver.refuse(fault),
        Options(max_size=max_size),
    )
    thread = threading.Thread(target=run, args=([listener], stop), kwargs={"on_ready": ready.set, "threads": 3})
    thread.start()
    assert ready.wait(WAIT)
    try:
        yield listener.port
    finally:
        stop.set()
        thread.join(WAIT)


class Line:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._framer = Framer()
        self._waiting: list[bytes] = []
        #: Every byte that came back.
        self.octets = b""

    def put(self, *pieces: bytes) -> None:
        """Send bytes."""
        for piece in pieces:
            self._connection.sendall(piece)

    def answer(self) -> bytes:
        """The next answer without its frame."""
        while not self._waiting:
            octets = self._connection.recv(65_536)
            assert octets, "the server closed the connection"
            self.octets += octets
            self._waiting += [event.payload for event in self._framer.feed(octets) if isinstance(event, Frame)]
        return self._waiting.pop(0)

    def read(self) -> Acknowledgement:
        """The next answer, understood."""
        return read_acknowledgement(self.answer())


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A connection to a port of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as connection:
        yield Line(connection)
