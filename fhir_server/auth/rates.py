"""How many requests a partner may make: a bucket of tokens for each, filled at its rate, in each process.

A process counts by itself. What is protected is its threads, so a partner whose connections spread over several workers
has the rate in each of them; no statement and no lock between processes is paid for.
"""

import threading
import time
from collections.abc import Callable

#: Seconds of its rate that a partner may use at once.
BURST_SECONDS = 2
#: Partners counted at once; beyond that, those whose buckets are full are forgotten.
_MOST = 4_096


class Rates:
    """The buckets of one process."""

    def __init__(self, default: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`default` is the rate in requests a second of who has none of its own; 0 for any number."""
        self._default = default
        self._clock = clock
        #: By client id, the moment at which its bucket will be full again.
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, client_id: str, rate: int | None) -> float:
        """Take a token from the client's bucket: 0.0; or, when there is none, after how many seconds there will be."""
        rate = self._default if rate is None else rate
        if rate == 0:
            return 0.0
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(client_id, 0.0), now) + 1 / rate
            missing = full_at - now - BURST_SECONDS
            # What is left of a division is no request.
            if missing > 1e-9:
                return missing
            if len(self._full_at) >= _MOST:
                self._full_at = {name: moment for name, moment in self._full_at.items() if moment > now}
            self._full_at[client_id] = full_at
            return 0.0
