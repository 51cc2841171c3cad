"""JSON that loses nothing and lets nothing strange in."""

from decimal import Decimal

import pytest

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, FhirError

REFUSED = {
    "not JSON": b"{",
    "nothing": b"",
    "not UTF-8": b'{"a":"\xe9"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "a member twice": b'{"a":1,"a":2}',
    "a member twice, deep": b'{"x":[{"a":1,"a":2}]}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "half a surrogate pair in a name": b'{"\\ud800":1}',
    "65 levels": b"[" * 65 + b"]" * 65,
    "so deep that readers break": b"[" * 100_000 + b"]" * 100_000,
    "a number of 5,000 digits": b"[" + b"9" * 5000 + b"]",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_json_is_refused(name: str) -> None:
    with pytest.raises(FhirError) as caught:
        json.decode(REFUSED[name])

    assert caught.value.category is Category.INVALID


@pytest.mark.parametrize("number", ["1.10", "0.000", "100", "1E+2", "-0.0", "123456789.123456789123456789"])
def test_numbers_keep_their_digits(number: str) -> None:
    text = f'{{"value":{number}}}'.encode()

    assert json.encode(json.decode(text)) == text
    assert json.encode(json.load(text)) == text


def test_64_levels_are_read() -> None:
    deepest = json.decode(b"[" * 64 + b"]" * 64)

    assert json.encode(deepest) == b"[" * 64 + b"]" * 64


def test_decimals_are_decimals() -> None:
    assert json.decode(b'{"value":1.10}') == {"value": Decimal("1.10")}
