"""Partners: found in files and rows, refused when suspended or out of their demo, and what a bad file says."""

from pathlib import Path
from typing import Any

import pytest

from fhir_server.auth import partners
from fhir_server.auth.partners import LOOKUP_MS, Partner, PartnerError, Partners
from fhir_server.auth.scopes import Scopes
from fhir_server.auth.secrets import hash_secret, verify_secret
from fhir_server.settings import load
from tests.unit.fhir_server.auth.memory import MemoryPartners, StillClock

HASH = hash_secret("good")
ROW: dict[str, Any] = {"client_id": "one", "name": "One", "secret_hash": HASH, "scopes": ["system/Slot.rs"]}


RSA_OF_1024 = {"kid": "1", "kty": "RSA", "e": "AQAB", "n": "y" * 171}
NO_POINT = {"kid": "1", "kty": "EC", "crv": "P-384", "x": "A", "y": "A"}


def write(folder: Path, **members: Any) -> None:
    row = ROW | members
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in row.items()
    ]
    (folder / f"{row['client_id']}.toml").write_text("\n".join(lines), "utf-8")


def test_a_file_is_found(tmp_path: Path) -> None:
    write(tmp_path, reads="territory")

    found = Partners([tmp_path], MemoryPartners()).lookup("one")

    assert Partner("one", "One", HASH, Scopes({"Slot": "rs"}), is_territory=True, origin="cpts") == found


def test_a_row_is_found_and_a_file_comes_before_it(tmp_path: Path) -> None:
    write(tmp_path, name="From the file")
    rows = MemoryPartners({"one": ROW, "two": ROW | {"client_id": "two"}})
    found = Partners([tmp_path / "absent", tmp_path], rows)

    assert ["From the file", "One", None] == [
        partner and partner.name for partner in map(found.lookup, ("one", "two", "three"))
    ]


@pytest.mark.parametrize("members", [{"suspended": True}, {"demo": True}])
def test_suspended_and_demo_partners_are_unknown(tmp_path: Path, members: dict[str, bool]) -> None:
    write(tmp_path, **members)

    assert None is Partners([tmp_path], MemoryPartners()).lookup("one")


def test_demo_partners_are_known_to_a_demo(tmp_path: Path) -> None:
    write(tmp_path, demo=True)

    assert None is not Partners([tmp_path], MemoryPartners(), is_demo=True).lookup("one")


