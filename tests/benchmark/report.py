"""The figures as Markdown, and the conditions they were taken under."""

import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmark.measure import Measure
from tests.benchmark.scenarios import Scenario

_HEAD = (
    "| Operation | clients | Créneau /s (p50 / p99 ms) | ceiling /s (p50 / p99 ms) | share | aim | client µs |\n"
    "|---|---:|---:|---:|---:|---|---:|"
)
#: The slowest answers of so many clients may take that many times what half of them take; more is marked.
_TAIL, _TAIL_CLIENTS = 5, 8
_LEGEND = f"\n`!` after a p99 at {_TAIL_CLIENTS} clients: more than {_TAIL} × p50."
#: Between two measurements of the same thing.
_NOISE = 0.15


@dataclass(frozen=True, slots=True)
class Line:
    """One scenario at one number of clients: measurements of product and ceiling, in turns."""

    scenario: Scenario
    clients: int
    products: Sequence[Measure]
    ceilings: Sequence[Measure]

    @property
    def share(self) -> float:
        """The median of what each turn of the product made of the ceiling's turn beside it."""
        pairs = zip(self.products, self.ceilings, strict=True)
        return statistics.median(product.rate / max(1e-9, ceiling.rate) for product, ceiling in pairs)

    @property
    def product(self) -> Measure:
        """The median measurement of the product."""
        return _middle(self.products)

    def text(self, store: str, beside: "Line | None") -> str:
        """The row of the table; `beside` is the scenario that it should be as fast as."""
        product, ceiling = self.product, _middle(self.ceilings)
        return (
            f"| {self.scenario.title} | {self.clients} | {self._figures(product)}{_wrong(self.products)} "
            f"| {self._figures(ceiling)}{_wrong(self.ceilings)} "
            f"| {self.share:.0%} | {self._aim(product, store, beside)} | {product.client_microseconds:.0f} |"
        )

    def _figures(self, measure: Measure) -> str:
        half, most = measure.percentile(50), measure.percentile(99)
        is_long = self.clients == _TAIL_CLIENTS and most > _TAIL * half
        return f"{measure.rate:,.0f} ({half:.2f} / {f'**{most:.1f}!**' if is_long else f'{most:.1f}'})"

    def _aim(self, product: Measure, store: str, beside: "Line | None") -> str:
        if beside is not None:
            share = product.rate / max(1e-9, beside.product.rate)
            return _verdict(f"as `{beside.scenario.name}`: {share:.0%}", share >= 1 - _NOISE)
        if self.scenario.share is not None:
            return _verdict(f"≥ {self.scenario.share:.0%}", self.share >= self.scenario.share)
        if self.scenario.rate is not None and store == "postgres" and self.scenario.rate[1] == self.clients:
            return _verdict(f"≥ {self.scenario.rate[0]:.0f}/s", product.rate >= self.scenario.rate[0])
        return ""


def table(store: str, lines: Sequence[Line]) -> Iterator[str]:
    """The table of one store."""
    yield f"\n### {store}\n\n{_HEAD}"
    known = {(line.scenario.name, line.clients): line for line in lines}
    for line in lines:
        yield line.text(store, known.get((line.scenario.beside, line.clients)))
    yield _LEGEND


def conditions(arguments: str) -> Iterator[str]:
    """Where and with what the figures were taken."""
    packages = ("granian", "Flask", "SQLAlchemy", "psycopg")
    yield f"`{arguments}` on {time.strftime('%Y-%m-%d %H:%M')}"
    yield f"- {os.cpu_count()} cores {_processor()}, Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in packages
    )
    yield f"- one fdatasync takes {_sync_microseconds():.0f} µs; load before the run {os.getloadavg()[0]:.2f}"


def _middle(measures: Sequence[Measure]) -> Measure:
    return sorted(measures, key=lambda one: one.rate)[len(measures) // 2]


def _wrong(measures: Sequence[Measure]) -> str:
    """Answers that were not as expected, by outcome; they are not in the rates."""
    outcomes = sum((one.outcomes for one in measures), Counter[str]())
    return "".join(f" **{count} × {name}**" for name, count in outcomes.items() if name != measures[0].expected)


def _verdict(aim: str, is_met: bool) -> str:
    return f"{aim} {'met' if is_met else '**missed**'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _sync_microseconds() -> float:
    """The median time to make four written kilobytes durable."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6
