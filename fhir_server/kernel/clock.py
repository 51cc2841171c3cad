"""The one place that asks what time it is, so that tests can answer."""

import time
from collections.abc import Callable

#: Returns the present as milliseconds since 1970-01-01T00:00Z.
Clock = Callable[[], int]


def system_clock() -> int:
    """The machine's clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000
