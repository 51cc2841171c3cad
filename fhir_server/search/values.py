"""Search values in their written forms, one reader for each kind of parameter.

Escapes, prefixes and forms: https://www.hl7.org/fhir/R4/search.html#escaping. Bad values raise FhirError (VALUE); what
they say is never repeated, for it may be a patient's name.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.kernel.ids import is_id
from fhir_server.registry.canonicals import spellings
from fhir_server.registry.model import SearchParameter
from fhir_server.search.extract import components
from fhir_server.search.facets import of_type
from fhir_server.search.folding import clip, fold, fold_code
from fhir_server.search.hierarchies import above, ancestors, below
from fhir_server.search.model import Absence, Amount, Branch, Circle, Parts, Span, Target, Text, Token, Uri, Value
from fhir_server.search.phonetics import sound
from fhir_server.search.positions import DEFAULT_METRES, MAX_LATITUDE, MAX_LONGITUDE, UNITS, point, reach
from fhir_server.search.references import is_absolute, local

#: Values one parameter may list. More makes statements that databases refuse.
MAX_VALUES = 500
#: Slashes in a URL whose ancestors are asked for: each is a value more.
MAX_STEPS = 50

_ESCAPE = re.compile(r"\\([,$|\\])")
#: Escaped characters stand as control characters while the text is cut up; such characters are refused before.
_HIDDEN = str.maketrans(",$|\\", "\x01\x02\x03\x04")
_SHOWN = str.maketrans("\x01\x02\x03\x04", ",$|\\")
_FORBIDDEN = re.compile("[\x00-\x08\ud800-\udfff]")
_PREFIXED = re.compile(r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<rest>.*)", re.DOTALL)
#: A plus sign that was not encoded reaches us as a space.
_LOST_PLUS = re.compile(r" (?=\d\d:\d\d$)")
_HIERARCHICAL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/]")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
_DISTANCE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Frame:
    """What the meaning of a value depends on besides its text."""

    #: This server's address: absolute references to it are local ones. Empty when not known.
    base_url: str
    #: The present, for the prefix `ap`.
    now_ms: int


def read(parameter: SearchParameter, modifier: str, text: str, frame: Frame) -> tuple[Value, ...]:
    """The values of a parameter, of which one must fit; empty when `text` holds none.

    `modifier` is one of those the kind allows, or the type name of a typed reference. Raises FhirError (VALUE).
    """
    reader = _READERS.get((parameter.kind, modifier)) or _READERS[_FORMS.get(modifier, parameter.kind), ""]
    parts = [part for part in split(text, ",", parameter.code) if part]
    if len(parts) > MAX_VALUES:
        raise _bad(parameter.code, f"takes at most {MAX_VALUES} values")
    read_one = [reader(parameter, modifier, part, frame) for part in parts]
    found = (one for values in read_one for one in (values if isinstance(values, list) else (values,)))
    return tuple(dict.fromkeys(name for one in found for name in _spelt(one)))


def _spelt(value: Value) -> Iterable[Value]:
    """The value under every name that its canonical had (`registry.canonicals`): a system's, or its own."""
    if isinstance(value, Uri):
        return [Uri(name) for name in spellings(value.value)]
    if isinstance(value, Token) and value.system:
        return [Token(name, value.code) for name in spellings(value.system)]
    return (value,)


def split(text: str, separator: str, name: str) -> list[str]:
    """Cut at separators that are not escaped; escapes stay hidden until `_plain`."""
    if _FORBIDDEN.search(text):
        raise _bad(name, "holds control characters")
    return _ESCAPE.sub(lambda match: match[1].translate(_HIDDEN), text).split(separator)


def _plain(part: str) -> str:
    return part.translate(_SHOWN)


