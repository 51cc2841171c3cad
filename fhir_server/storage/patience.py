"""How long a request's statements may take on SQLite: a moment for each thread, after which they are given up.

PostgreSQL keeps time by itself (`statement_timeout`). Whoever serves no request never sets a moment and is never
hurried.
"""

import threading
import time
from typing import Any

#: Instructions of SQLite's machine between two looks at the clock: a fraction of a millisecond.
_EVERY = 50_000

_ends = threading.local()


def begin(seconds: float) -> None:
    """Give up what this thread asks of SQLite once so many seconds are over, until `end`; 0 for never."""
    _ends.moment = time.monotonic() + seconds if seconds else None


def end() -> None:
    """Hurry this thread no more: what it does next is no request's."""
    _ends.moment = None


def watch(connection: Any) -> None:
    """Let statements of this driver's connection keep to the moment of the thread that runs them."""
    connection.set_progress_handler(_is_late, _EVERY)


def _is_late() -> int:
    moment = getattr(_ends, "moment", None)
    return int(moment is not None and time.monotonic() > moment)
