"""All that the scenarios of one store share: the servers, what is asked of them, and the changes left to make."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmark import load, recordings, samples, servers
from tests.benchmark.content import VENDOR
from tests.benchmark.http_client import Bearer
from tests.benchmark.inside import inside
from tests.benchmark.recordings import Transaction
from tests.benchmark.samples import FreeSlot
from tests.benchmark.servers import Ports

#: Free slots fetched for a run, at most.
_POOL = 400_000


@dataclass(slots=True)
class Stage:
    """A loaded store with Créneau and the bare route running over it."""

    url: str
    ports: Ports
    bare_port: int
    paths: Mapping[str, Sequence[str]]
    #: Recorded SELECTs of each GET scenario, by the place of their address in `paths`.
    statements: dict[str, list[list[tuple[str, Any]]]]
    transactions: Mapping[str, Transaction]
    bearer: Bearer
    #: Part of every number, so that no two runs over one store make the same.
    run: str
    _slots: list[FreeSlot]
    _rounds: int = field(default=0)

    def take_slots(self, count: int) -> list[FreeSlot]:
        """Free slots that nobody was given before. Fewer when few are left: the measurement then ends early."""
        count = min(count, max(1, len(self._slots) // 8))
        taken, self._slots = self._slots[:count], self._slots[count:]
        return taken

    def tag(self) -> str:
        """A prefix of numbers never given before."""
        self._rounds += 1
        return f"{self.run}{self._rounds:03d}"


@contextmanager
def set_up(url: str, folder: Path, options: Mapping[str, str]) -> Iterator[Stage]:
    """Record what the product does, then start both servers."""
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    slots = load.free_slots(url, _POOL)
    paths = samples.paths(samples.extent(url))
    with inside(url) as product:
        statements = recordings.selects(product, paths)
        transactions = {
            "create": recordings.create(product, run),
            "book": recordings.book(product, slots.pop(), run),
            "siu": recordings.siu(product, run),
        }
    file, log = folder / "statements.pickle", folder / "servers.log"
    file.write_bytes(pickle.dumps(statements))
    with ExitStack() as stack:
        ports = stack.enter_context(servers.product(url, log, options))
        bare_port = stack.enter_context(servers.bare(url, file, log))
        bearer = Bearer(ports.http, VENDOR)
        yield Stage(url, ports, bare_port, paths, statements, transactions, bearer, run, slots)
