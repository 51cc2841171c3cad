"""History of a resource, a type and everything, on every store. Behaviours 51 to 56 of the checklist."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.history import history
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from tests import builders
from tests.conftest import StandingClock
from tests.contract.bundles import BASE, RIVAL, VENDOR

HOUR = 3_600_000


def _history(
    services: Services, type_name: str | None = None, id_: str | None = None, *, actor: Actor = SYSTEM, **pairs: str
) -> dict[str, Any]:
    asked = [(f"_{name}", value) for name, value in pairs.items()]
    found: dict[str, Any] = json.loads(history(services.store, actor, type_name, id_, asked, BASE))
    return found


def _shown(bundle: dict[str, Any]) -> list[str]:
    """Method, resource and version of each entry."""
    return [
        f"{one['request']['method']} {one['fullUrl'].removeprefix(BASE + '/')} {one['response']['etag'][3:-1]}"
        for one in bundle.get("entry", [])
    ]


def _link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def _put(services: Services, id_: str, *, actor: Actor = SYSTEM, **elements: Any) -> None:
    update(services.store, actor, "Schedule", id_, builders.schedule(**elements), None)


@pytest.fixture
def told(services: Services, clock: StandingClock) -> None:
    """At 8: a and b are made. At 9: a changes. At 10: b goes. At 11: a slot is made. In Paris."""
    _put(services, "a")
    _put(services, "b")
    clock.advance(HOUR)
    _put(services, "a", active=False)
    clock.advance(HOUR)
    delete(services.store, SYSTEM, "Schedule", "b", None)
    clock.advance(HOUR)
    update(services.store, SYSTEM, "Slot", "s", builders.slot(), None)


@pytest.mark.usefixtures("told")
def test_the_newest_comes_first_and_every_entry_says_what_was_done(services: Services) -> None:
    """Behaviour 51, at each level."""
    of_type = ["DELETE Schedule/b 2", "PUT Schedule/a 2", "PUT Schedule/b 1", "PUT Schedule/a 1"]

    assert _shown(_history(services, "Schedule", "a")) == ["PUT Schedule/a 2", "PUT Schedule/a 1"]
    assert _shown(_history(services, "Schedule")) == of_type
    everything = _history(services)
    assert _shown(everything) == ["PUT Slot/s 1", *of_type]
    assert everything["total"] == 5
    assert [one["response"]["status"] for one in everything["entry"]] == [
        "201 Created",
        "204 No Content",
        "200 OK",
        "201 Created",
        "201 Created",
    ]
    assert ["resource" in one for one in everything["entry"]] == [True, False, True, True, True]
    assert everything["entry"][0]["response"]["lastModified"] == "2026-03-02T10:00:00.000Z"


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ({"since": "2026-03-02T08:00:00Z"}, ["PUT Slot/s 1", "DELETE Schedule/b 2", "PUT Schedule/a 2"]),
        ({"since": "2026-03-02T08:00:00.001Z"}, ["PUT Slot/s 1", "DELETE Schedule/b 2"]),
        ({"since": "2026-03-02T11:00:00+01:00"}, ["PUT Slot/s 1"]),
        ({"since": "2026-03-02T10:00:00.001Z"}, []),
        ({"since": "2099"}, []),
        ({"at": "2026-03-02T07:30:00Z"}, ["PUT Schedule/b 1", "PUT Schedule/a 1"]),
        ({"at": "2026-03-02T08:30:00Z"}, ["PUT Schedule/a 2", "PUT Schedule/b 1"]),
        ({"at": "2026-03-02T09:30:00Z"}, ["PUT Schedule/a 2"]),
        ({"at": "2026-03-02T06:59:59Z"}, []),
        (
            {"at": "2026-03-02"},
            ["PUT Slot/s 1", "DELETE Schedule/b 2", "PUT Schedule/a 2", "PUT Schedule/b 1", "PUT Schedule/a 1"],
        ),
        ({"at": "2026-03-02T07:30:00Z", "since": "2026-03-02T08:00:00Z"}, []),
        ({"count": "0"}, []),
    ],
)
def test_since_and_at(services: Services, pairs: dict[str, str], expected: list[str]) -> None:
    """Behaviour 53: `_since` is inclusive; `_at` shows what was current at some time of the period."""
    assert _shown(_history(services, **pairs)) == expected


@pytest.mark.parametrize("level", [(), ("Schedule",), ("Schedule", "a")])
def test_every_page_is_reached_and_nothing_comes_twice(services: Services, level: tuple[str, ...]) -> None:
    """Behaviour 52, while others write; all of it within the same millisecond."""
    for number in range(23):
        _put(services, "a", comment=str(number))

    page = _history(services, *level, count="2")
    shown, pages = _shown(page), 1
    while (following := _link(page, "next")) is not None:
        _put(services, "a", comment=f"meanwhile {pages}")
        pairs = parse_qsl(urlsplit(following).query)
        page = json.loads(history(services.store, SYSTEM, *(*level, None, None)[:2], pairs, BASE))
        shown += _shown(page)
        pages += 1

    assert shown == [f"PUT Schedule/a {version}" for version in range(23, 0, -1)]
    assert pages == 12


@pytest.mark.usefixtures("told")
def test_links_show_what_was_honoured(services: Services) -> None:
    """Behaviour 56."""
    page = _history(services, "Schedule", since="2026-03-02T08:00:00+01:00", count="1", sort="y")

    assert _link(page, "self") == f"{BASE}/Schedule/_history?_since=2026-03-02T08:00:00%2B01:00&_count=1"
    assert str(_link(page, "next")).startswith(f"{_link(page, 'self')}&_cursor=")
    assert _link(_history(services), "self") == f"{BASE}/_history"


@pytest.mark.parametrize(
    ("name", "value"),
    [("_count", "-1"), ("_count", "abc"), ("_count", "9" * 12), ("_since", "yesterday"), ("_at", "2026-02-30")],
)
def test_what_cannot_be_read_is_refused(services: Services, name: str, value: str) -> None:
    """Behaviour 54."""
    with pytest.raises(FhirError) as caught:
        history(services.store, SYSTEM, "Schedule", None, [(name, value)], BASE)

    assert (caught.value.category, caught.value.issues[0].expression) == (Category.VALUE, name)


@pytest.mark.parametrize(
    ("pairs", "strict"),
    [
        ([("_list", "l")], False),
        ([("_type", "Patient")], False),
        ([("_count", "1"), ("_count", "2")], False),
        ([("_since", "2025"), ("_since", "2026")], False),
        ([("_elements", "actor"), ("_summary", "true")], False),
        ([("_sort", "_lastUpdated")], True),
        ([("nonsense", "1")], True),
    ],
)
def test_what_would_be_another_history_is_refused(
    services: Services, pairs: list[tuple[str, str]], strict: bool
) -> None:
    """Behaviours 54 and 83."""
    with pytest.raises(FhirError) as caught:
        history(services.store, SYSTEM, "Schedule", None, pairs, BASE, strict=strict)

    assert (caught.value.category, caught.value.issues[0].expression) == (Category.INVALID, pairs[0][0])


@pytest.mark.usefixtures("told")
def test_a_part_of_each_version(services: Services) -> None:
    def shown(**pairs: str) -> list[set[str]]:
        return [set(entry["resource"]) for entry in _history(services, "Schedule", "a", **pairs)["entry"]]

    always = {"resourceType", "id", "meta", "actor"}
    assert shown(elements="comment") == shown(summary="text") == [always | {"active"}, always]
    assert shown(summary="false") == shown()
    counted = _history(services, "Schedule", "a", summary="count")
    assert (counted["total"], "entry" in counted) == (2, False)


@pytest.mark.usefixtures("told")
def test_a_cursor_belongs_to_its_history_and_its_reader(services: Services) -> None:
    link = _link(_history(services, "Schedule", count="1"), "next")
    cursor = dict(parse_qsl(urlsplit(str(link)).query))["_cursor"]

    for type_name, id_, actor, given in (
        ("Slot", None, SYSTEM, cursor),
        ("Schedule", "a", SYSTEM, cursor),
        (None, None, SYSTEM, cursor),
        ("Schedule", None, VENDOR, cursor),
        ("Schedule", None, SYSTEM, cursor[:-2]),
        ("Schedule", None, SYSTEM, "x"),
    ):
        with pytest.raises(FhirError) as caught:
            _history(services, type_name, id_, actor=actor, cursor=given)
        assert caught.value.category is Category.VALUE


def test_a_partner_sees_its_own_and_what_is_shared(services: Services) -> None:
    mine = create(services.store, VENDOR, "Patient", builders.patient())
    _put(services, "a")

    assert _shown(_history(services, actor=VENDOR)) == ["PUT Schedule/a 1", f"POST Patient/{mine.id} 1"]
    assert _shown(_history(services, actor=RIVAL)) == ["PUT Schedule/a 1"]
    assert _history(services, "Patient", actor=RIVAL)["total"] == 0
    delete(services.store, VENDOR, "Patient", mine.id, None)
    assert _shown(_history(services, "Patient", actor=RIVAL)) == []
    assert len(_shown(_history(services, "Patient", mine.id, actor=VENDOR))) == 2
    with pytest.raises(FhirError) as caught:
        _history(services, "Patient", mine.id, actor=RIVAL)
    assert caught.value.category is Category.NOT_FOUND


def test_an_unknown_id_has_no_history(services: Services) -> None:
    """Behaviour 55: 404, as docs/decisions/0007 has it."""
    with pytest.raises(FhirError) as caught:
        _history(services, "Schedule", "never")

    assert caught.value.category is Category.NOT_FOUND
    assert _history(services, "Schedule")["total"] == 0


def test_a_history_of_everything_can_be_held_to_types(services: Services) -> None:
    _put(services, "a")
    create(services.store, VENDOR, "Patient", builders.patient())

    found = json.loads(history(services.store, VENDOR, None, None, [], BASE, types=["Schedule", "Nonsense"]))

    assert _shown(found) == ["PUT Schedule/a 1"]
