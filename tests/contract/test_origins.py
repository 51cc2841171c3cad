"""Where requests come from is said by files, and learnt with its time."""

from pathlib import Path

import pytest

from adapters import feeds, origins
from fhir_server import settings as settings_module
from fhir_server.auth.partners import PartnerError, parse
from fhir_server.auth.secrets import hash_secret
from fhir_server.bootstrap import Services
from fhir_server.figures import basis
from fhir_server.figures.basis import Basis
from fhir_server.settings import Settings, SettingsError
from tests.conftest import StandingClock

HASH = hash_secret("essai")
PARTNER = {"client_id": "x", "name": "X", "secret_hash": HASH, "scopes": ["system/Slot.rs"]}
FEED = 'owner = "x"\n{}[listen]\nhost = "127.0.0.1"\nport = 1\n[identity]\napplication = "A"\nfacility = "B"\n'


def learnt(services: Services) -> Basis:
    return basis.load(services.store.read(), services.store.database.clock())


def test_the_files_of_feeds_and_partners_say_it(services: Services, settings: Settings, clock: StandingClock) -> None:
    origins.record(settings, services.store)
    clock.advance(1)

    found = learnt(services)

    names = ("samu", "hospital", "demo-samu", "demo-sas", "demo-vendor", "demo-coordinator", "system", "nobody")
    assert ["samu", "hospital", "samu", "sas", "vendor", "cpts", "cpts", "other"] == [
        found.origin(name) for name in names
    ]
    assert "96001" in found.territory.communes


def test_what_changes_holds_from_then_on(services: Services, settings: Settings, clock: StandingClock) -> None:
    basis.record(services.store, settings, {"a": "vendor"})
    clock.advance(1000)
    before = services.store.database.clock()
    basis.record(services.store, settings, {"a": "hospital", "b": "samu"})
    basis.record(services.store, settings, {"a": "hospital", "b": "samu"})
    clock.advance(1000)

    assert ["vendor", "samu"] == [basis.load(services.store.read(), before).origin(name) for name in "ab"]
    assert ["hospital", "samu"] == [learnt(services).origin(name) for name in "ab"]


@pytest.mark.parametrize(
    ("members", "expected"),
    [({}, "vendor"), ({"reads": "territory"}, "cpts"), ({"reads": "territory", "origin": "samu"}, "samu")],
)
def test_a_partner_says_where_it_books_from(members: dict[str, str], expected: str) -> None:
    assert expected == parse(PARTNER | members, "x").origin


def test_an_origin_is_one_of_a_list(tmp_path: Path) -> None:
    with pytest.raises(PartnerError, match="origin"):
        parse(PARTNER | {"origin": "elsewhere"}, "x")

    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "x.toml").write_text(FEED.format('origin = "elsewhere"\n'))
    with pytest.raises(SettingsError, match="origin"):
        feeds.load(settings_module.load({"CRENEAU_CONFIG_DIR": str(tmp_path)}))
    (tmp_path / "feeds" / "x.toml").write_text(FEED.format(""))
    assert ["hospital"] == [
        feed.origin for feed in feeds.load(settings_module.load({"CRENEAU_CONFIG_DIR": str(tmp_path)}))
    ]
