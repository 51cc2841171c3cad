"""Character sets (HL7 2.5 section 2.15.9.18, table 0211): declared in MSH-18, checked against the bytes.

Senders mislabel often, so a label is a claim to verify, never an order to obey. Bytes are never dropped or replaced on
the way in: a message either decodes whole or is refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.kernel.errors import Category, FhirError, fault

#: The declared (or agreed) character set is not the one the bytes are in; the text was decoded by the bytes.
CHARSET_MISMATCH = "charset-mismatch"
#: MSH-18 names no character set we know; the feed's default was used.
CHARSET_UNKNOWN = "charset-unknown"
#: MSH-18 is empty and a field nearby names the character set: the sender counted its fields wrongly.
CHARSET_MISPLACED = "charset-misplaced"

#: The same in words, for people.
CHARSET_WORDS = {
    CHARSET_MISMATCH: "MSH-18 (or the feed's default) does not name the character set the bytes are in.",
    CHARSET_UNKNOWN: "MSH-18 names a character set that we do not know.",
    CHARSET_MISPLACED: "MSH-18 is empty, and a field near it names the character set.",
}

#: Parts of ISO 8859 by the registration numbers DICOM uses (`ISO_IR 100`), where HL7 has none of its own.
_REGISTERED = {100: 1, 101: 2, 109: 3, 110: 4, 144: 5, 127: 6, 126: 7, 138: 8, 148: 9, 203: 15}
#: Table 0211 and the spellings senders use, without punctuation, to Python codecs. UTF-16 and UTF-32 are left out: a
#: message whose MSH reads as ASCII is in neither. Bare `UNICODE` is UTF-8 for the same reason.
_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "IR6": "ascii",
    **{f"8859{part}": f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"IR{number}": f"iso8859-{part}" for number, part in _REGISTERED.items()},
    "LATIN1": "iso8859-1",
    "LATIN9": "iso8859-15",
    **{
        f"{name}{page}": f"cp{page}"
        for name in ("CP", "WINDOWS", "IBM")
        for page in (*range(1250, 1259), 437, 850, 858)
    },
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "IR192": "utf-8",
    # One codec for all of Japan: messages switch between the sets.
    **dict.fromkeys(["IR13", "IR14", "IR87", "IR159", "2022JP"], "iso2022_jp_ext"),
    "SHIFTJIS": "shift_jis",
    "EUCJP": "euc_jp",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    **dict.fromkeys(["KSX1001", "IR149", "EUCKR"], "euc_kr"),
    **dict.fromkeys(["IR58", "GB2312"], "gb2312"),
    "GBK": "gbk",
    "BIG5": "big5",
}
_SINGLE_BYTE = frozenset({"ascii", *(codec for codec in _CODECS.values() if codec.startswith(("iso8859-", "cp")))})
#: Code sets whose bytes 80-9F are control characters that no text uses: there, such a byte betrays Windows-1252.
_WESTERN = frozenset({"ascii", "iso8859-1", "iso8859-15"})
_C1_CONTROL = re.compile(rb"[\x80-\x9f]")
#: Longer than any name of a character set: what senders write there is remembered, so it must be short.
_LONGEST_LABEL = 40
#: Begins every switch of character set (ISO 2022).
_ESCAPE = b"\x1b"
_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff")
#: Codecs of two and four bytes a character, told by how they write the start of a header.
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

#: What typographic characters become in a character set that lacks them.
_PLAIN = {
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
    "…": "...",
    "•": "-",
    "€": "EUR",
    "œ": "oe",
    "Œ": "OE",
    "æ": "ae",
    "Æ": "AE",
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text of a message, the codec that reads and writes it, and what was odd about its label."""

    text: str
    codec: str
    warnings: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The Python codec of an MSH-18 value or a usual alias of it; None for a name that is not known.

    >>> codec_of("8859/15"), codec_of("UNICODE UTF-8"), codec_of("ISO-8859-1"), codec_of("ISO IR 999")
    ('iso8859-15', 'utf-8', 'iso8859-1', None)
    """
    return _CODECS.get(re.sub(r"[^0-9A-Z]", "", label.upper()).removeprefix("ISO"))


def wide_codec(octets: bytes) -> str | None:
    """The codec of a message written in UTF-16 or UTF-32, with or without its mark; None for any other."""
    if 0 not in octets[:8]:
        return None
    start = next((octets[len(mark) :] for mark in _MARKS if octets.startswith(mark)), octets)
    return next((codec for codec in _WIDE if start.startswith("MSH".encode(codec))), None)


def decode(octets: bytes, label: str, default_label: str, alternates: Sequence[str] = ()) -> Decoded:
    """Read a message declared to be in `label` (first repetition of MSH-18), or in `default_label` when that is empty.

    `alternates` are the other repetitions: sets the message may switch to. Raises FhirError (MALFORMED) when the bytes
    cannot be in the declared character set nor in any likely one.
    """
    default = codec_of(default_label) or "utf-8"
    declared = codec_of(label[:_LONGEST_LABEL]) if label else default
    others = [codec for codec in (codec_of(one[:_LONGEST_LABEL]) for one in alternates) if codec is not None]
    if declared is None:
        decoded = decode(octets, "", default_label, alternates)
        return Decoded(decoded.text, decoded.codec, (CHARSET_UNKNOWN, *decoded.warnings))
    if _ESCAPE in octets and not declared.startswith("iso2022"):
        declared = next((codec for codec in others if codec.startswith("iso2022")), declared)
    if octets.isascii() and not declared.startswith("iso2022"):
        return Decoded(octets.decode("ascii"), declared)
    if declared in _SINGLE_BYTE:
        decoded = _single_byte(octets, declared, default)
        return Decoded(decoded.text, decoded.codec) if decoded.codec in others else decoded
    try:
        return Decoded(octets.decode(declared), declared)
    except UnicodeDecodeError as error:
        unreadable = _unreadable(declared, error)
    try:
        return Decoded(octets.decode("utf-8"), "utf-8", (CHARSET_MISMATCH,))
    except UnicodeDecodeError:
        raise unreadable from None


def encode(text: str, codec: str) -> bytes:
    """Write `text`; characters the character set lacks are replaced by `fit`."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return fit(text, codec).encode(codec)