@pytest.mark.parametrize("client_id", ["", ".", "..", "../one", "a/b", ".one", "x" * 65, "one\0", "é"])
def test_an_id_of_another_shape_opens_no_file(tmp_path: Path, client_id: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write(tmp_path)

    assert None is Partners([folder], MemoryPartners()).lookup(client_id)


def test_a_suspension_is_obeyed_within_a_second() -> None:
    clock = StillClock()
    rows = MemoryPartners({"one": ROW})
    found = Partners([], rows, clock=clock)
    before = found.lookup("one")
    rows.rows["one"] = ROW | {"suspended": True}
    clock.now_ms += LOOKUP_MS

    assert (True, None) == (before is not None, found.lookup("one"))


def test_a_suspension_by_command_counts_for_files_and_at_once(tmp_path: Path) -> None:
    write(tmp_path)
    rows = MemoryPartners()
    found = Partners([tmp_path], rows)
    before = found.lookup("one")
    rows.suspended.add("one")
    found.forget("one")

    assert (True, None) == (before is not None, found.lookup("one"))


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"scope": []}, "unknown member scope"),
        ({"name": 3}, "name is not of type str"),
        ({"scopes": []}, "scopes is not a list of scopes"),
        ({"scopes": [3]}, "scopes is not a list of scopes"),
        ({"scopes": ["system/Slot.sr"]}, "scopes: Scope number 1"),
        ({"secret_hash": "good"}, "secret_hash is not a hash"),
        ({"client_id": "a b"}, "client_id: letters"),
        ({"client_id": "system"}, "client_id: letters"),
        ({"reads": "all"}, "reads is none of own, territory, audit"),
        ({"jwks_uri": "ftp://example.org/keys"}, "jwks_uri is not an https address"),
        ({"jwks_uri": "https://me@example.org/keys"}, "jwks_uri is not an https address"),
        ({"jwks": {"keys": []}}, "jwks has no keys"),
        ({"jwks": {"keys": [{"kty": "EC"}]}}, "jwks: a key without kid"),
        ({"jwks": {"keys": [{"kid": "1", "kty": "oct", "k": "AAAA"}]}}, "jwks: a private key"),
        ({"jwks": {"keys": [{"kid": "1", "kty": "OKP"}]}}, "jwks: a key that signs nothing here"),
        (
            {"jwks": {"keys": [NO_POINT]}},
            "jwks: a key that cannot",
        ),
        ({"jwks": {"keys": [RSA_OF_1024]}}, "jwks: an RSA key of less than 2048 bits"),
        ({"jwks": {"keys": [{"kid": "1"}]}, "jwks_uri": "https://example.org"}, "jwks and jwks_uri exclude"),
        ({"tls_client_auth_san_dns": "a", "tls_client_auth_san_uri": "b"}, "more than one of tls_client_auth_"),
        ({"tls_client_auth_subject_dn": "no name"}, "tls_client_auth_subject_dn is not a distinguished name"),
        ({"former_secret_hash": "good"}, "former_secret_hash is not a hash"),
        ({"secret_hash": None}, "secret_hash is not of type str"),
    ],
)
def test_what_is_wrong_is_named(members: dict[str, Any], problem: str) -> None:
    with pytest.raises(PartnerError, match=f"^row: {problem}"):
        partners.parse(ROW | members, "row")


@pytest.mark.parametrize("name", ["client_id", "name", "scopes"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(PartnerError, match=f"{name} is missing"):
        partners.parse({key: value for key, value in ROW.items() if key != name}, "row")


def test_a_partner_that_nothing_proves_is_refused() -> None:
    with pytest.raises(PartnerError, match="there is nothing to know it by"):
        partners.parse({key: value for key, value in ROW.items() if key != "secret_hash"}, "row")


@pytest.mark.parametrize("members", [None, [], "text"])
def test_what_is_no_table_is_refused(members: Any) -> None:
    with pytest.raises(PartnerError):
        partners.parse(members, "row")


@pytest.mark.parametrize("text", ["client_id = ", "\ufeffx", 'client_id = "two"'])
def test_a_bad_file_is_named_and_its_partner_unknown(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "one.toml").write_text(text, "utf-8")
    found = Partners([tmp_path], MemoryPartners())

    assert None is found.lookup("one")
    assert "partners/one.toml" in caplog.text
    with pytest.raises(PartnerError, match=r"partners/one.toml"):
        list(found.registered())


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "one.toml").rename(tmp_path / "two.toml")

    with pytest.raises(PartnerError, match=r"must be named one.toml"):
        list(Partners([tmp_path], MemoryPartners()).registered())


def test_the_demo_partners_share_the_published_secret_and_are_all_demo() -> None:
    settings = load({}, demo=True)
    found = Partners(partners.folders(settings), MemoryPartners(), is_demo=True)
    registered = {partner.client_id: partner for partner in found.registered() if partner.is_demo}

    assert {"demo-vendor", "demo-vendor-2", "demo-agenda", "demo-samu", "demo-coordinator"} <= set(registered)
    assert set(registered) == {id_ for id_, it in registered.items() if verify_secret("creneau-demo", it.secret_hash)}
    assert ["demo-coordinator"] == [id_ for id_, partner in registered.items() if partner.is_territory]


def test_without_a_demo_no_demo_folder_is_read() -> None:
    assert 1 == len(partners.folders(load({}, demo=False)))
