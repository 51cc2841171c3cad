"""Every case of this folder: a message and the upserts it asks for, or resources and the message they make.

`CRENEAU_UPDATE_GOLDEN=1` writes what the mapping gives now; the change then shows as a diff to be read.
"""

import json
import os
import re
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.feeds import VERSIONS
from adapters.hl7v2.parse import parse
from adapters.mapping.feed import FeedMapping, Fixer
from adapters.mapping.fixers import fixed
from adapters.mapping.tables import load
from adapters.mapping.to_fhir import to_fhir
from adapters.mapping.to_v2 import to_v2
from fhir_server.kernel.upsert import Upsert

FOLDER = Path(__file__).parent
INBOUND = sorted(path for path in FOLDER.glob("*/*.hl7") if not path.with_suffix(".resources.json").exists())
OUTBOUND = sorted(FOLDER.glob("*/*.resources.json"))
UPDATE = os.environ.get("CRENEAU_UPDATE_GOLDEN") == "1"
NOW = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
TABLES = load()

Json = dict[str, Any]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name.partition('.')[0]}"


def settings(path: Path) -> Json:
    return tomllib.loads((path.parent / "feed.toml").read_text(encoding="utf-8"))


def feed(path: Path) -> FeedMapping:
    told = {name: value for name, value in settings(path).items() if name not in ("overlays", "fixer")}
    return FeedMapping(**told, fixers=tuple(Fixer(**row) for row in settings(path).get("fixer", [])))


def upserts_of(path: Path) -> list[Upsert]:
    overlays = settings(path).get("overlays", [])
    return to_fhir(fixed(parse(path.read_bytes()), feed(path)), load(overlays) if overlays else TABLES, feed(path))


def sent(path: Path, version: str = "") -> bytes:
    case = json.loads(path.read_text(encoding="utf-8"))
    told = replace(feed(path), version=version) if version else feed(path)
    return to_v2(case["event"], case["resources"], TABLES, told, control_id="CRENEAU1", now=NOW)


def shown(upsert: Upsert) -> Json:
    fields = ("label", "type", "mode", "keys", "cleared", "on_missing", "at_ms", "location", "resource")
    told = {field: getattr(upsert, field) for field in fields}
    told |= {field: getattr(upsert, field) for field in ("weak", "wishes") if getattr(upsert, field)}
    told |= {"edits": [asdict(one) for one in upsert.edits]} if upsert.edits else {}
    return json.loads(json.dumps(told))


def applied(upserts: list[Upsert]) -> list[Json]:
    """The resources that the upserts leave in an empty store, references resolved."""
    made: dict[str, Json] = {}
    for upsert in upserts:
        if upsert.mode == "refer" and upsert.on_missing != "create":
            continue
        known = made.get(upsert.label, {})
        body = upsert.resource | known if upsert.mode == "fill" else known | upsert.resource
        for one in upsert.edits:
            if not one.is_removal:
                body[one.element] = [*body.get(one.element, []), one.item]
        made[upsert.label] = body
    ids = {
        label: f"{body['resourceType']}/{label.split(':', 2)[2].replace(':', '-').replace('_', '-')}"
        for label, body in made.items()
    }
    return [_resolved(body, ids) for body in made.values()]


def _resolved(node: Any, ids: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: ids.get(value, value) if key == "reference" else _resolved(value, ids) for key, value in node.items()
        }
    return [_resolved(item, ids) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("path", INBOUND, ids=name)
def test_message_asks_for_upserts(path: Path) -> None:
    upserts = [shown(upsert) for upsert in upserts_of(path)]
    expected = path.with_suffix(".upserts.json")
    if UPDATE:
        expected.write_text(json.dumps(upserts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    assert json.loads(expected.read_text(encoding="utf-8")) == upserts


@pytest.mark.parametrize("path", INBOUND, ids=name)
def test_upserts_are_valid_resources(path: Path) -> None:
    # What is only changed, never made, need not be whole.
    for body in applied([upsert for upsert in upserts_of(path) if upsert.on_missing == "create"]):
        get_fhir_model_class(body["resourceType"]).model_validate(body)


@pytest.mark.parametrize("path", OUTBOUND, ids=name)
def test_resources_make_the_message(path: Path) -> None:
    octets = sent(path)
    expected = path.with_name(f"{path.name.partition('.')[0]}.hl7")
    if UPDATE:
        expected.write_bytes(octets)

    assert expected.read_bytes() == octets


@pytest.mark.parametrize("version", ["", *VERSIONS])
@pytest.mark.parametrize("path", OUTBOUND, ids=name)
def test_message_is_strictly_valid(path: Path, version: str) -> None:
    message = parse(sent(path, version))
    text = message.text
    if not message["MSH-9.3"]:
        # hl7apy knows the structures of 2.3 by their first event alone.
        text = re.sub(r"\|(SIU\^S|RRI\^I)\d\d\|", r"|\g<1>12|", text, count=1)
    if version == "2.7":
        # hl7apy cannot read any TQ1 of 2.7: its table of the segment is broken.
        text = re.sub(r"TQ1\|[^\r]*\r", "", text)

    assert parse_message(text, validation_level=VALIDATION_LEVEL.STRICT).validate()


@pytest.mark.parametrize("path", [*INBOUND, *OUTBOUND], ids=name)
def test_case_says_why_it_exists(path: Path) -> None:
    note = path.with_name(f"{path.name.partition('.')[0]}.md")

    assert note.read_text(encoding="utf-8").strip()
