"""Settings come from the package, the operator's file and the environment, in that order."""

from pathlib import Path

import pytest

from fhir_server.settings import SettingsError, load


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "creneau.toml").write_text('http_port = 9000\nlog_level = "ERROR"\n')

    found = load({"CRENEAU_CONFIG_DIR": str(tmp_path), "CRENEAU_HTTP_PORT": "9001", "CRENEAU_DEMO": "yes"})

    assert (found.http_port, found.log_level, found.demo) == (9001, "ERROR", True)
    assert (found.base_url, found.is_sqlite) == ("http://127.0.0.1:9001/fhir", True)


def test_a_public_address_is_what_partners_are_told() -> None:
    assert load({"CRENEAU_PUBLIC_URL": "https://cpts.example/"}).base_url == "https://cpts.example/fhir"


def test_sqlite_gets_one_thread_and_postgresql_two() -> None:
    assert load({}).thread_count == 1
    assert load({}, database_url="postgresql://x/y").thread_count == 2


@pytest.mark.parametrize(
    ("environment", "file", "message"),
    [
        ({"CRENEAU_HTTP_PORT": "many"}, "", "http_port: 'many' is not a whole number"),
        ({"CRENEAU_DEMO": "perhaps"}, "", "demo: 'perhaps' is neither true nor false"),
        ({"CRENEAU_LOG_LEVEL": "LOUD"}, "", "log_level: 'LOUD' is none of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ({"CRENEAU_AUDIT": "never"}, "", "audit: 'never' is none of required, best-effort, off"),
        ({}, "colour = 1", "creneau.toml: unknown setting 'colour'"),
        ({}, 'http_port = "x"', "http_port: 'x' is not a whole number"),
        ({}, "request_log = 1", "request_log: 1 is not of type bool"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, environment: dict[str, str], file: str, message: str) -> None:
    (tmp_path / "creneau.toml").write_text(file)

    with pytest.raises(SettingsError) as caught:
        load({"CRENEAU_CONFIG_DIR": str(tmp_path), **environment})

    assert str(caught.value) == message


def test_events_wait_beside_a_sqlite_file_unless_told_otherwise() -> None:
    assert Path("/data/x.db-audit") == load({}, database_url="sqlite:////data/x.db").journal_folder
    assert Path("creneau-audit") == load({}, database_url="postgresql://x/y").journal_folder
    assert Path("creneau-audit") == load({}, database_url="sqlite://").journal_folder
    assert Path("/data") == load({}, audit_folder="/data").journal_folder


def test_the_secret_of_the_trail_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32 + "\n")
    (tmp_path / "short").write_text("k")

    assert (b"", b"k" * 32) == tuple(load({}, audit_key_file=name).audit_key() for name in ("", str(tmp_path / "key")))
    for name in ("short", "none"):
        with pytest.raises(SettingsError, match="audit_key_file"):
            load({}, audit_key_file=str(tmp_path / name)).audit_key()
