"""The searchset of an answer: spliced of shaped text, in one page, with one link."""

from collections.abc import Iterable

from fhir_server.kernel import json
from fhir_server.sas.answer import Answer
from fhir_server.sas.codes import EMPTY_BUNDLE, Shape
from fhir_server.sas.parts import Shown

_MATCH, _INCLUDE = ',"search":{"mode":"match"}}', ',"search":{"mode":"include"}}'


def of_slots(answer: Answer, shape: Shape, matched: str, brings: frozenset[str], *, base_url: str, link: str) -> bytes:
    """The Bundle of an answer: its total counts slots, whatever type was `matched`; of other types, what it `brings`.

    `link` is the address as it was asked.
    """
    entries = [_entry(base_url, "Slot", one, matched == "Slot") for one in answer.slots]
    for (type_name, _), one in answer.others.items():
        if type_name == matched or type_name in brings:
            entries.append(_entry(base_url, type_name, one, type_name == matched))
    return _bundle(shape.profiles["Bundle"] if entries else EMPTY_BUNDLE, len(answer.slots), link, entries)


def of_matches(type_name: str, found: Iterable[Shown], *, base_url: str, link: str) -> bytes:
    """The Bundle of resources of one type, without anything that comes along."""
    entries = [_entry(base_url, type_name, one, True) for one in found]
    return _bundle(EMPTY_BUNDLE, len(entries), link, entries)


def _entry(base_url: str, type_name: str, one: Shown, is_match: bool) -> str:
    mode = _MATCH if is_match else _INCLUDE
    return f'{{"fullUrl":"{base_url}/{type_name}/{one.id}","resource":{one.text}{mode}'


def _bundle(profile: str, total: int, link: str, entries: list[str]) -> bytes:
    members = {
        "resourceType": "Bundle",
        "meta": {"profile": [profile]},
        "type": "searchset",
        "total": total,
        "link": [{"relation": "self", "url": link}],
    }
    head = json.encode(members).decode()
    return (head if not entries else f'{head[:-1]},"entry":[{",".join(entries)}]}}').encode()
