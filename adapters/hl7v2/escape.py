"""Delimiters of a message and its escape sequences (HL7 2.5 section 2.7).

Text is unescaped once, after splitting; a sequence that is not understood stays as it was sent. On the way out every
character that could end a value, a segment or an MLLP frame is escaped, so no value can become structure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

#: ASCII punctuation a sender may choose delimiters from.
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_MAX_SKIP = 100


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and the characters of MSH-2; a character the sender did not define is empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    #: Fifth character of MSH-2, since 2.7.
    truncation: str = ""

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


DEFAULT_DELIMITERS = Delimiters()


@lru_cache(maxsize=256)
def read_delimiters(field: str, encoding_characters: str) -> Delimiters:
    """The delimiters MSH-1 and MSH-2 define. Raises ValueError if they are not distinct punctuation, or too many."""
    used = field + encoding_characters
    if len(field) != 1 or not 1 <= len(encoding_characters) <= 5:
        raise ValueError("MSH-2 must hold one to five characters")
    if len(set(used)) != len(used) or not _PUNCTUATION.issuperset(used):
        raise ValueError("the delimiters are not distinct punctuation characters")
    return Delimiters(field, *encoding_characters, *[""] * (4 - len(encoding_characters)))


@dataclass(frozen=True, slots=True)
class Notation:
    """How one message writes text: its delimiters and its codec."""

    delimiters: Delimiters = DEFAULT_DELIMITERS
    codec: str = "ascii"

    def unescape(self, raw: str) -> str:
        """The text that `raw`, one leaf of the tree, stands for; line breaks become LF."""
        mark = self.delimiters.escape
        if not mark or mark not in raw:
            return raw
        text = _sequences(mark).sub(lambda match: _meaning(match, self), raw)
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def escape(self, text: str) -> str:
        r"""`text` as one leaf: LF is `\.br\`, other control characters are in hexadecimal, NUL is dropped."""
        if text == '""' and self.delimiters.escape:
            return f"{self.delimiters.escape}X2222{self.delimiters.escape}"
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.translate(_outgoing(self.delimiters))


def escape(text: str, delimiters: Delimiters = DEFAULT_DELIMITERS) -> str:
    r"""`text` as one leaf of a message with those delimiters.

    >>> escape("A&B|C\n")
    'A\\T\\B\\F\\C\\.br\\'
    """
    return Notation(delimiters).escape(text)


def unescape(raw: str, delimiters: Delimiters = DEFAULT_DELIMITERS, codec: str = "ascii") -> str:
    r"""The text of one leaf.

    >>> unescape(r"O\T\N \X41\ \Z1\ C:\temp")
    'O&N A \\Z1\\ C:\\temp'
    """
    return Notation(delimiters, codec).unescape(raw)


def stray_marks(raw: str, mark: str) -> int:
    r"""How many escape characters in `raw` begin or end no escape sequence.

    >>> stray_marks(r"C:\temp \T\ \.br\ ", "\\")
    1
    """
    return _sequences(mark).sub("", raw).count(mark) if mark and mark in raw else 0


@lru_cache(maxsize=32)
def _sequences(mark: str) -> re.Pattern[str]:
    # C, M (character set switching) and Z (local) are recognised to be left alone as a whole. Other marks are text.
    body = (
        r"(?P<code>[FSTREPHN])|X(?P<octets>(?:[0-9A-Fa-f]{2})+)"
        r"|\.(?P<format>(?i:br|ce|fi|nf|in|ti|sp|sk))\s*\+?-?(?P<count>[0-9]{0,4})"
        r"|C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4,6}|Z[0-9A-Za-z]*"
    )
    return re.compile(f"{re.escape(mark)}(?:{body}){re.escape(mark)}")


def _meaning(match: re.Match[str], notation: Notation) -> str:
    if match["code"]:
        meaning = _codes(notation.delimiters)[match["code"]]
        return meaning if meaning is not None else match[0]
    if match["octets"]:
        try:
            # Laboratories write two-byte forms of line breaks: \X000d\.
            return bytes.fromhex(match["octets"]).replace(b"\0", b"").decode(notation.codec)
        except UnicodeDecodeError:
            return match[0]
    if match["format"]:
        return _formatting(match["format"].lower(), match["count"])
    return match[0]


@lru_cache(maxsize=64)
def _codes(delimiters: Delimiters) -> Mapping[str, str | None]:
    """Meaning of the one-letter sequences, None where these delimiters give none. H and N are highlighting."""
    return {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent or None,
        "R": delimiters.repetition or None,
        "E": delimiters.escape,
        "P": delimiters.truncation or None,
        "H": "",
        "N": "",
    }


def _formatting(command: str, count: str) -> str:
    """Formatting commands of FT (section 2.7.6) as plain text: what ends a line is a line break, the rest is layout."""
    number = min(int(count or 1), _MAX_SKIP)
    return {"br": "\n", "ce": "\n", "sp": "\n" * number, "sk": " " * number}.get(command, "")


@lru_cache(maxsize=64)
def _outgoing(delimiters: Delimiters) -> Mapping[int, str]:
    mark = delimiters.escape
    if not mark:
        # Without an escape character nothing can be quoted: what would be structure becomes a blank.
        blank = dict.fromkeys([*range(1, 32), 127, 0x85, 0x2028, 0x2029], " ") | {0: ""}
        return blank | {ord(character): " " for character in delimiters.field + delimiters.encoding_characters}
    table = {code: f"{mark}X{code:02X}{mark}" for code in [*range(1, 32), 127] if code != 9} | {0: ""}
    # Receivers that split on any Unicode line end must not see one either.
    table |= dict.fromkeys([10, 0x85, 0x2028, 0x2029], f"{mark}.br{mark}")
    marks = {letter: text for letter, text in _codes(delimiters).items() if text}
    return table | {ord(text): f"{mark}{letter}{mark}" for letter, text in marks.items()}
