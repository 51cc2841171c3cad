"""`python -m tests.fuzz`: a million spoiled messages by two processes; fails on a crash or growing memory."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter

from tests.fuzz.run import Outcome, run

#: Memory may grow by that much after the first half, in which the caches fill (the largest holds 65,536 dates). Short
#: runs do not fill them and are not judged by it.
_MAY_GROW = 8 * 2**20
_LONG = 200_000
_SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="messages (default: 1000000)")
    parser.add_argument("--processes", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--first", type=int, default=0, help="number of the first message: each has its own spoiling")
    chosen = parser.parse_args()
    started = time.monotonic()
    last = chosen.first + chosen.count
    shares = [range(chosen.first + number, last, chosen.processes) for number in range(chosen.processes)]
    with multiprocessing.get_context("spawn").Pool(chosen.processes) as pool:
        outcomes = pool.map(run, shares)
    return told(outcomes, time.monotonic() - started)


def told(outcomes: list[Outcome], seconds: float) -> int:
    """Print what became of all messages; 1 if that is not good."""
    total = sum((outcome.outcomes for outcome in outcomes), Counter[str]())
    for name, count in total.most_common():
        print(f"{count:>9} {name}")
    crashes = [crash for outcome in outcomes for crash in outcome.crashes]
    different = {trace: number for number, trace in crashes}
    for trace, number in [*different.items()][:_SHOWN]:
        print(f"message {number}:\n{trace}")
    count = sum(total.values())
    print(f"{count} messages in {seconds:.0f} s, {count / seconds:.0f} a second; {len(crashes)} crashes")
    for number, outcome in enumerate(outcomes, 1):
        print(f"process {number}, MiB after each tenth:", *(f"{octets / 2**20:.1f}" for octets in outcome.memory))
    grew = max(outcome.memory[-1] - outcome.memory[len(outcome.memory) // 2] for outcome in outcomes)
    return 1 if crashes or (count > _LONG and grew > _MAY_GROW) else 0


if __name__ == "__main__":
    sys.exit(main())
