"""Partners and feeds of one organisation share what they make; who of them did it stays known."""

import json
from typing import Any

import pytest

from adapters.partner_registry import Registry
from adapters.service import House
from fhir_server.app import create_app
from fhir_server.auth import partner as partners
from fhir_server.storage.audit_seal import seal_all
from tests import builders
from tests.contract.isolation import EVERYTHING, Asker
from tests.contract.siu import Desk, open_agenda, sch

#: Two clients of the hospital, whose feed acts as `hospital` too, and one of somebody else.
CLIENTS: tuple[dict[str, Any], ...] = (
    {"client_id": "ward", "name": "Wards", "owner": "hospital", "scopes": ["system/*.cruds"]},
    {"client_id": "desk", "name": "Front desk", "owner": "hospital", "scopes": ["system/*.cruds"]},
    {"client_id": "stranger", "name": "Somebody else", "scopes": ["system/*.cruds"]},
)


@pytest.fixture
def asker(house: House) -> Any:
    client = create_app(house.services).test_client()
    for one in CLIENTS:
        Registry(house.services).add(one, has_secret=True)
    return lambda who, scopes=EVERYTHING: Asker(client, house.services, who, scopes)


def test_what_one_makes_is_the_others_too(asker: Any) -> None:
    made = json.loads(asker("ward")("POST", "Patient", builders.patient()).data)["id"]
    seen = {who: asker(who)("GET", f"Patient/{made}").status_code for who in ("ward", "desk", "stranger")}
    changed = asker("desk")("PUT", f"Patient/{made}", builders.patient(id=made, gender="male"))

    assert seen == {"ward": 200, "desk": 200, "stranger": 404}
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')


def test_what_the_feed_tells_is_there_for_its_organisation(house: House, asker: Any) -> None:
    desk = Desk(house)
    open_agenda(desk)
    desk.book("S12", sch())
    found = {
        who: json.loads(asker(who)("GET", "Appointment?_summary=count").data)["total"] for who in ("ward", "stranger")
    }

    assert found == {"ward": 1, "stranger": 0}


def test_the_trail_names_the_client(house: House, asker: Any) -> None:
    asker("ward")("POST", "Patient", builders.patient())
    asker("desk")("GET", "Patient")
    seal_all(house.services.store, house.services.settings.journal_folder, b"")
    trail = asker("demo-auditor", "system/AuditEvent.rs")("GET", "AuditEvent").get_data(as_text=True)

    assert '"ward"' in trail
    assert '"desk"' in trail


@pytest.mark.parametrize("owner", ["system", "regulators", "a b", "", "x" * 65])
def test_nobody_acts_as_the_server(owner: str) -> None:
    members = CLIENTS[2] | {"owner": owner, "jwks_uri": "https://vendor.example/keys.json"}

    with pytest.raises(partners.PartnerError, match="owner: a name as client_id has it"):
        partners.parse(members, "stranger.toml")
