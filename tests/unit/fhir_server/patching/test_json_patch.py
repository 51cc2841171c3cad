"""JSON Patch on documents: RFC 6902 with its appendix, and what nobody should be able to do with it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.patching.json_patch import MAX_OPERATIONS, apply


def _apply(document: dict[str, Any], *steps: Any) -> dict[str, Any]:
    return apply(document, json.dumps(steps).encode())


def _category(document: dict[str, Any], body: Any) -> Category:
    with pytest.raises(FhirError) as caught:
        apply(document, body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value.category


@pytest.mark.parametrize(
    ("document", "step", "expected"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": "x"}, {"a": 1, "b": "x"}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": {"b": 1}}, {"op": "replace", "path": "/a/b", "value": None}, {"a": {"b": None}}),
        ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a/b": 1, "m~n": 2}, {"op": "test", "path": "/a~1b", "value": 1}, {"a/b": 1, "m~n": 2}),
        ({"m~n": 2}, {"op": "remove", "path": "/m~0n"}, {}),
    ],
)
def test_each_operation_does_what_the_rfc_says(
    document: dict[str, Any], step: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = json.dumps(document)

    assert _apply(document, step) == expected
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("body", "category"),
    [
        (b"", Category.INVALID),
        (b"  ", Category.INVALID),
        (b"[{]", Category.INVALID),
        (b'[{"op":"add","path":"/a","value":NaN}]', Category.INVALID),
        ({"op": "remove", "path": "/a"}, Category.STRUCTURE),
        (["remove"], Category.STRUCTURE),
        ([{"op": "erase", "path": "/a"}], Category.STRUCTURE),
        ([{"op": ["add"], "path": "/a"}], Category.STRUCTURE),
        ([{"op": "add", "path": "/a"}], Category.REQUIRED),
        ([{"op": "move", "path": "/a"}], Category.REQUIRED),
        ([{"op": "remove", "path": 7}], Category.STRUCTURE),
        ([{"op": "remove", "path": "a"}], Category.VALUE),
        ([{"op": "remove", "path": "/nowhere"}], Category.VALUE),
        ([{"op": "replace", "path": "/nowhere", "value": 1}], Category.VALUE),
        ([{"op": "add", "path": "/nowhere/b", "value": 1}], Category.VALUE),
        ([{"op": "add", "path": "/list/9", "value": 1}], Category.VALUE),
        ([{"op": "add", "path": "/list/x", "value": 1}], Category.VALUE),
        ([{"op": "add", "path": "/text/b", "value": 1}], Category.VALUE),
        ([{"op": "add", "path": "/number/b", "value": 1}], Category.VALUE),
        ([{"op": "move", "from": "/object", "path": "/object/b"}], Category.VALUE),
        ([{"op": "test", "path": "/number", "value": "1"}], Category.BUSINESS_RULE),
        ([{"op": "test", "path": "/number", "value": True}], Category.BUSINESS_RULE),
        ([{"op": "test", "path": "/list", "value": [True]}], Category.BUSINESS_RULE),
        ([{"op": "test", "path": "/object", "value": {"a": True}}], Category.BUSINESS_RULE),
        ([{"op": "test", "path": "/nowhere", "value": 1}], Category.VALUE),
        ([{"op": "test", "path": "/list/-", "value": 1}], Category.BUSINESS_RULE),
        ([{"op": "replace", "path": "", "value": [1]}], Category.STRUCTURE),
        ([{"op": "test", "path": "/number", "value": 1}] * (MAX_OPERATIONS + 1), Category.TOO_COSTLY),
    ],
)
def test_what_cannot_be_applied_is_refused(body: Any, category: Category) -> None:
    document = {"text": "t", "number": 1, "list": [1], "object": {"a": 1}}

    assert _category(document, body) is category


def test_copies_cannot_make_a_document_without_end() -> None:
    wide = {"a": ["x" * 1000]}
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 40

    assert _category(wide, doubling) in (Category.TOO_COSTLY, Category.INVALID)
    flat = {"a": "x" * 100_000}
    assert _category(flat, [{"op": "copy", "from": "/a", "path": f"/b{n}"} for n in range(60)]) is Category.TOO_COSTLY


def test_decimals_keep_their_digits() -> None:
    patched = apply({"a": Decimal("1.50")}, b'[{"op":"add","path":"/b","value":2.10}]')

    assert (str(patched["a"]), str(patched["b"])) == ("1.50", "2.10")
