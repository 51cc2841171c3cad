"""Turns of the writers of one SQLite file, over all threads and processes that share it.

SQLite has one writer. Another that finds the file locked sleeps and looks again, up to a tenth of a second each time,
and whoever comes meanwhile goes first: with eight writers the unlucky one waits for a second. A lock of the operating
system wakes the next one at once, and is freed when its process dies.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Who may write next. The lock is a file beside the database, `<database>-turn`."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-turn"
        self._here = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and keep it while the block lasts."""
        with self._here:
            descriptor = self._opened()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the file back; the next turn opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor
