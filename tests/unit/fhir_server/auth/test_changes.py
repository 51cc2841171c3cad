"""News of access: what a process knows, and that nobody is told "done" before every process knows."""

from dataclasses import dataclass, field

from fhir_server.auth.changes import KNOWN_FOR, PARTNER, Changes
from tests.unit.fhir_server.auth.memory import MemoryChanges, StillClock


@dataclass
class Time:
    """Seconds that pass when somebody waits."""

    now: float = 100.0
    waited: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


def process(rows: MemoryChanges, time: Time) -> Changes:
    return Changes(rows, StillClock(), timer=time, wait=time.wait)


def test_after_a_revocation_no_process_is_without_it() -> None:
    """Another process asked just before the commit: what it knows has run out when the revocation is answered."""
    rows, time = MemoryChanges(), Time()
    teller, other = process(rows, time), process(rows, time)
    other.refresh()
    teller.revoke("token-1", StillClock().now_ms + 1000)
    other.refresh()

    assert (True, False) == (other.is_revoked("token-1"), other.is_revoked("token-2"))
    assert sum(time.waited) > KNOWN_FOR


def test_what_is_known_is_not_asked_again_at_once() -> None:
    rows, time = MemoryChanges(), Time()
    changes = process(rows, time)
    changes.refresh()
    rows.add(PARTNER, "one", 0)
    told: list[str] = []
    changes.follow(PARTNER, told.append)
    changes.refresh()
    early = list(told)
    time.now += KNOWN_FOR
    changes.refresh()
    time.now += KNOWN_FOR
    changes.refresh()

    assert ([], ["one"]) == (early, told)


def test_revoked_tokens_are_forgotten_once_they_have_expired() -> None:
    rows, time, clock = MemoryChanges(), Time(), StillClock()
    changes = Changes(rows, clock, timer=time, wait=time.wait)
    changes.revoke("old", clock.now_ms + 1_000)
    changes.refresh()
    clock.now_ms += 2_000
    changes.revoke("new", clock.now_ms + 1_000)
    changes.refresh()

    assert (False, True) == (changes.is_revoked("old"), changes.is_revoked("new"))
