"""Names by their sound, as French ears hear them: `Lefebvre` and `LEFÈVRE` have one code.

A word becomes a code by rules that are tried in order, a table. Accents and case are gone before, for half of the
world's messages come without them; hence a final `e` of any kind is silent here, and `René` sounds like `RENE`.
https://www.hl7.org/fhir/R4/patient.html#search (`phonetic`: the algorithm is the server's choice)
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from fhir_server.search.folding import words

#: Words of a name and letters of a word that count; what follows them is not heard.
MAX_WORDS, MAX_LETTERS = 8, 20

#: They belong to the word after them: `Le Goff` is `Legoff`, `de La Fontaine` is `Delafontaine`.
_PARTICLES = re.compile("al|d[aeiu]?|d(el|ella|en|er|es)|el|l[aeo]?|les|mac|mc|n|o|van|von")
_ABBREVIATIONS = {"st": "saint", "ste": "sainte", "mc": "mac"}

_WORD = re.compile(r"[^\W_]+")

# Capitals stand for sounds that no single letter writes: A, E, O nasal vowels; S ch, N gn, G hard g, Y the end of
# `ail`, U ou, Q eu, W oi. A nasal vowel needs an n or m without a vowel behind it.
_N = "[nm](?![aeiouyQUW])"
_RULES = tuple(
    (re.compile(pattern), heard)
    for pattern, heard in (
        # Old spellings, and words said otherwise than they are written.
        ("^mc", "mac"),
        ("^bapt", "bat"),
        ("^des(?=[b-df-hj-np-rtv])", "de"),
        ("bv", "v"),
        ("mpt", "nt"),
        ("(?<=[ao][iy])s(?=t)", ""),
        ("ost$", "ot"),
        ("aul(?=[dtx])", "au"),
        # Consonants of several letters.
        ("(cq|q)u?|ck", "k"),
        ("sch|sh|ch(?!ael|[lnrt])", "S"),
        ("ph", "f"),
        ("th$", "te"),
        ("gh|gu(?=[eiy])", "G"),
        ("h", ""),
        (r"([a-z])\1", r"\1"),
        ("dt$", "t"),
        ("tz", "z"),
        ("gn", "N"),
        ("ge(?=[aou])|g(?=[eiy])", "j"),
        ("c(?=[eiy])", "s"),
        ("c", "k"),
        ("^gz|^x", "ks"),
        # Endings that are not heard.
        ("(?<![ae])ier$", "i"),
        ("(?<=..)(er|ez|es)$", "e"),
        ("(?<=[aeo]u)x$|(?<=oi)x$", ""),
        ("(?<=[mu])ps?$", ""),
        ("s$", ""),
        ("(?<!s)t$|(?<=[nrlu])d$|(?<=n)[gk]$|(?<=r)g$", ""),
        ("(?<=[^ae]i)e$", ""),
        ("x", "ks"),
        # Vowels of several letters.
        ("[ae][iy](?=[aeiouy])", "eY"),
        ("oy(?=[aeiou])", "WY"),
        ("eau|au", "o"),
        ("(?<=j)ea", "a"),
        ("oeu|eu", "Q"),
        ("ou", "U"),
        (f"o[iy]{_N}", "WE"),
        ("o[iy]", "W"),
        (f"(?<=[iyY])e{_N}|[ae]?[iy]{_N}|u{_N}", "E"),
        (f"[ae]{_N}", "A"),
        (f"o{_N}", "O"),
        ("e$", ""),
        ("[ae][iy]", "e"),
        # Letters with one sound.
        ("y", "i"),
        ("w", "v"),
        ("z", "s"),
        (r"([A-Za-z])\1", r"\1"),
    )
)


@lru_cache(maxsize=16_384)
def phrases(text: str) -> Sequence[tuple[str, str]]:
    """Sound and words of a name, from each of its words on: the beginnings by which it may be asked for.

    >>> phrases("Jean-Pierre Le Goff")[1:]
    [('pier legof ', 'pierre le goff'), ('legof ', 'le goff'), ('gof ', 'goff')]
    """
    found = _WORD.findall(" ".join(words(text)))
    return [(_sound(found[start:]), " ".join(found[start:][:MAX_WORDS])) for start in range(len(found))]


def sound(text: str) -> str:
    """What a name sounds like, each word closed by a space; empty for a text without letters or digits.

    >>> sound("Lefebvre") == sound("LEFÈVRE"), sound("Jean Pierre") == sound("jean-pierre"), sound("?!")
    (True, True, '')
    """
    return next((heard for heard, _ in phrases(text)), "")


def _sound(found: Sequence[str]) -> str:
    joined, particles = [], ""
    for word in found[:MAX_WORDS]:
        particles += _ABBREVIATIONS.get(word, word)
        if not _PARTICLES.fullmatch(word):
            joined.append(particles)
            particles = ""
    return "".join(f"{_encoded(word)} " for word in (*joined, particles) if word)


@lru_cache(maxsize=16_384)
def _encoded(word: str) -> str:
    code = word
    for pattern, replacement in _RULES:
        code = pattern.sub(replacement, code)
    return (code or word)[:MAX_LETTERS]
