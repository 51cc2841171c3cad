"""The `[send]` section of a feed's file: how what is sent is written, and who is told of what."""

from pathlib import Path
from typing import Any

import pytest

from adapters.feeds import Feed, load
from fhir_server import settings as settings_module
from fhir_server.settings import SettingsError

FEED = """
owner = "ris"
[listen]
host = "127.0.0.1"
port = 2601
[identity]
application = "CRENEAU"
facility = "CPTS"
[send]
host = "127.0.0.1"
port = 2602
application = "RIS"
facility = "CH"
events = ["appointment-booked", "referral-accepted"]
"""


def read(folder: Path, more: str) -> Feed:
    (folder / "feeds").mkdir()
    (folder / "feeds" / "ris.toml").write_text(FEED + more)
    given: Any = {"CRENEAU_CONFIG_DIR": str(folder)}
    (feed,) = load(settings_module.load(given, demo=True), {})
    return feed


def test_defaults(tmp_path: Path) -> None:
    feed = read(tmp_path, "")
    route = feed.route()

    assert (feed.mapping().version, feed.mapping().with_offset) == ("2.5", False)
    assert route is not None
    assert (route.events, route.has_all_referrals) == ({"appointment-booked", "referral-accepted"}, False)


def test_what_the_partner_wants(tmp_path: Path) -> None:
    feed = read(tmp_path, 'version = "2.3.1"\nwith_offset = true\nall_referrals = true\n')
    route = feed.route()

    assert (feed.mapping().version, feed.mapping().with_offset) == ("2.3.1", True)
    assert route is not None
    assert route.has_all_referrals


@pytest.mark.parametrize("version", ["2.2", "2.9", "3", "two"])
def test_versions_that_cannot_be_sent(tmp_path: Path, version: str) -> None:
    with pytest.raises(SettingsError, match=r"ris\.toml: send\.version is one of 2\.3, "):
        read(tmp_path, f'version = "{version}"\n')
