"""Logs: one line an event, never a patient's data.

Ours name ids, control ids, codes and counts. Libraries that log what passes through them are kept quiet whatever the
level, since it would be statements with values, tokens or bodies.
"""

import logging
import sys
import threading
import time
import traceback
from collections import deque
from typing import TextIO

#: Loggers of libraries that show data below this level.
_TALKATIVE = ("sqlalchemy", "authlib", "psycopg", "asyncio", "alembic", "hl7apy")
#: Loggers with a line for every request.
_BUSY = ("fhir_server.access",)
#: Seconds that a line of a busy logger may wait.
_PATIENCE = 0.25


def configure(level: str) -> None:
    """Log to standard error at `level` and above (a name of the logging module). Raises ValueError for another name."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Nobody shows the place of a call, and finding it takes longer than writing the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _BUSY:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [Bunches(sys.stderr)], False


class Bunches(logging.Handler):
    """Writes lines in bunches, a quarter of a second late at most: a write for each would cost as much as a read here.

    What a killed process had not written yet is lost; one that is asked to stop writes it.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._second, self._moment = 0, ""
        self._writer = threading.Thread(target=self._write_for_ever, name="log", daemon=True)
        self._starting = threading.Lock()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line. Without the lock of other handlers: a deque needs none."""
        self._lines.append(f"{self._time(record)} {record.levelname} {record.name} {record.getMessage()}\n")
        if not self._writer.is_alive():
            self._start()
        return True

    def flush(self) -> None:
        """Write what has been taken."""
        taken = [self._lines.popleft() for _ in range(len(self._lines))]
        if taken:
            self._stream.write("".join(taken))
            self._stream.flush()

    def close(self) -> None:
        self.flush()
        super().close()

    def _time(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._moment = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._moment},{int(record.msecs):03d}"

    def _start(self) -> None:
        # A thread that two others start at once breaks.
        with self._starting:
            if self._writer.ident is None:
                self._writer.start()

    def _write_for_ever(self) -> None:
        while True:
            time.sleep(_PATIENCE)
            self.flush()


def describe(error: BaseException) -> str:
    """An unexpected exception's type and where it came from; its text is left out, since it may hold patient data."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__qualname__ + "".join(f" {one.filename}:{one.lineno}:{one.name}" for one in frames)