def fit(text: str, codec: str) -> str:
    """`text` with what `codec` cannot write replaced by the nearest plain spelling, or `?`.

    >>> fit("l’été œuvre 日", "iso8859-1"), fit("l’été", "ascii")
    ("l'été oeuvre ?", "l'ete")
    """
    if text.isascii():
        return text
    return "".join(character if _writes(character, codec) else _replacement(character, codec) for character in text)


def _single_byte(octets: bytes, declared: str, default: str) -> Decoded:
    """Eight-bit bytes under a single-byte label: UTF-8 if they are that, else the label or its Windows superset."""
    try:
        return Decoded(octets.decode("utf-8"), "utf-8", (CHARSET_MISMATCH,))
    except UnicodeDecodeError:
        pass
    if declared in _WESTERN and _C1_CONTROL.search(octets):
        return _windows(octets, declared)
    if declared == "ascii":
        codec = default if default in _SINGLE_BYTE - {"ascii"} else "cp1252"
        return Decoded(_strict(octets, codec), codec, (CHARSET_MISMATCH,))
    return Decoded(_strict(octets, declared), declared)


def _windows(octets: bytes, declared: str) -> Decoded:
    try:
        return Decoded(octets.decode("cp1252"), "cp1252", (CHARSET_MISMATCH,))
    except UnicodeDecodeError:
        # Five bytes are free in Windows-1252; the ISO sets give every byte a character.
        codec = "iso8859-1" if declared == "ascii" else declared
        return Decoded(octets.decode(codec), codec, (CHARSET_MISMATCH,))


def _strict(octets: bytes, codec: str) -> str:
    try:
        return octets.decode(codec)
    except UnicodeDecodeError as error:
        raise _unreadable(codec, error) from None


def _unreadable(codec: str, error: UnicodeDecodeError) -> FhirError:
    text = f"The message is declared or agreed to be in {codec}, but byte {error.start} cannot be read in it."
    return fault(Category.MALFORMED, text, "MSH^1^18")


def _writes(character: str, codec: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _replacement(character: str, codec: str) -> str:
    plain = _PLAIN.get(character)
    if plain is not None:
        return plain
    # NFD only: compatibility forms would turn a full-width bar into a delimiter.
    base = "".join(part for part in unicodedata.normalize("NFD", character) if not unicodedata.combining(part))
    return base if base and base != character and all(_writes(part, codec) for part in base) else "?"
