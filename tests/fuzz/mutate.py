"""Messages spoiled in the ways that wires, engines and people spoil them. The same number spoils the same way."""

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from tests.corpus.messages import cases

GOLDEN = Path(__file__).parents[1] / "golden"
#: What breaks parsers: delimiters, escapes, framing, line ends, nulls, other delimiters, other character sets.
_TOKENS = (
    b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\r\n", b"\x0b", b"\x1c", b"\x00", b"\x1b$B", b'""', b"#", b"\xff",
    b"\xc3", b"\xef\xbb\xbf", b"\\X0D\\", b"\\XZZ\\", b"\\.sp9999\\", b"\\H\\", b"\\F\\", b"\\E\\", b"BHS|^~\\&\r",
    b"MSH|^~\\&|",
    b"\rPID|", b"\rSCH|", b"\rZZZ|", b"\rDSC|1\r", b"99999999999999999999", b"-1", b"0", b"20261399", b"20260329023000",
    b"2026-01-05T08:30Z", b"UNICODE UTF-8", b"UNICODE UTF-16", b"8859/1", b"~ISO IR87", b"GB 18030-2000", b" ", b"\xe9",
)  # fmt: skip
_TYPES = (
    b"ADT^A01",
    b"ADT^A40",
    b"ADT^Z99",
    b"SIU^S12",
    b"SIU^S23",
    b"SRM^S01",
    b"ORM^O01",
    b"REF^I12",
    b"MFN^M05",
    b"ACK",
    b"^",
)
_DELIMITERS = (b"@~#!*", b"|^~\\}", b"!@#$%", b"|&~\\^", b";:,./", b"|^~\\\\", b"     ")
_HUGE = 20_000


@lru_cache(maxsize=1)
def seeds() -> Sequence[bytes]:
    """Whole messages to start from: the golden cases and the small ones of the corpus."""
    golden = [path.read_bytes() for path in sorted(GOLDEN.glob("*/*.hl7"))]
    return [octets for octets in (*golden, *(case.octets for case in cases())) if len(octets) < 10_000]


def mutated(number: int) -> bytes:
    """The spoiled message of that number."""
    chance = random.Random(number)
    octets = chance.choice(seeds())
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        octets = chance.choice(_MUTATIONS)(octets, chance)
    return octets


def _flip(octets: bytes, chance: random.Random) -> bytes:
    spoiled = bytearray(octets)
    for _ in range(chance.randint(1, 8)):
        if spoiled:
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
    return bytes(spoiled)


def _insert(octets: bytes, chance: random.Random) -> bytes:
    place = chance.randint(0, len(octets))
    return octets[:place] + chance.choice(_TOKENS) + octets[place:]


def _cut(octets: bytes, chance: random.Random) -> bytes:
    return octets[: chance.randint(0, len(octets))]


def _remove(octets: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(octets))
    return octets[:start] + octets[start + chance.randint(1, 40) :]


def _repeat(octets: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(octets))
    piece = octets[start : start + chance.randint(1, 40)]
    return octets[:start] + piece * chance.choice((2, 3, 30)) + octets[start:]


def _segments(octets: bytes, chance: random.Random) -> bytes:
    """Segments dropped, doubled, swapped, or taken from another message."""
    lines = octets.split(b"\r")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        del lines[first]
    elif kind == 1:
        lines.insert(second, lines[first])
    elif kind == 2:
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines.insert(second, chance.choice(chance.choice(seeds()).split(b"\r")))
    return b"\r".join(lines)


def _field(octets: bytes, chance: random.Random) -> bytes:
    """One field emptied, replaced, moved or made huge."""
    fields = octets.split(b"|")
    place = chance.randrange(len(fields))
    kind = chance.randrange(5)
    if kind == 0:
        fields[place] = b""
    elif kind == 1:
        fields[place] = chance.choice(_TOKENS)
    elif kind == 2:
        fields.insert(place, b"")
    elif kind == 3:
        fields[place] = fields[chance.randrange(len(fields))]
    else:
        fields[place] = (fields[place] or b"x") * (_HUGE // max(len(fields[place]), 1))
    return b"|".join(fields)


def _kind(octets: bytes, chance: random.Random) -> bytes:
    fields = octets.split(b"|", 9)
    if len(fields) > 8:
        fields[8] = chance.choice(_TYPES)
    return b"|".join(fields)


def _delimiters(octets: bytes, chance: random.Random) -> bytes:
    return octets.translate(bytes.maketrans(b"|^~\\&", chance.choice(_DELIMITERS)))


def _charset(octets: bytes, chance: random.Random) -> bytes:
    text = octets.decode("utf-8", "replace")
    return text.encode(chance.choice(("latin-1", "cp1252", "utf-16", "iso2022_jp", "gb18030")), "replace")


_MUTATIONS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    _flip, _insert, _insert, _cut, _remove, _repeat, _segments, _segments, _field, _field, _kind, _delimiters, _charset,
)  # fmt: skip