def _absence(parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Absence:
    if part not in ("true", "false"):
        raise _bad(f"{parameter.code}:missing", "must be true or false")
    return Absence(part == "true")


def _token(parameter: SearchParameter, modifier: str, part: str, _frame: Frame) -> Token:
    system, bar, code = part.rpartition("|")
    if "|" in system or part == "|":
        raise _bad(parameter.code, "must be code, system|code, |code or system|, with other bars escaped")
    is_exact = parameter.is_case_sensitive or modifier == "identifier"
    text = clip(_plain(code)) if is_exact else fold_code(_plain(code))
    return Token(clip(_plain(system)) if bar else None, text or None)


def _typed_identifier(parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Token:
    pieces = [_plain(piece) for piece in part.split("|")]
    if len(pieces) != 3 or not all(pieces):
        raise _bad(f"{parameter.code}:of-type", "must be system|code|value: the type's system and code, and the value")
    return Token(*of_type(*pieces))


def _related_tokens(parameter: SearchParameter, modifier: str, part: str, frame: Frame) -> list[Value]:
    token = _token(parameter, "", part, frame)
    system = parameter.system if token.system is None else token.system
    codes = (above if modifier == "above" else below)(system, token.code or "", is_listed=system == parameter.system)
    if not system or token.code is None or codes is None:
        raise _bad(f"{parameter.code}:{modifier}", "must be system|code of a system whose hierarchy this server knows")
    return [Token(token.system, code) for code in codes]


def _span(parameter: SearchParameter, _modifier: str, part: str, frame: Frame) -> Span:
    prefix, rest = _prefixed(part)
    try:
        span = interval(_LOST_PLUS.sub("+", _plain(rest)))
    except (ValueError, OverflowError):
        raise _bad(parameter.code, "must be a date such as 2026-01-05 or ge2026-01-05T08:00:00+01:00") from None
    if prefix != "ap":
        return Span(prefix, span.low, span.high)
    gap = max(span.low - frame.now_ms, frame.now_ms - span.high, 0) // 10
    return Span(prefix, span.low - gap, span.high + gap)


def _prefixed(part: str) -> tuple[str, str]:
    match = _PREFIXED.fullmatch(part)
    assert match is not None
    return match["prefix"] or "eq", match["rest"]


def _text(parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Text:
    plain = _plain(part)
    if not parameter.is_phonetic:
        return Text(fold(plain), plain)
    heard = sound(plain)
    if not heard:
        raise _bad(parameter.code, "must be a name: it has neither letters nor digits")
    return Text(heard, plain)


def _target(parameter: SearchParameter, modifier: str, part: str, frame: Frame) -> Target:
    text = _plain(part)
    if frame.base_url and text.startswith(frame.base_url + "/"):
        text = text[len(frame.base_url) + 1 :]
    here = local(text)
    if here is None and is_absolute(text):
        return Target("", clip(text))
    if here is None and not is_id(text):
        raise _bad(parameter.code, "must be an id, Type/id or an absolute URL")
    if modifier and here and here[0] != modifier:
        raise _bad(f"{parameter.code}:{modifier}", "names another type in its value")
    return Target(*here) if here else Target(modifier or None, text)


def _place(parameter: SearchParameter, _modifier: str, part: str, frame: Frame) -> Target:
    """Where a tree is asked from: its modifier is no type."""
    return _target(parameter, "", part, frame)


def _uri(_parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Uri:
    return Uri(clip(_plain(part)))


def _branch(parameter: SearchParameter, modifier: str, part: str, _frame: Frame) -> Branch:
    return Branch(clip(_url(parameter, modifier, part).rstrip("/")))


def _trunk(parameter: SearchParameter, modifier: str, part: str, _frame: Frame) -> list[Value]:
    return [Uri(clip(url)) for url in ancestors(_url(parameter, modifier, part))]


def _url(parameter: SearchParameter, modifier: str, part: str) -> str:
    text = _plain(part)
    if not _HIERARCHICAL.match(text) or text.count("/") > MAX_STEPS:
        # https://www.hl7.org/fhir/R4/search.html#uri: for URLs only, and not URNs.
        raise _bad(f"{parameter.code}:{modifier}", f"must be a URL of at most {MAX_STEPS} steps")
    return text


def _parts(parameter: SearchParameter, _modifier: str, part: str, frame: Frame) -> Parts:
    pieces, made_of = part.split("$"), components(parameter)
    if len(pieces) != len(made_of) or not all(pieces):
        raise _bad(parameter.code, f"must be {'$'.join(component.code for component in made_of)}")
    found = [_READERS[one.kind, ""](one, "", piece, frame) for one, piece in zip(made_of, pieces, strict=True)]
    return Parts(tuple(value for value in found if not isinstance(value, list)))


def _amount(parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Amount:
    pieces = part.split("|")
    prefix, digits = _prefixed(_plain(pieces[0]))
    try:
        number = Decimal(digits) if _NUMBER.fullmatch(digits) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not math.isfinite(number) or len(pieces) not in (1, 3):
        raise _bad(parameter.code, "must be a number, or number|system|code")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    margin = abs(number) / 10 if prefix == "ap" else Decimal(5).scaleb(exponent - 1)
    system, code = (
        (clip(_plain(pieces[1])) or None, clip(_plain(pieces[2])) or None) if len(pieces) == 3 else (None, None)
    )
    return Amount(prefix, float(number), float(number - margin), float(number + margin), system, code)


def _circle(parameter: SearchParameter, _modifier: str, part: str, _frame: Frame) -> Circle:
    pieces = [_plain(piece) for piece in part.split("|")]
    degrees = [float(piece) for piece in pieces[:2] if _DEGREES.fullmatch(piece)]
    if len(pieces) > 4 or len(degrees) != 2 or abs(degrees[0]) > MAX_LATITUDE or abs(degrees[1]) > MAX_LONGITUDE:
        raise _bad(parameter.code, "must be latitude|longitude|distance|units, within 90 and 180 degrees")
    return Circle(point(*degrees), reach(_metres(parameter, *pieces[2:])))


def _metres(parameter: SearchParameter, distance: str = "", unit: str = "") -> float:
    if unit and unit not in UNITS:
        raise _bad(parameter.code, f"takes the units {', '.join(UNITS)}")
    if distance and not _DISTANCE.fullmatch(distance):
        raise _bad(parameter.code, "takes a distance of zero or more, without an exponent")
    return float(distance) * UNITS[unit or "km"] if distance else DEFAULT_METRES


def _bad(name: str, rule: str) -> FhirError:
    return fault(Category.VALUE, f"The search parameter {name} {rule}.", name)


#: The form in which a modifier's values are written, where it is not that of the parameter's kind.
_FORMS = {"missing": "missing", "identifier": "token", "text": "string", "of-type": "of-type"}

#: By form and modifier; what gives a list stands for all of its values.
_READERS: dict[tuple[str, str], Callable[[SearchParameter, str, str, Frame], Value | list[Value]]] = {
    ("missing", ""): _absence,
    ("token", ""): _token,
    ("of-type", ""): _typed_identifier,
    ("token", "above"): _related_tokens,
    ("token", "below"): _related_tokens,
    ("date", ""): _span,
    ("string", ""): _text,
    ("reference", ""): _target,
    ("reference", "above"): _place,
    ("reference", "below"): _place,
    ("uri", ""): _uri,
    ("uri", "above"): _trunk,
    ("uri", "below"): _branch,
    ("number", ""): _amount,
    ("quantity", ""): _amount,
    ("composite", ""): _parts,
    ("special", ""): _circle,
}
