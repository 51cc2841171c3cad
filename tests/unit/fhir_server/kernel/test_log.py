"""The log of requests is written in bunches and loses no line that was taken."""

import io
import logging
import re
import threading

from fhir_server.kernel.log import Bunches, describe


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("fhir_server.access", logging.INFO, "", 0, message, None, None)


def _take(handler: Bunches, first: int) -> None:
    for number in range(first, first + 250):
        handler.handle(_record(f"line {number}"))


def test_lines_of_many_threads_are_all_written() -> None:
    stream = io.StringIO()
    handler = Bunches(stream)
    threads = [threading.Thread(target=_take, args=(handler, first)) for first in range(0, 1000, 250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()

    lines = stream.getvalue().splitlines()
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO fhir_server\.access line (\d+)"
    numbers = [int(found[1]) for line in lines if (found := re.fullmatch(pattern, line))]
    assert sorted(numbers) == list(range(1000))


def test_the_writer_is_started_once() -> None:
    """Each time by several threads at once: the interpreter warns of a thread that was started twice."""
    for _ in range(25):
        handler, gate = Bunches(io.StringIO()), threading.Barrier(4)

        def take(handler: Bunches = handler, gate: threading.Barrier = gate) -> None:
            gate.wait()
            handler.handle(_record("line 1"))

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        handler.close()


def test_an_exception_is_told_without_its_text() -> None:
    try:
        raise LookupError("DUPONT")
    except LookupError as error:
        told = describe(error)

    assert told.startswith("LookupError ")
    assert "DUPONT" not in told
