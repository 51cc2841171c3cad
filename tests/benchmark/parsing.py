"""How fast messages are read and mapped in one process on one core, beside other readers. No store takes part."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.hl7v2.parse import parse
from adapters.mapping.feed import FeedMapping
from adapters.mapping.tables import load
from adapters.mapping.to_fhir import translate
from tests.benchmark.mllp_client import siu

#: Its name in `--only`.
NAME = "parse"
#: What the issue asks of parsing and mapping together.
AIM = 5_000
_MESSAGES = 200
_TABLES = load()
_FEED = FeedMapping("hospital", namespaces={"CH-DEMO": "urn:oid:1.2.250.1.999.1"}, is_identity_source=True)


def markdown(seconds: float) -> Iterator[str]:
    """The table: messages a second of each reader."""
    now = datetime.now(UTC)
    messages = [siu(number, "parse", now) for number in range(_MESSAGES)]
    size = sum(map(len, messages)) // len(messages)
    yield f"\n### Reading messages: one process, one core, SIU^S12 of {size} bytes\n"
    yield "| reader | messages /s | against the bare split |\n|---|---:|---:|"
    rates = {name: _rate(read, messages, seconds) for name, read in READERS.items()}
    for name, rate in rates.items():
        aim = f" (≥ {AIM:,}: {'met' if rate >= AIM else '**missed**'})" if name == _MAPPED else ""
        yield f"| {name} | {rate:,.0f}{aim} | {rate / rates[_SPLIT]:.1%} |"


def _split(message: bytes) -> object:
    """What every reader has to do at least: segments, fields, repetitions and components of all of them."""
    return [
        [[repetition.split("^") for repetition in field.split("~")] for field in segment.split("|")]
        for segment in message.decode().split("\r")
    ]


def _every_field(message: bytes) -> object:
    """Parsed, and every field looked at: the tree splits only where somebody looks."""
    return [
        [repetition.components for repetition in segment[number].repetitions]
        for segment in parse(message).segments
        for number in range(1, len(segment.fields))
    ]


def _mapped(message: bytes) -> object:
    return translate(parse(message), _TABLES, _FEED)


def _hl7apy(message: bytes) -> object:
    return parse_message(message.decode(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)


_SPLIT, _MAPPED = "bare split", "Créneau: parse and map"
READERS: dict[str, Callable[[bytes], object]] = {
    _SPLIT: _split,
    "Créneau: parse": parse,
    "Créneau: parse, every field looked at": _every_field,
    _MAPPED: _mapped,
    "python-hl7: parse": lambda message: hl7.parse(message.decode()),
    "hl7apy: parse, tolerant, without groups": _hl7apy,
}


def _rate(read: Callable[[bytes], object], messages: Sequence[bytes], seconds: float) -> float:
    """Messages a second of processor time, after one that warms up."""
    read(messages[0])
    begun, count = time.process_time(), 0
    for message in itertools.cycle(messages):
        read(message)
        count += 1
        if time.process_time() - begun >= seconds:
            break
    return count / (time.process_time() - begun)
