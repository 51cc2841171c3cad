"""The file of a SAS platform that is told of appointments."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters import commands
from adapters.notices import Notices, load, notices
from fhir_server import settings as settings_module
from fhir_server.settings import Settings, SettingsError

FILE = """
url = "https://sas.example/fhir/"
identifier_system = "urn:oid:1.2.250.1.999.77"
"""


def settings_in(folder: Path, text: str = FILE, name: str = "pre-production") -> Settings:
    (folder / "notices").mkdir()
    (folder / "notices" / f"{name}.toml").write_text(text)
    given: Any = {"CRENEAU_CONFIG_DIR": str(folder)}
    return settings_module.load(given, demo=True, database_url=f"sqlite:///{folder}/x.db")


def test_defaults(tmp_path: Path) -> None:
    (found,) = load(settings_in(tmp_path), {})

    assert found == Notices("pre-production", "https://sas.example/fhir", "urn:oid:1.2.250.1.999.77", 10.0, None)
    assert (found.channel, found.route().destination) == ("sas:pre-production", "sas:pre-production")
    assert found.route().is_of_sas
    assert found.route().events == {
        f"appointment-{name}" for name in ("booked", "moved", "changed", "cancelled", "missed", "deleted")
    }


def test_the_environment_overrides_the_address(tmp_path: Path) -> None:
    given = {"CRENEAU_NOTICE_PRE_PRODUCTION_URL": "http://127.0.0.1:9/fhir"}
    (found,) = load(settings_in(tmp_path), given)

    assert found.url == "http://127.0.0.1:9/fhir"


def test_nobody_is_told_without_a_file(tmp_path: Path) -> None:
    assert load(settings_module.load({}, demo=True), {}) == ()
    assert load(settings_in(tmp_path, name="other"), {}) != ()


WRONG = {
    "no address": ({"identifier_system": "urn:oid:1.2"}, "url is missing"),
    "no system": ({"url": "https://sas.example"}, "identifier_system is missing"),
    "http": ({"url": "http://sas.example", "identifier_system": "urn:oid:1.2"}, "url: https, or http on this machine"),
    "a word unknown": ({"url": "https://a.example", "identifier_system": "u:o", "token": "1"}, "unknown member token"),
    "too long": (
        {"url": "https://a.example", "identifier_system": "u:o", "timeout_seconds": 31},
        "timeout_seconds is at most 30",
    ),
}


@pytest.mark.parametrize(("row", "problem"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be(row: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        notices("sas", row)


def test_check_names_the_file(tmp_path: Path) -> None:
    given = settings_in(tmp_path, FILE + '[tls]\ncertificate = "/nowhere.pem"\nkey = "/nowhere.key"\n')

    assert any(one.startswith("notices/pre-production.toml: tls: ") for one in commands.check(given))
    (tmp_path / "notices" / "pre-production.toml").write_text("url = 1")
    with pytest.raises(SettingsError, match=r"notices/pre-production\.toml"):
        load(given, {})


def test_the_example_can_be_used() -> None:
    text = Path(settings_module.__file__).parents[1] / "config" / "examples" / "notices" / "sas.toml"
    # Its certificates are named in a comment, to be uncommented once they are there.
    uncommented = re.sub(r"^# (?=\[tls\]|\w+ = )", "", text.read_text(), flags=re.MULTILINE)

    assert notices("sas", tomllib.loads(text.read_text())).tls is None
    assert notices("sas", tomllib.loads(uncommented)).tls is not None
