"""MLLP client: blocking, one outstanding message on one connection, for those who deliver in order.

An answer is recognised by what it says it answers, never by its turn: one that comes after its message was given up
would otherwise be credited to the next message.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from adapters.mllp.framing import COMMIT_BLOCKS, DEFAULT_MAX_SIZE, REFUSE, Frame, Framer, frame, payload_of
from fhir_server.kernel.errors import Category, fault

_CHUNK = 64 * 1024

#: Given what was sent and what came back, whether the second may answer the first.
Match = Callable[[bytes, bytes], bool]


class Client:
    """A connection to one receiver, opened when needed and again after any failure. Not for several threads at once."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float = 30.0,
        *,
        answers: Match,
        connect_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        max_size: int = DEFAULT_MAX_SIZE,
        release: int = 1,
    ) -> None:
        """`timeout` is how many seconds an answer may take; `answers` tells answers apart (`acknowledge.answers`).

        In `release` 2 the receiver confirms each message by a commit block before it answers.
        """
        self._address = (host, port)
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._answers = answers
        self._ssl_context = ssl_context
        self._max_size = max_size
        self._release = release
        self._socket: socket.socket | None = None
        self._framer = Framer(max_size)

    def send(self, message: bytes) -> bytes:
        """Send a message (with or without its frame) and return the answer's payload.

        Raises FhirError (UNAVAILABLE) when the receiver cannot be reached, closes, or does not answer in time. The
        connection is then closed, the message may or may not have arrived: resend it unchanged. Raises ValueError for a
        message that holds framing bytes inside.
        """
        payload = payload_of(message)
        octets = frame(payload)
        try:
            connection = self._connection()
            connection.settimeout(self._timeout)
            connection.sendall(octets)
            return self._answer(connection, payload, time.monotonic() + self._timeout)
        except TimeoutError:
            self.close()
            raise fault(Category.UNAVAILABLE, f"No answer within {self._timeout:g} s.") from None
        except OSError as error:
            self.close()
            raise fault(Category.UNAVAILABLE, f"The connection failed ({type(error).__name__}).") from None

    def close(self) -> None:
        """Close the connection, if there is one. The next `send` opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self) -> socket.socket:
        """The open connection, or a new one when the receiver has closed it meanwhile."""
        if self._socket is not None and not self._is_alive(self._socket):
            self.close()
        if self._socket is None:
            connection = socket.create_connection(self._address, self._connect_timeout)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = connection
            if self._ssl_context is not None:
                self._socket = self._ssl_context.wrap_socket(connection, server_hostname=self._address[0])
            self._framer = Framer(self._max_size)
        return self._socket

    def _is_alive(self, connection: socket.socket) -> bool:
        """Whether an idle connection is still open. What came while it was idle answers nothing and is dropped."""
        try:
            while select.select([connection], [], [], 0)[0]:
                octets = connection.recv(_CHUNK)
                if not octets:
                    return False
                self._framer.feed(octets)
        except OSError:
            return False
        return True

    def _answer(self, connection: socket.socket, payload: bytes, deadline: float) -> bytes:
        while True:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            octets = connection.recv(_CHUNK)
            if not octets:
                raise ConnectionResetError
            for event in self._framer.feed(octets):
                if not isinstance(event, Frame):
                    continue
                if event.payload == REFUSE and self._release == 2:
                    raise fault(Category.UNAVAILABLE, "The receiver could not keep the message (NAK).")
                if event.payload not in COMMIT_BLOCKS and self._answers(payload, event.payload):
                    return event.payload
