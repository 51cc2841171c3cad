"""JSON that loses nothing: decimals keep their digits, twice-named members and foreign constants are refused.

FHIR JSON: https://www.hl7.org/fhir/R4/json.html.
"""

import json
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

from fhir_server.kernel.errors import Category, FhirError, fault

#: Deepest nesting accepted. FHIR documents stay under 20; deeper ones only attack recursive readers.
MAX_DEPTH = 64

#: Powers of ten that a number may have: what the numbers of other programs can hold.
MAX_EXPONENT = 300

_encoder = msgspec.json.Encoder(decimal_format="number")
_sorting = msgspec.json.Encoder(decimal_format="number", order="sorted")


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON; a Decimal is written as the number it was read from."""
    return _encoder.encode(value)


def canonical(value: Any) -> bytes:
    """As `encode`, the same bytes whatever the order of members."""
    return _sorting.encode(value)


def decode(data: bytes) -> Any:
    """Read UTF-8 JSON. Raises FhirError (INVALID) for what is not JSON, is too deep or names a member twice."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse,
        )
    except UnicodeDecodeError as error:
        raise fault(Category.INVALID, f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except json.JSONDecodeError as error:
        raise fault(
            Category.INVALID, f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except (RecursionError, ArithmeticError):
        # ArithmeticError: an exponent that Decimal cannot hold.
        reason = f"The body nests deeper than {MAX_DEPTH} levels or holds a number too long."
        raise fault(Category.INVALID, reason) from None
    _check(value, 1)
    return value


def load(data: bytes) -> Any:
    """Read JSON that this server wrote itself: no checks, decimals kept."""
    return _trusted.decode(data)


_trusted: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise fault(Category.INVALID, f"The member {twice[:40]!r} stands twice in one object.")
    return members


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_EXPONENT:
        raise _too_large()
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_EXPONENT:
        raise _too_large()
    return int(text)


def _too_large() -> FhirError:
    return fault(Category.INVALID, f"A number is beyond 10 to the power of {MAX_EXPONENT}, or that close to zero.")


def _refuse(name: str) -> NoReturn:
    raise fault(Category.INVALID, f"{name} is not a JSON number.")


def _check(value: Any, depth: int) -> None:
    """Refuse nesting beyond MAX_DEPTH, and strings that UTF-8 cannot carry (lone surrogates)."""
    if depth > MAX_DEPTH:
        raise fault(Category.INVALID, f"The body nests deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for name, member in value.items():
            _check(name, depth)
            _check(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            reason = "A string holds half of a surrogate pair, which is not a character."
            raise fault(Category.INVALID, reason) from None
