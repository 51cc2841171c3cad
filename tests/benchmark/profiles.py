"""Where a request's time goes inside one process, without sockets.

Three runs of the same operation: one plain, for wall and processor time; one with a clock around every statement; one
under cProfile, whose self times are summed by room of the house or by package, what built-in functions take being put
down to those who call them. cProfile makes small Python functions look dearer than they are: its shares are a guide,
and are shown as microseconds of the plain run.
"""

import cProfile
import pstats
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from typing import Any

from sqlalchemy import Engine, event

from tests.benchmark import load, mllp_client, samples
from tests.benchmark.inside import Inside, inside

_WARM_UP, _COUNT = 60, 300
_TOP = 14
_PACKAGE = re.compile(r"/site-packages/([^/.]+)")
_ROOM = re.compile(r"/((?:fhir_server|adapters)/[^/.]+)")


@dataclass(slots=True)
class _Clock:
    """Counts statements and the time they take in the driver and the database."""

    statements: int = 0
    seconds: float = 0.0


def markdown(store: str, url: str) -> Iterator[str]:
    """A profile of each operation."""
    slots = load.free_slots(url, 3 * (_COUNT + _WARM_UP))
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    with inside(url) as product:
        for name, work in _operations(product, samples.paths(samples.extent(url)), slots, run):
            yield from _profile(f"{name}, {store}", work)


def _operations(
    product: Inside, paths: dict[str, list[str]], slots: list[samples.FreeSlot], run: str
) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, addresses in paths.items():
        turns = cycle(addresses)
        yield name, partial(_get_next, product, turns)
    count = 3 * (_COUNT + _WARM_UP)
    patients = iter(samples.patients(count, run))
    yield "create", lambda: product.post("/fhir/Patient", next(patients))
    bookings = iter(samples.bookings(slots, run))
    yield "book", lambda: product.post("/fhir/Appointment", next(bookings))
    now = datetime.now(UTC)
    messages = iter([mllp_client.siu(number, run, now) for number in range(count)])
    yield "siu", lambda: product.receive(next(messages))


def _get_next(product: Inside, turns: Iterator[str]) -> bytes:
    return product.get(next(turns))


def _profile(title: str, work: Callable[[], Any]) -> Iterator[str]:
    for _ in range(_WARM_UP):
        work()
    wall, processor = _plain(work)
    with _timed_statements() as clock:
        for _ in range(_COUNT):
            work()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(_COUNT):
        work()
    profiler.disable()
    yield (
        f"\n**{title}**: {wall:.0f} µs, of which {processor:.0f} µs on the processor of this process; "
        f"{clock.statements / _COUNT:.0f} statements take {clock.seconds / _COUNT * 1e6:.0f} µs\n"
    )
    yield "| self time in | µs | share |\n|---|---:|---:|"
    shares = _shares(pstats.Stats(profiler))
    for name, share in sorted(shares.items(), key=lambda pair: -pair[1])[:_TOP]:
        yield f"| {name} | {share * wall:.0f} | {share:.0%} |"


def _plain(work: Callable[[], Any]) -> tuple[float, float]:
    """Median wall and mean processor microseconds of one call."""
    times, processor = [], time.process_time()
    for _ in range(_COUNT):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6, (time.process_time() - processor) / _COUNT * 1e6


@contextmanager
def _timed_statements() -> Iterator[_Clock]:
    clock = _Clock()
    begun = [0.0]

    def before(*_: Any) -> None:
        begun[0] = time.perf_counter()

    def after(*_: Any) -> None:
        clock.statements += 1
        clock.seconds += time.perf_counter() - begun[0]

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    yield clock
    event.remove(Engine, "before_cursor_execute", before)
    event.remove(Engine, "after_cursor_execute", after)


def _shares(found: pstats.Stats) -> dict[str, float]:
    """The share of self time by room or package."""
    seconds: dict[str, float] = defaultdict(float)
    for (file, _, _), (_, _, own, _, callers) in found.stats.items():  # type: ignore[attr-defined]
        if file != "~":
            seconds[_owner(file)] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            seconds[_owner(caller)] += part
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.items()}


def _owner(file: str) -> str:
    match = _PACKAGE.search(file) or _ROOM.search(file)
    if match is not None:
        return match[1]
    return "Python library" if "/lib/python" in file else "generated code and the benchmark itself"
