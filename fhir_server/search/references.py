"""References in their written forms: `Type/id`, with a version, absolute, or a bare id.

https://www.hl7.org/fhir/R4/references.html#literal
"""

import re
from functools import lru_cache

_LOCAL = re.compile(r"(?P<type>[A-Z][A-Za-z]{2,60})/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_TAIL = re.compile(rf"https?://.+/{_LOCAL.pattern}")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.\-]*:\S+")


@lru_cache(maxsize=4096)
def local(text: str) -> tuple[str, str] | None:
    """Type and id of a relative reference, whatever version it names; None for any other form.

    >>> local("Patient/1"), local("Patient/1/_history/2"), local("#p"), local("1")
    (('Patient', '1'), ('Patient', '1'), None, None)
    """
    match = _LOCAL.fullmatch(text)
    return None if match is None else (match["type"], match["id"])


def is_absolute(text: str) -> bool:
    """Whether it has a scheme: `https://…`, `urn:uuid:…`."""
    return _ABSOLUTE.fullmatch(text) is not None


def type_of_absolute(text: str) -> str:
    """The type a RESTful absolute URL names; empty when it names none.

    >>> type_of_absolute("https://other.example/fhir/Patient/1"), type_of_absolute("urn:oid:1.2")
    ('Patient', '')
    """
    match = _TAIL.fullmatch(text)
    return "" if match is None else match["type"]
