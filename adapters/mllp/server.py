"""MLLP server: asyncio at the sockets, the handler in a thread pool.

On one connection messages are handled one by one and answered in the order they came; connections run in parallel. An
answer is always sent inside a frame, on the connection its message came by, and flushed before that connection closes.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from adapters.mllp.connection import Answer, Connection, HandlerError, Options, Peer, is_welcome, peer_of
from adapters.mllp.framing import Event, Frame, FramingFault
from adapters.mllp.groups import GroupHandler, Groups

_log = logging.getLogger(__name__)


#: Given a message's bytes, returns the answer. Runs in a thread; must not raise.
Handler = Callable[[bytes, Peer], Answer]
#: Given what was no frame, returns an answer or None.
FaultHandler = Callable[[FramingFault, Peer], Answer | None]


def _no_answer(_fault: FramingFault, _peer: Peer) -> Answer | None:
    return None


class Listener:
    """One port. `start` and `stop` belong to a running event loop; `run` does both for several listeners."""

    def __init__(
        self,
        host: str,
        port: int,
        handle: Handler,
        on_fault: FaultHandler = _no_answer,
        options: Options | None = None,
        handle_group: GroupHandler | None = None,
    ) -> None:
        """`port` 0 takes a free one, see `port` after the start. A `handle_group` is used instead of `handle`."""
        self._host = host
        self.port = port
        self._handle = handle
        self._on_fault = on_fault
        self._options = options or Options()
        self._handle_group = handle_group
        self._groups: Groups | None = None
        self._executor: Executor | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, executor: Executor | None = None) -> None:
        """Bind and accept; handlers run in `executor`, or the loop's default one. Raises OSError if it cannot bind."""
        self._executor = executor
        self._groups = Groups(self._handle_group, executor) if self._handle_group else None
        options = self._options
        self._server = await asyncio.start_server(
            self._accept,
            self._host,
            self.port,
            ssl=options.ssl_context,
            reuse_port=options.reuse_port or None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Accept no more, let each connection finish and answer the message it has in work, close them all."""
        if self._server is None:
            return
        # From here on `_accept` refuses what was accepted but not yet served.
        server, self._server = self._server, None
        server.close()
        for connection in tuple(self._connections):
            connection.finish()
        tasks = [connection.task for connection in self._connections]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._options.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = peer_of(writer, self.port)
        task = asyncio.current_task()
        if task is None or self._server is None or len(self._connections) >= self._options.max_connections:
            _log.warning("mllp connection of %s to port %d refused: too many", peer.host, self.port)
            writer.close()
            return
        if not is_welcome(peer, self._options):
            _log.warning("mllp connection of %s to port %d refused: not a partner's", peer.host, self.port)
            writer.close()
            return
        connection = Connection(self._answer, reader, writer, peer, self._options, task)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _answer(self, event: Event, peer: Peer) -> Answer | None:
        """What the handlers answer. Raises HandlerError if they raise, which they promise not to."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] | asyncio.Future[Answer | None]
        if not isinstance(event, Frame):
            _log.warning("mllp fault of %s: %s, %d bytes", peer.host, event.kind.name, len(event.octets))
            future = loop.run_in_executor(self._executor, self._on_fault, event, peer)
        elif self._groups is not None:
            future = self._groups.add(event.payload)
        else:
            future = loop.run_in_executor(self._executor, self._handle, event.payload, peer)
        await asyncio.wait([future])
        error = future.exception()
        if error is not None:
            raise HandlerError(type(error).__name__) from error
        return future.result()


def run(
    listeners: Sequence[Listener],
    stop: threading.Event,
    *,
    threads: int = 8,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `stop` is set, then stop gracefully. Blocks. `threads` handlers run at once, over all listeners.

    `on_ready` is called when every port is bound. Raises OSError if one cannot be.
    """
    asyncio.run(_run(listeners, stop, threads, on_ready))


async def _run(
    listeners: Sequence[Listener], stop: threading.Event, threads: int, on_ready: Callable[[], None]
) -> None:
    executor = ThreadPoolExecutor(threads, "mllp")
    try:
        for listener in listeners:
            await listener.start(executor)
        on_ready()
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)
    finally:
        # Set also when interrupted: the thread that waits for it would keep the process alive.
        stop.set()
        await asyncio.gather(*(listener.stop() for listener in listeners))
        executor.shutdown(wait=False, cancel_futures=True)
