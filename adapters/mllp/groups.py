"""Messages that come while others are in work are handled together, when it is their turn.

One handler at a time is quickest: the next message waits for the processor anyway. But one that waits for something
else, a lock or a slow disk, must not stop the others.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from adapters.mllp.connection import Answer

#: Given the bytes of several messages, returns their answers. Runs in a thread; must not raise.
GroupHandler = Callable[[Sequence[bytes]], Sequence[Answer]]

#: Messages handled together at most: none should wait long for its answer because of the others.
MOST = 16
#: Seconds after which a handler is taken to wait for something else than the processor.
_PATIENCE = 0.05

_Waiting = tuple[bytes, "asyncio.Future[Answer]"]


class Groups:
    """The messages of one listener on their way to its handler. Belongs to a running event loop."""

    def __init__(self, handle: GroupHandler, executor: Executor | None) -> None:
        self._handle = handle
        self._executor = executor
        self._waiting: deque[_Waiting] = deque()
        #: Groups in work that are not known to be slow.
        self._quick: set[int] = set()
        self._count = 0

    def add(self, payload: bytes) -> "asyncio.Future[Answer]":
        """What becomes the handler's answer, or what the handler raises, which it promises not to."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((payload, future))
        self._start()
        return future

    def _start(self) -> None:
        """Handle what waits, if its turn has come."""
        if self._quick or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        self._count += 1
        number = self._count
        self._quick.add(number)
        patience = loop.call_later(_PATIENCE, self._let_others, number)
        done = loop.run_in_executor(self._executor, self._handle, [payload for payload, _ in group])
        done.add_done_callback(lambda done: self._finish(number, patience, group, done))

    def _let_others(self, number: int) -> None:
        self._quick.discard(number)
        self._start()

    def _finish(
        self,
        number: int,
        patience: asyncio.TimerHandle,
        group: Sequence[_Waiting],
        done: "asyncio.Future[Sequence[Answer]]",
    ) -> None:
        patience.cancel()
        error = done.exception()
        answers: Sequence[Answer | None] = done.result() if error is None else [None] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.cancelled():
                continue
            if answer is None:
                future.set_exception(error or RuntimeError())
            else:
                future.set_result(answer)
        self._let_others(number)
