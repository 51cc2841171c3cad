"""One process of a fuzz run: what each message goes through, and what is measured."""

import os
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from adapters import feeds as feed_files
from adapters.hl7v2 import batch
from adapters.hl7v2.acknowledge import acknowledge
from adapters.hl7v2.parse import parse, render, scan_header
from adapters.hl7v2.structure import check
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import Tables
from adapters.mapping.to_fhir import translate
from fhir_server import settings as settings_module
from fhir_server.kernel.errors import FhirError, Issue
from tests.fuzz.mutate import mutated

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
#: Every so many messages the checks made for people run too: they are slower.
_SELDOM = 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Outcome:
    """What became of the messages of one process."""

    outcomes: Counter[str] = field(default_factory=Counter)
    #: Number and traceback of each message that brought out anything but a FhirError.
    crashes: list[tuple[int, str]] = field(default_factory=list)
    #: Bytes of memory after each tenth.
    memory: list[int] = field(default_factory=list)


def hospital() -> tuple[Tables, FeedMapping]:
    """The mapping of the demonstration's hospital."""
    settings = settings_module.load({}, demo=True)
    feed = next(feed for feed in feed_files.load(settings) if feed.name == "hospital")
    return feed_files.tables(settings, feed.overlays), feed.mapping()


def run(numbers: range) -> Outcome:
    """Take the messages of `numbers`."""
    tables, feed = hospital()
    outcome = Outcome()
    tenth = max(len(numbers) // 10, 1)
    for count, number in enumerate(numbers, 1):
        try:
            outcome.outcomes.update(taken(mutated(number), tables, feed, is_thorough=number % _SELDOM == 0))
        except Exception:
            outcome.crashes.append((number, traceback.format_exc()))
        if count % tenth == 0:
            outcome.memory.append(memory())
    return outcome


def taken(octets: bytes, tables: Tables, feed: FeedMapping, *, is_thorough: bool) -> Iterator[str]:
    """Take a frame as the receiver does; what became of each message in it. Raises whatever breaks."""
    pieces = batch.split_messages(octets) if batch.holds_several(octets) else [octets]
    replies = []
    for piece in pieces:
        issues = _issues(piece, tables, feed, is_thorough)
        replies.append(acknowledge(scan_header(piece), issues, now=NOW, control_id="A1"))
        yield next((issue.category.name for issue in issues if issue.severity == "error"), "applied")
    if pieces != [octets]:
        batch.answer(octets, replies, "2026", iter([f"B{number}" for number in range(octets.count(b"HS") + 1)]))


def _issues(octets: bytes, tables: Tables, feed: FeedMapping, is_thorough: bool) -> Iterable[Issue]:
    try:
        message = parse(octets, feed.charset)
        assert octets == render(message), "what was parsed is not rendered again"
        if is_thorough:
            check(message)
        return translate(message, tables, feed).warnings
    except FhirError as error:
        return error.issues


def memory() -> int:
    """Resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
