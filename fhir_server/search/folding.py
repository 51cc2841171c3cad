"""Folding of values for comparison: strings lose case, accents and punctuation; codes lose case; long ones are cut.

https://www.hl7.org/fhir/R4/search.html#string
"""

import hashlib
import re
import unicodedata
from functools import lru_cache

#: Longest value an index holds: PostgreSQL refuses index rows beyond 2,704 bytes.
MAX_LENGTH = 250
_KEPT = 200

_SEPARATORS = re.compile(r"[\s\-'’‐.,;/()]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """The text as strings are compared by default.

    >>> fold("L'Haÿ-les-Roses"), fold("  CŒUR  Léa ")
    ('l hay les roses', 'coeur lea')
    """
    return clip(" ".join(words(text)))


def words(text: str) -> list[str]:
    """The words of a text, folded.

    >>> words("Saint-Étienne")
    ['saint', 'etienne']
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return [word for word in _SEPARATORS.split(bare) if word]


@lru_cache(maxsize=16_384)
def fold_code(code: str) -> str:
    """The code as tokens without case are compared. https://www.hl7.org/fhir/R4/search.html#token"""
    return clip(code.casefold())


def clip(text: str) -> str:
    """The text, or its start and a digest of the whole when it is too long to be indexed. Equality survives."""
    if len(text) <= MAX_LENGTH:
        return text
    return f"{text[:_KEPT]}~{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
