"""A bounded memory of answers that stay true for a while."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Values kept until a moment, at most `size` of them. Threads may share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[K, tuple[int, V]] = {}
        self._lock = Lock()

    def get(self, key: K, now_ms: int) -> V | None:
        """The value kept for `key`, or None when there is none or its time has passed."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and now_ms < entry[0] else None

    def put(self, key: K, value: V, until_ms: int) -> None:
        """Keep `value` until `until_ms` (epoch milliseconds), dropping the oldest when there is no room."""
        with self._lock:
            self._entries.pop(key, None)
            if len(self._entries) >= self._size:
                self._entries.pop(next(iter(self._entries)))
            self._entries[key] = (until_ms, value)

    def drop(self, key: K) -> None:
        """Keep the value of `key` no longer."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
