"""The bare database under as many clients: replayed transactions over the driver's own connections."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from fhir_server.storage.database import Database
from tests.benchmark.measure import Measure, Recorder, elsewhere
from tests.benchmark.replay import Change, Replay

#: Processes that share the clients, as the web workers share theirs.
_PROCESSES = 2
_COMMITTED = "committed"


def measure(
    url: str, replay: Replay, changes: Sequence[Change], clients: int, seconds: float, warm_up: float
) -> Measure:
    """Make the changes by `clients` connections for some seconds."""
    processes = min(_PROCESSES, clients)
    works = [
        _work(url, replay, changes[number::processes], clients // processes, seconds, warm_up)
        for number in range(processes)
    ]
    return elsewhere(*works)


def _work(
    url: str, replay: Replay, changes: Sequence[Change], clients: int, seconds: float, warm_up: float
) -> Callable[[], Measure]:
    def run() -> Measure:
        waiting, lock = iter(changes), threading.Lock()
        recorder = Recorder(_COMMITTED, warm_up, seconds)
        database = Database(url, pool_size=clients)
        with ThreadPoolExecutor(clients) as threads:
            turns = [threads.submit(_client, database, replay, waiting, lock, recorder) for _ in range(clients)]
        for turn in turns:
            turn.result()
        result = recorder.result()
        database.close()
        return result

    return run


def _client(
    database: Database, replay: Replay, waiting: Iterator[Change], lock: threading.Lock, recorder: Recorder
) -> None:
    # The driver's own connection, with the settings that the product gives it.
    pooled = database.engine.raw_connection()
    connection = pooled.driver_connection
    assert connection is not None
    cursor = connection.cursor()
    while time.perf_counter() < recorder.ends:
        with lock:
            change = next(waiting, None)
        if change is None:
            break
        sent = time.perf_counter()
        outcome = _COMMITTED
        try:
            replay.run(cursor, change)
            connection.commit()
        except (sqlite3.Error, psycopg.Error) as error:
            connection.rollback()
            outcome = type(error).__name__
        with lock:
            recorder.add(outcome, sent, time.perf_counter())
    pooled.close()
