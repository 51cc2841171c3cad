"""Guessing at secrets, slowed: after a few wrong ones a client's secret is not looked at for a while, longer each time.

Counted in the store, so that asking other processes helps nobody. A secret that this process knows to be right is not
held up: a guesser cannot lock out a client that is at work.
"""

from dataclasses import dataclass
from typing import Protocol

from fhir_server.kernel.clock import Clock

#: Wrong secrets in a row that cost no wait.
FREE = 5
#: Longest wait in seconds, and after how long without a wrong one they are forgotten.
LONGEST, FORGOTTEN_MS = 300, 3_600_000


@dataclass(frozen=True, slots=True)
class Wrongs:
    """Wrong secrets of a client in a row, and until when none is looked at."""

    count: int
    until_ms: int


class WrongSecretRows(Protocol):
    """Where they are counted."""

    def find(self, client_id: str) -> Wrongs | None:
        """What is counted against a client."""

    def note(self, client_id: str, now_ms: int) -> None:
        """Count one more."""

    def clear(self, client_id: str) -> None:
        """Forget them: the right one was given."""


@dataclass
class TooManyError(Exception):
    """No secret of this client is looked at now."""

    #: Seconds until one will be.
    seconds: int


class Throttle:
    """What makes guessing slow."""

    def __init__(self, rows: WrongSecretRows, clock: Clock) -> None:
        self._rows, self._clock = rows, clock

    def check(self, client_id: str) -> bool:
        """Whether wrong secrets are counted against the client. Raises TooManyError when it has to wait."""
        found = self._rows.find(client_id)
        if found is None:
            return False
        left = found.until_ms - self._clock()
        if left > 0:
            raise TooManyError(-(-left // 1000))
        return True

    def wrong(self, client_id: str) -> None:
        """One more wrong secret."""
        self._rows.note(client_id, self._clock())

    def right(self, client_id: str) -> None:
        """The right one was given."""
        self._rows.clear(client_id)


def counted(before: Wrongs | None, now_ms: int) -> Wrongs:
    """What one more wrong secret makes of what was counted."""
    is_fresh = before is not None and before.until_ms > now_ms - FORGOTTEN_MS
    count = before.count + 1 if before is not None and is_fresh else 1
    wait = min(LONGEST, 2 ** min(count - FREE, 16)) if count >= FREE else 0
    return Wrongs(count, now_ms + wait * 1000)
