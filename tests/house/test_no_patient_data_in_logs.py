"""Whatever goes right or wrong, neither the log at DEBUG, nor a refusal, nor a listing names anybody."""

import base64
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.cli import main
from adapters.hl7v2.parse import parse
from adapters.service import build_house
from fhir_server import settings as settings_module
from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests import builders

GOLDEN = Path(__file__).parents[1] / "golden"
#: What the golden messages and the builders say of their invented patients, wherever a person is told.
TRAITS = ("PID-5", "PID-3", "PID-7", "PID-11", "PID-13")


def _secrets(octets: bytes) -> set[str]:
    """Names, numbers, dates and addresses of the patients of a message."""
    found: set[str] = set()
    for segment in parse(octets).segments_named("PID"):
        for path in TRAITS:
            for field in segment.raw_field(int(path[4:])).replace("~", "^").replace("&", "^").split("^"):
                if len(field) > 5 and not field.startswith(("ASIP", "1.2.250", "http")):
                    found.add(field)
    return found


def test_the_log_names_nobody(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_module.load({}, database_url=sqlite_url, demo=True)
    house = build_house(settings)
    messages = [path.read_bytes() for path in sorted(GOLDEN.rglob("*.hl7"))]
    names = {"ESSAI", "Camille", "1979-03-28"}.union(*map(_secrets, messages))
    facilities = {feed for message in messages for feed in _facilities(message)}
    caplog.set_level(logging.DEBUG)

    for name in house.feeds:
        receiver = house.receiver(name)
        for octets in messages:
            receiver.receive(octets)
            receiver.receive(octets.replace(b"|P|2.5", b"|P|9.9", 1))
            receiver.receive(octets[: len(octets) // 2])
    refusals = _use_the_api(create_app(house.services))
    listings = _listings(settings)
    house.services.close()

    assert caplog.records
    assert len(refusals) > 5
    assert len(listings.splitlines()) > len(messages)
    for shown in (caplog.text, *refusals, listings):
        assert sorted(name for name in names - facilities if name in shown) == [], shown[:2000]


def _listings(settings: Settings) -> str:
    """What commands list: messages, deliveries, the trail, and what is wrong with the configuration."""
    words = (
        ("inbox", "list", "--count", "10000"),
        ("outbox", "list", "--count", "10000"),
        ("audit", "verify"),
        ("partner", "list"),
        ("slots", "generate", "--dry-run"),
        ("check",),
    )
    runner, shown = CliRunner(), []
    for command in words:
        environment = {"CRENEAU_DATABASE_URL": settings.database_url, "CRENEAU_DEMO": "true"}
        shown.append(runner.invoke(main, command, env=environment).output)
    return "\n".join(shown)


def _facilities(octets: bytes) -> set[str]:
    """Applications, facilities and control ids: a log may name them."""
    return {part for field in octets.split(b"\r")[0].decode("latin-1").split("|")[2:10] for part in field.split("^")}


def _use_the_api(app: object) -> list[str]:
    """Ask well and badly; the texts of what was refused."""
    client = app.test_client()  # type: ignore[attr-defined]
    basic = base64.b64encode(b"demo-coordinator:creneau-demo").decode()
    token = client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    ).json["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    strict = headers | {"Prefer": "handling=strict"}
    number = "279035799999941"
    insured = {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": number}
    bodies = (
        builders.patient(),
        builders.patient(gender="?"),
        builders.patient(birthDate="1979-03-28x"),
        builders.patient(identifier=[insured | {"use": "none"}]),
        builders.patient(contact=[{"name": {"family": "ESSAI"}, "telecom": "Camille"}]),
        builders.patient(text={"status": "generated", "div": "<p>ESSAI Camille"}),
    )
    answers = [client.post("/fhir/Patient", json=content, headers=headers) for content in bodies]
    answers += [
        client.get(f"/fhir/Patient?{query}", headers=asked)
        for asked in (headers, strict)
        for query in (
            "name=ESSAI&birthdate=1979-03-28",
            "family=Camille&nonsense=ESSAI",
            "birthdate=ESSAI",
            "_has:Nothing:x:y=Camille",
            f"identifier={insured['system']}|{number}",
            f"_sort=nothing&identifier={number}",
        )
    ]
    answers.append(client.post("/fhir/Patient", data=b'{"resourceType":"Patient","name":"ESSAI"', headers=headers))
    bundle = {"resourceType": "Bundle", "type": "none", "entry": "ESSAI"}
    answers.append(client.post("/fhir", json=bundle, headers=headers))
    assert all(number not in answer.text for answer in answers if answer.status_code >= 400)
    return [answer.text for answer in answers if answer.status_code >= 400]
