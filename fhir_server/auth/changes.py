"""What every process must know before its next request: tokens revoked, partners changed, keys exchanged.

A process asks the store for news when what it knows is older than KNOWN_FOR seconds, so a request costs a look at the
timer and a busy process a statement KNOWN_FOR seconds apart. Whoever tells news waits for twice that long before it
says that it is done: by then each process has asked after the commit, whichever machine it is on, or asks before it
lets anyone in. docs/decisions/0023-access.md
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from fhir_server.kernel.clock import Clock, system_clock

#: Seconds for which a process trusts what it knows.
KNOWN_FOR = 0.05
#: The kinds of news.
TOKEN, PARTNER, KEY = "token", "partner", "key"
#: How long news of partners and keys are kept; processes look at those themselves now and then.
KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of news, as it is kept."""

    pk: int
    kind: str
    #: The `jti` revoked, or the client id or key id to look up anew.
    subject: str
    until_ms: int


class ChangeRows(Protocol):
    """Where news are kept."""

    def since(self, pk: int) -> Sequence[Change]:
        """Everything told after that row, in the order of commit."""

    def add(self, kind: str, subject: str, until_ms: int) -> None:
        """Keep one piece of news; committed on return."""


class Changes:
    """The news as this process knows them. Threads may share it."""

    def __init__(
        self,
        rows: ChangeRows,
        clock: Clock = system_clock,
        *,
        timer: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rows, self._clock, self._timer, self._wait = rows, clock, timer, wait
        self._lock = Lock()
        self._good_until = float("-inf")
        self._seen = 0
        self._revoked: dict[str, int] = {}
        self._followers: dict[str, Callable[[str], None]] = {}

    def follow(self, kind: str, follower: Callable[[str], None]) -> None:
        """Call `follower` with the subject of each piece of news of a kind."""
        self._followers[kind] = follower

    def refresh(self) -> None:
        """Know all that was told KNOWN_FOR seconds ago, at the least. Raises what the store raises."""
        if self._timer() < self._good_until:
            return
        with self._lock:
            # Taken before the store is asked: what is committed later may be missing from the answer.
            now = self._timer()
            if now < self._good_until:
                return
            found = self._rows.since(self._seen)
            for change in found:
                self._learn(change)
            self._good_until = now + KNOWN_FOR

    def is_revoked(self, token_id: str) -> bool:
        """Whether the token of that `jti` was revoked; `refresh` first."""
        return token_id in self._revoked

    def revoke(self, token_id: str, until_ms: int) -> None:
        """Let no process accept the token from now on, which is good until then; known everywhere on return."""
        self.tell(TOKEN, token_id, until_ms)

    def tell(self, kind: str, subject: str, until_ms: int | None = None) -> None:
        """Tell every process, and wait until none acts on what it knew before."""
        self._rows.add(kind, subject, self._clock() + KEPT_MS if until_ms is None else until_ms)
        self.settle()

    def settle(self) -> None:
        """Wait until no process acts on what it knew before the last commit."""
        self._wait(2 * KNOWN_FOR)

    def _learn(self, change: Change) -> None:
        if change.kind == TOKEN:
            now = self._clock()
            self._revoked = {jti: until for jti, until in self._revoked.items() if until >= now}
            self._revoked[change.subject] = change.until_ms
        elif change.kind in self._followers:
            self._followers[change.kind](change.subject)
        self._seen = change.pk
