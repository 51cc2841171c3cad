"""One MLLP connection of the server: who is there, and the loop that reads, has messages answered and writes."""

import asyncio
import hashlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from adapters.mllp.framing import COMMIT, COMMIT_BLOCKS, DEFAULT_MAX_SIZE, REFUSE, Event, Frame, Framer, frame

_log = logging.getLogger(__name__)
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection."""

    host: str
    port: int
    #: Port of ours it came to.
    local_port: int
    #: SHA-256 of its TLS certificate in hexadecimal, and the subject's common name; empty without one.
    fingerprint: str = ""
    common_name: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """Limits of a listener."""

    #: Longest message taken, in bytes.
    max_size: int = DEFAULT_MAX_SIZE
    #: Seconds without a byte after which a connection is closed; partners keep theirs open between messages.
    idle_timeout: float = 3600.0
    #: Seconds a stop waits for messages in work.
    grace: float = 30.0
    max_connections: int = 256
    ssl_context: ssl.SSLContext | None = None
    #: Lets several processes listen on one port.
    reuse_port: bool = False
    #: Networks that may connect; none: any.
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    #: Common names (in lower case) and SHA-256 fingerprints of the certificates that may; none: any trusted one.
    certificates: frozenset[str] = frozenset()
    #: In release 2 a commit block says, before the answer, whether the message is kept.
    release: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler says to a message."""

    #: Empty for no answer.
    octets: bytes
    #: The message is safe here: its sender need not keep it.
    is_kept: bool = True


class HandlerError(Exception):
    """A handler raised. The text is only the name of what it raised: its own text may hold a patient's data."""


class Connection:
    """One connection: reads, has each message answered, writes; ends when told to or when nothing comes any more."""

    def __init__(
        self,
        answer: Callable[[Event, Peer], Awaitable[Answer | None]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Peer,
        options: Options,
        task: "asyncio.Task[None]",
    ) -> None:
        self.task = task
        self._answer = answer
        self._reader = reader
        self._writer = writer
        self._peer = peer
        self._options = options
        self._is_reading = False
        self._is_finishing = False

    def finish(self) -> None:
        """End after the message in work; at once if there is none."""
        self._is_finishing = True
        if self._is_reading:
            self.task.cancel()

    async def serve(self) -> None:
        """Serve until the peer goes, is idle too long, or `finish`."""
        framer = Framer(self._options.max_size)
        try:
            while not self._is_finishing:
                octets = await self._read()
                await self._reply(framer.feed(octets) if octets else framer.close())
                if not octets:
                    return
        except asyncio.CancelledError:
            if not self._is_finishing:
                raise
        except HandlerError as failure:
            _log.error("mllp handler failed for %s, connection closed: %s", self._peer.host, failure)
        except OSError as error:
            _log.info("mllp connection of %s ended: %s", self._peer.host, type(error).__name__)

    async def _read(self) -> bytes:
        self._is_reading = True
        try:
            async with asyncio.timeout(self._options.idle_timeout):
                return await self._reader.read(_CHUNK)
        finally:
            self._is_reading = False

    async def _reply(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Frame) and event.payload in COMMIT_BLOCKS:
                continue
            answer = await self._answer(event, self._peer)
            if answer is not None:
                self._writer.write(self._framed(answer))
                async with asyncio.timeout(self._options.idle_timeout):
                    await self._writer.drain()
            if self._is_finishing:
                return

    def _framed(self, answer: Answer) -> bytes:
        """The answer in its frame, in release 2 behind its commit block.

        Raises HandlerError for one that no frame can hold.
        """
        try:
            octets = frame(answer.octets) if answer.octets else b""
        except ValueError as error:
            raise HandlerError(type(error).__name__) from error
        commit = frame(COMMIT if answer.is_kept else REFUSE) if self._options.release == 2 else b""
        return commit + octets


def is_welcome(peer: Peer, options: Options) -> bool:
    """Whether a peer may use the listener, by its address and its certificate."""
    if options.networks and not any(ip_address(peer.host) in network for network in options.networks):
        return False
    return not options.certificates or bool(options.certificates & {peer.common_name.lower(), peer.fingerprint})


def peer_of(writer: asyncio.StreamWriter, local_port: int) -> Peer:
    """Who is at the other end; turns on TCP keep-alive, so that a peer that vanished is noticed."""
    host, port = (*(writer.get_extra_info("peername") or ()), "", 0)[:2]
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if tls is None or certificate is None:
        return Peer(host, port, local_port)
    return Peer(host, port, local_port, hashlib.sha256(certificate).hexdigest(), _common_name(tls))


def _common_name(tls: ssl.SSLObject) -> str:
    subject: Any = (tls.getpeercert() or {}).get("subject", ())
    return next((value for pairs in subject for name, value in pairs if name == "commonName"), "")
