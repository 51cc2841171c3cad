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
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from typing import Any

from sqlalchemy import Engine, event

from tests.benchmark import load, mllp_client, samples
from tests.benchmark.asks import ASKED, Asking
from tests.benchmark.extent import Extent, extent
from tests.benchmark.inside import Inside, inside
from tests.benchmark.samples import FreeSlot

_WARM_UP, _COUNT = 60, 300
#: How often an operation is run in all.
_TURNS = _WARM_UP + 3 * _COUNT
_TOP = 14
_PACKAGE = re.compile(r"/site-packages/([^/.]+)")
_ROOM = re.compile(r"/((?:fhir_server|adapters)/[^/.]+)")

#: Makes one request; what prepares the requests of an operation.
Work = Callable[[], bytes]
Operation = Callable[[], Work]


@dataclass(slots=True)
class _Clock:
    """Counts statements and the time they take in the driver and the database."""

    statements: int = 0
    seconds: float = 0.0


def markdown(store: str, url: str, names: Collection[str]) -> Iterator[str]:
    """A profile of the operation of each scenario."""
    slots, held = load.free_slots(url, (1 + samples.BOOKINGS) * _TURNS), extent(url)
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    with inside(url) as product:
        for name, work in _operations(product, held, slots, run):
            if name in names:
                yield from _profile(f"{name}, {store}", work())


def _operations(product: Inside, held: Extent, slots: list[FreeSlot], run: str) -> Iterator[tuple[str, Operation]]:
    for name, asking in ASKED.items():
        yield name, partial(_asking, product, held, asking)
    yield "create", lambda: _each(partial(product.post, "/fhir/Patient"), samples.patients(_TURNS, run))
    bodies = samples.bookings(slots[:_TURNS], run, held.sizes.patients)
    yield "book", lambda: _each(partial(product.post, "/fhir/Appointment"), bodies)
    left = range(_TURNS, len(slots), samples.BOOKINGS)
    groups = [slots[first : first + samples.BOOKINGS] for first in left]
    yield "transaction", lambda: _each(_transact(product), samples.transactions(groups, run))
    now = datetime.now(UTC)
    yield "siu", lambda: _each(product.receive, [mllp_client.siu(number, run, now) for number in range(_TURNS)])


def _asking(product: Inside, held: Extent, asking: Asking) -> Work:
    return _each(product.answer, cycle(asking(held, product.answer)))


def _transact(product: Inside) -> Callable[[bytes], bytes]:
    return lambda body: product.post("/fhir", body, "200")


def _each(do: Callable[[Any], bytes], given: Iterable[Any]) -> Work:
    turns = iter(given)
    return lambda: do(next(turns))


def _profile(title: str, work: Work) -> Iterator[str]:
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


def _plain(work: Work) -> tuple[float, float]:
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
