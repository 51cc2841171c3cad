"""The guard: who is let in, and how the others are told."""

from dataclasses import dataclass, field

import pytest

from fhir_server.auth import tokens
from fhir_server.auth.changes import Changes
from fhir_server.auth.guard import Access, authenticate
from fhir_server.auth.keys import Keys
from fhir_server.auth.partners import LOOKUP_MS, Partners
from fhir_server.auth.peer import Peers
from fhir_server.auth.scopes import Scopes
from fhir_server.auth.secrets import hash_secret
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.kernel.networks import Networks
from fhir_server.settings import Settings, load
from tests.unit.fhir_server.auth.memory import MemoryChanges, MemoryKeys, MemoryPartners, StillClock

ROW = {"client_id": "one", "name": "One", "secret_hash": hash_secret("good"), "scopes": ["system/*.cruds"]}


@dataclass
class House:
    """What the guard needs, in memory."""

    clock: StillClock = field(default_factory=StillClock)
    rows: MemoryPartners = field(default_factory=lambda: MemoryPartners({"one": dict(ROW)}))
    settings: Settings = field(default_factory=lambda: load({}, public_url="https://example.org"))

    def __post_init__(self) -> None:
        self.partners = Partners([], self.rows, clock=self.clock)
        self.keys = Keys(MemoryKeys(), self.clock)
        self.changes = Changes(MemoryChanges(), self.clock, wait=lambda _seconds: None)
        self.peers = Peers("Client-Cert", Networks("192.0.2.1"))

    def token(self, client_id: str = "one") -> str:
        return tokens.issue(
            self.keys,
            issuer=self.settings.issuer,
            audience=self.settings.base_url,
            client_id=client_id,
            scopes=Scopes.parse("system/Slot.rs"),
            seconds=300,
        )


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(("reads", "is_territory"), [("own", False), ("territory", True)])
def test_a_good_token_acts_for_its_partner(house: House, reads: str, is_territory: bool) -> None:
    house.rows.rows["one"]["reads"] = reads

    access = authenticate(house, f"Bearer {house.token()}", "request-1")

    identity = {"token_id": access.token_id, "client_id": "one"}
    actor = Actor("one", is_territory, "fhir", "request-1", **identity, reads_ins=False)
    assert (Access(actor, Scopes({"Slot": "rs"})), True) == (access, bool(access.token_id))


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_has_no_case(house: House, scheme: str) -> None:
    assert "one" == authenticate(house, f"{scheme} {house.token()}").actor.owner


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic b25lOmdvb2Q=", "Bearertoken"])
def test_no_token_is_told_without_an_error_code(house: House, header: str | None) -> None:
    with pytest.raises(FhirError) as caught:
        authenticate(house, header)

    assert Category.LOGIN == caught.value.category
    assert {"WWW-Authenticate": 'Bearer realm="fhir"'} == caught.value.headers


@pytest.mark.parametrize("header", ["Bearer x", "Bearer a.b.c", "Bearer a.b.c, Bearer a.b.c"])
def test_a_bad_token_is_told(house: House, header: str) -> None:
    with pytest.raises(FhirError) as caught:
        authenticate(house, header)

    assert Category.LOGIN == caught.value.category
    assert 'error="invalid_token"' in caught.value.headers["WWW-Authenticate"]


def test_a_suspended_partner_is_refused_though_its_token_is_good(house: House) -> None:
    header = f"Bearer {house.token()}"
    authenticate(house, header)
    house.rows.rows["one"]["suspended"] = True
    house.clock.now_ms += LOOKUP_MS

    with pytest.raises(FhirError, match="suspended"):
        authenticate(house, header)


def test_a_token_for_an_unknown_partner_is_refused(house: House) -> None:
    with pytest.raises(FhirError, match="not registered"):
        authenticate(house, f"Bearer {house.token('two')}")


def test_a_missing_scope_is_named(house: House) -> None:
    access = authenticate(house, f"Bearer {house.token()}")
    access.require("Slot", "r")

    with pytest.raises(FhirError) as caught:
        access.require("Slot", "u")

    assert Category.FORBIDDEN == caught.value.category
    assert {
        "WWW-Authenticate": 'Bearer realm="fhir", error="insufficient_scope", scope="system/Slot.u"'
    } == caught.value.headers
