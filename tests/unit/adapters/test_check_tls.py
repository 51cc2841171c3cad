"""`creneau check` reads the files of the server's TLS."""

from pathlib import Path

import pytest

from adapters.commands import check
from fhir_server.settings import SettingsError, load
from tests.certificates import Authority


def test_files_that_cannot_be_used_are_told(tmp_path: Path, sqlite_url: str) -> None:
    authority = Authority(tmp_path)
    own, other = authority.leaf("127.0.0.1"), authority.leaf("localhost")
    found = []
    for key in (own.key, other.key, tmp_path / "absent.key"):
        files = {"tls_certificate": str(own.certificate), "tls_key": str(key)}
        found.append([line for line in check(load({}, database_url=sqlite_url, **files)) if "TLS" in line])

    assert [0, 1, 1] == list(map(len, found))


@pytest.mark.parametrize(
    "settings",
    [
        {"tls_certificate": "own.pem"},
        {"tls_key": "own.key"},
        {"mutual_tls_port": 8444},
        {"mutual_tls_port": 8444, "tls_certificate": "own.pem", "tls_key": "own.key"},
        {"requests_per_second": -1},
        {"statement_seconds": 4000},
        {"keep_messages_days": -1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, str | int]) -> None:
    with pytest.raises(SettingsError):
        load({}, **settings)
