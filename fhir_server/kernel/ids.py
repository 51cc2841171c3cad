"""Logical ids: 26 characters, ordered by time of creation, so that index pages fill from one side."""

import re
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def new_id() -> str:
    """A fresh id: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32 (lower case)."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether `text` has the shape of a FHIR id (R4 datatypes, `id`).

    >>> is_id("example-1.a"), is_id("a/b"), is_id("x" * 65)
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None
