"""Logical ids: 26 characters, ordered by time of creation, so that index pages fill from one side."""

import os
import re
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: Two digits at a time: ids are made on every request.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def new_id() -> str:
    """A fresh id: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32 (lower case)."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def is_id(text: str) -> bool:
    """Whether `text` has the shape of a FHIR id (R4 datatypes, `id`).

    >>> is_id("example-1.a"), is_id("a/b"), is_id("x" * 65)
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None
