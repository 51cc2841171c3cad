"""What a measurement yields, and how one is taken in a process of its own."""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Measure:
    """Answers counted over some seconds."""

    seconds: float
    #: The outcome that is as it should be.
    expected: str
    #: Milliseconds from the first byte sent to the last received, one for each answer that was as expected.
    latencies: tuple[float, ...]
    #: Answers by outcome: HTTP status, acknowledgement code, `closed`.
    outcomes: Counter[str]
    #: Processor seconds that the load client itself took of the machine it shares.
    client_cpu: float

    @property
    def rate(self) -> float:
        """Answers as expected, a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which that share of the answers came; 0 when there were none."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0

    @property
    def client_microseconds(self) -> float:
        """What one request cost the load client."""
        return self.client_cpu * 1e6 / max(1, self.outcomes.total())


class Recorder:
    """Collects answers while a load runs; those of the warm-up are forgotten."""

    def __init__(self, expected: str, warm_up: float, seconds: float) -> None:
        self._expected = expected
        self.latencies: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.begun = time.perf_counter() + warm_up
        self.ends = self.begun + seconds
        self._cpu = 0.0
        self._is_warm = False

    def add(self, outcome: str, sent: float, now: float) -> None:
        """Count an answer to what was sent at `sent`."""
        if not self._is_warm:
            if now < self.begun:
                return
            self._is_warm, self._cpu = True, time.process_time()
        self.outcomes[outcome] += 1
        if outcome == self._expected:
            self.latencies.append((now - sent) * 1000)

    def result(self) -> Measure:
        """What was counted until now."""
        seconds = max(1e-9, time.perf_counter() - self.begun)
        cpu = time.process_time() - self._cpu if self._is_warm else 0.0
        return Measure(seconds, self._expected, tuple(self.latencies), self.outcomes, cpu)


def merge(measures: Sequence[Measure]) -> Measure:
    """Several measurements taken side by side as one."""
    latencies = tuple(latency for one in measures for latency in one.latencies)
    outcomes = sum((one.outcomes for one in measures), Counter[str]())
    seconds = sum(one.seconds for one in measures) / len(measures)
    return Measure(seconds, measures[0].expected, latencies, outcomes, sum(one.client_cpu for one in measures))


def elsewhere(*works: Callable[[], Measure]) -> Measure:
    """Run each piece of work in a child process of its own, all at once. Raises RuntimeError when one fails."""
    pipes = [_start(work) for work in works]
    try:
        results: list[Measure] = [receiver.recv() for receiver, _ in pipes]
    except EOFError:
        raise RuntimeError("a load client failed; its trace is above") from None
    for _, child in pipes:
        child.join()
    return merge(results)


def _start(work: Callable[[], Measure]) -> tuple[Any, Any]:
    receiver, sender = _fork.Pipe(duplex=False)
    child = _fork.Process(target=_child, args=(work, sender), daemon=True)
    child.start()
    sender.close()
    return receiver, child


def _child(work: Callable[[], Measure], sender: Any) -> None:
    # Collecting garbage of the parent's many objects would be taken for the server's slowness.
    gc.freeze()
    gc.disable()
    sender.send(work())
