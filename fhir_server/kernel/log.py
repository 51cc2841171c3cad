"""Logs: one line an event, never a patient's data.

Ours name ids, control ids, codes and counts. Libraries that log what passes through them are kept quiet whatever the
level, since it would be statements with values, tokens or bodies.
"""

import logging
import traceback

#: Loggers of libraries that show data below this level.
_TALKATIVE = ("sqlalchemy", "authlib", "psycopg", "asyncio", "alembic", "hl7apy")


def configure(level: str) -> None:
    """Log to standard error at `level` and above (a name of the logging module). Raises ValueError for another name."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Nobody shows the place of a call, and finding it takes longer than writing the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: BaseException) -> str:
    """An unexpected exception's type and where it came from; its text is left out, since it may hold patient data."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__qualname__ + "".join(f" {one.filename}:{one.lineno}:{one.name}" for one in frames)
