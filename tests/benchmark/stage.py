"""All that the scenarios of one store share: the servers, what is asked of them, and the changes left to make."""

import pickle
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmark import content, load, recordings, samples, servers
from tests.benchmark.asks import ASKED, Ask
from tests.benchmark.content import VENDOR
from tests.benchmark.extent import extent
from tests.benchmark.http_client import Bearer
from tests.benchmark.inside import inside
from tests.benchmark.recordings import WRITTEN, Transaction
from tests.benchmark.samples import FreeSlot
from tests.benchmark.servers import Ports
from tests.benchmark.statements import Recorded

#: How scenarios begin that measure what the audit trail costs another one.
AUDIT = "audit-"
#: Free slots fetched for a run, at most.
_POOL = 700_000


@dataclass(slots=True)
class Stage:
    """A loaded store with Créneau and the bare route running over it."""

    url: str
    ports: Ports
    bare_port: int
    #: How many persons the store was loaded with.
    persons: int
    #: The requests of each scenario that only reads.
    asks: Mapping[str, Sequence[Ask]]
    #: What the product runs for each request of `asks`, at the same place.
    selects: Mapping[str, Sequence[Sequence[Recorded]]]
    transactions: Mapping[str, Transaction]
    bearer: Bearer
    #: The port of a second Créneau, which tells nothing in the audit trail; 0 when no scenario asks for it.
    untold_port: int
    #: Part of every number, so that no two runs over one store make the same.
    run: str
    _slots: list[FreeSlot]
    _rounds: int = field(default=0)

    def take_slots(self, count: int) -> list[FreeSlot]:
        """Free slots that nobody was given before. Fewer when few are left: the measurement then ends early."""
        count = min(count, max(1, len(self._slots) // 8))
        taken, self._slots = self._slots[:count], self._slots[count:]
        return taken

    def take_groups(self, count: int, size: int) -> list[list[FreeSlot]]:
        """As `take_slots`, in groups of that many."""
        taken = self.take_slots(count * size)
        return [taken[first : first + size] for first in range(0, len(taken) - size + 1, size)]

    def tag(self) -> str:
        """A prefix of numbers never given before."""
        self._rounds += 1
        return f"{self.run}{self._rounds:03d}"


@contextmanager
def set_up(url: str, folder: Path, options: Mapping[str, str], names: Collection[str]) -> Iterator[Stage]:
    """Record what the product does in the scenarios of these names, then start both servers."""
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    is_audit = any(name.startswith(AUDIT) for name in names)
    names = {name.removeprefix(AUDIT) for name in names}
    slots, store = load.free_slots(url, _POOL), extent(url)
    with inside(url) as product:
        asks = {name: asking(store, product.answer) for name, asking in ASKED.items() if name in names}
        selects = {name: recordings.selects(product, found) for name, found in asks.items()}
        transactions = {
            name: record(product, _apart(slots, size), store.sizes.patients, run)
            for name, (record, size) in WRITTEN.items()
            if name in names
        }
    file, log = folder / "statements.pickle", folder / "servers.log"
    file.write_bytes(pickle.dumps(selects))
    with ExitStack() as stack:
        # Sealing the trail is a part of what it costs.
        ports = stack.enter_context(servers.product(url, log, _told(options, folder), has_dispatcher=is_audit))
        # Tokens of the one are good for the other.
        same = {"AUDIT": "off", "PUBLIC_URL": f"http://127.0.0.1:{ports.http}", **options}
        untold = stack.enter_context(servers.product(url, log, same)) if is_audit else None
        bare_port = stack.enter_context(servers.bare(url, file, log))
        bearer = Bearer(ports.http, VENDOR)
        asked = {name: found[: len(selects[name])] for name, found in asks.items()}
        port = untold.http if untold else 0
        yield Stage(url, ports, bare_port, store.sizes.patients, asked, selects, transactions, bearer, port, run, slots)


def _told(options: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {"AUDIT_FOLDER": str(folder / "audit"), **options}


def _apart(slots: list[FreeSlot], count: int) -> list[FreeSlot]:
    """Take slots of different agendas that neither begin nor end together: what is renamed must not be mistaken."""
    taken: list[FreeSlot] = []
    known: set[int] = set()
    while len(taken) < count:
        slot = slots.pop()
        agenda = samples.place(slot[0]) % content.SCHEDULES
        if known.isdisjoint((agenda, *slot[1:])):
            known.update((agenda, *slot[1:]))
            taken.append(slot)
    return taken
