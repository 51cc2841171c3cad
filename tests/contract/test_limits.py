"""How much a partner may ask: requests a second, and statements that run long."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from adapters.service import build_house, web_application
from fhir_server.app import create_app
from fhir_server.auth.rates import Rates
from fhir_server.bootstrap import Services
from fhir_server.settings import Settings
from fhir_server.storage.database import Database
from tests.contract.sas_doors import caller

#: Counts far, on either store.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n"


def test_a_partner_that_asks_too_much_waits_and_the_others_do_not(services: Services) -> None:
    mine = replace(services, rates=Rates(1))
    client = create_app(mine).test_client()
    vendor, other = (caller(mine, name, "system/Slot.rs", client) for name in ("demo-vendor", "demo-vendor-2"))
    answers = [vendor.ask("GET", "/fhir/Slot/absent") for _ in range(3)]

    assert [404, 404, 429] == [answer.status_code for answer in answers]
    assert ("throttled", "1") == (answers[2].json["issue"][0]["code"], answers[2].headers["Retry-After"])
    assert 404 == other.ask("GET", "/fhir/Slot/absent").status_code


def test_a_search_that_would_run_long_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    house = build_house(replace(settings, statement_seconds=1), statement_seconds=1)
    client = caller(house.services, scopes="system/Slot.rs", client=web_application(house).test_client())
    read = house.services.store.database.read

    def slow_read(_database: Database) -> Connection:
        connection = read()
        connection.execute(text(ENDLESS)).scalar()
        return connection

    assert 200 == client.ask("GET", "/fhir/Slot?status=free").status_code
    monkeypatch.setattr(Database, "read", slow_read)
    answer = client.ask("GET", "/fhir/Slot?status=busy")
    monkeypatch.undo()

    assert (503, "too-costly", "60") == (
        answer.status_code,
        answer.json["issue"][0]["code"],
        answer.headers["Retry-After"],
    )
    assert 200 == client.ask("GET", "/fhir/Slot?status=free").status_code
    house.services.close()
