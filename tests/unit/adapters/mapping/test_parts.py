"""The small parts: conditions, element paths, namespaces."""

from typing import Any

import pytest

from adapters.mapping import elements
from adapters.mapping.conditions import compile_when, parse, settle
from adapters.mapping.feed import FeedMapping
from adapters.mapping.namespaces import OWN_IDS, authority, system

FEED = FeedMapping(
    "ho spital", namespaces={"HO^PI": "urn:pi", "HO": "urn:ho", "1.2.3": "urn:oid-named", "": "urn:none"}
)
BARE = FeedMapping("bare")


@pytest.mark.parametrize(
    ("when", "values", "holds"),
    [
        ("present X", {"X": "1"}, True),
        ("absent X", {"X": "1"}, False),
        ("absent X", {}, True),
        ("X in a B", {"X": "b"}, True),
        ("X in a B", {}, False),
        ("present X and Y in c", {"X": "1", "Y": "C"}, True),
        ("present X and Y in c", {"X": "1"}, False),
    ],
)
def test_condition(when: str, values: dict[str, str], holds: bool) -> None:
    test = compile_when(parse(when), lambda path: lambda scope: scope.get(path))

    assert test is not None
    assert test(values) == holds


def test_no_condition() -> None:
    assert compile_when(parse(""), lambda path: lambda: None) is None


@pytest.mark.parametrize("when", ["X", "present", "X is Y", "X not in Y", "present X or absent Y", "X in"])
def test_words_outside_the_vocabulary(when: str) -> None:
    with pytest.raises(ValueError, match="not a condition"):
        parse(when)


def test_what_is_known_beforehand_is_settled() -> None:
    clauses = parse("MSH-9.2 in S12 and present X")

    assert settle(clauses, {"MSH-9.2": "S15"}) is None
    assert settle(clauses, {"MSH-9.2": "S12"}) == parse("present X")


def written(*pairs: tuple[str, Any]) -> dict[str, Any]:
    resource: dict[str, Any] = {}
    items: elements.Items = {}
    for path, value in pairs:
        put, is_set = elements.compile_target(path)
        if not is_set(resource, items):
            put(resource, items, value)
    return resource


@pytest.mark.parametrize(
    ("pairs", "resource", "reason"),
    [
        ([("status", "a"), ("status", "b")], {"status": "a"}, "first stays"),
        ([("given[]", "a"), ("given[]", ["b", "a"])], {"given": ["a", "b"]}, "lists grow, without doubles"),
        ([("period.start", 1), ("period.end", 2)], {"period": {"start": 1, "end": 2}}, "shared object"),
        ([("p[].a", 1), ("p[].b", 2)], {"p": [{"a": 1, "b": 2}]}, "shared item"),
        ([("p[x].a", 1), ("p[y].a", 2), ("p[x].a", 3)], {"p": [{"a": 1}, {"a": 2}]}, "items by word"),
        ([("p[].t[]", 1), ("p[].t[]", 2)], {"p": [{"t": [1, 2]}]}, "list in an item"),
    ],
)
def test_element_paths(pairs: list[tuple[str, Any]], resource: dict[str, Any], reason: str) -> None:
    assert written(*pairs) == resource, reason


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[1].b c", "1a"])
def test_no_element_path(path: str) -> None:
    with pytest.raises(ValueError, match="not an element path"):
        elements.parse(path)


@pytest.mark.parametrize(
    ("feed", "given", "uri", "reason"),
    [
        (FEED, ("HO", None, None, "PI"), "urn:pi", "one type of an authority"),
        (FEED, ("HO", None, None, "VN"), "urn:ho", "the authority"),
        (FEED, ("X", "1.2.3", "ISO", ""), "urn:oid-named", "by universal id"),
        (FEED, (None, None, None, "PI"), "urn:none", "no authority, which the feed has named"),
        (FEED, ("CRENEAU", None, None, ""), OWN_IDS, "our own"),
        (FEED, ("A/B", None, None, ""), "urn:creneau:feed:ho%20spital:A%2FB", "unknown name"),
        (BARE, ("X", "1.2.9", "ISO", ""), "urn:oid:1.2.9", "object identifier"),
        (BARE, ("X", "630780999", "M", ""), "urn:creneau:feed:bare:X", "French HD-3, no object identifier"),
        (BARE, (None, None, None, "PI"), "urn:creneau:feed:bare::PI", "no authority"),
        (BARE, (None, None, None, ""), "urn:creneau:feed:bare", "nothing at all"),
    ],
)
def test_system(feed: FeedMapping, given: tuple[Any, ...], uri: str, reason: str) -> None:
    assert system(feed, *given) == uri, reason


@pytest.mark.parametrize(
    ("feed", "uri", "named"),
    [
        (FEED, "urn:pi", ("HO", "", "")),
        (FEED, "urn:oid-named", ("", "1.2.3", "ISO")),
        (FEED, OWN_IDS, ("CRENEAU", "", "")),
        (FEED, "urn:creneau:feed:ho%20spital:A%2FB", ("A/B", "", "")),
        (BARE, "urn:creneau:feed:bare::PI", ("", "", "")),
        (BARE, "urn:creneau:feed:bare", ("", "", "")),
        (BARE, "urn:oid:1.2.9", ("", "1.2.9", "ISO")),
        (BARE, "https://elsewhere.example", None),
        (BARE, "urn:creneau:feed:barefoot:X", None),
    ],
)
def test_authority(feed: FeedMapping, uri: str, named: tuple[str, str, str] | None) -> None:
    assert authority(feed, uri) == named
