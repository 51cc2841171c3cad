"""Mutual TLS as the SAS platform uses it: who gets in by which certificate, over real sockets."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters import mutual_tls
from adapters.lines import Tls
from fhir_server.app import create_app
from fhir_server.bootstrap import Services
from fhir_server.storage.partners import PartnerTable
from tests.certificates import Authority, Leaf
from tests.contract.oauth import add_partner, handed_on
from tests.end_to_end.conftest import free_port

CN, UNIT = "sas.platform.example", "318000000000001"
QUERY = "/sas/Practitioner?identifier=urn:oid:1.2.250.1.71.4.2.1%7C899700960018"


@dataclass
class Port:
    """The running port, and the files of its authority."""

    number: int
    authority: Authority
    trusted: Path

    def context(self, leaf: Leaf | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.trusted))
        if leaf:
            context.load_cert_chain(leaf.certificate, leaf.key)
        return context

    def connect(self, leaf: Leaf | None) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.number, timeout=10, context=self.context(leaf))

    def status(self, leaf: Leaf | None, path: str = QUERY, **headers: str) -> int:
        connection = self.connect(leaf)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def port(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Port]:
    monkeypatch.setattr(mutual_tls, "_LOOK", 0.05)
    authority = Authority(tmp_path)
    own = authority.leaf("127.0.0.1")
    revoked = authority.revocation_list()
    context = Tls(str(own.certificate), str(own.key), str(authority.certificate), str(revoked)).server_context()
    number, stop = free_port(), threading.Event()
    options = mutual_tls.Options("127.0.0.1", number, context, revoked, 10_000, 2)
    thread = threading.Thread(target=mutual_tls.run, args=(create_app(services), options, stop.is_set))
    thread.start()
    add_partner(
        services,
        "platform",
        scopes=["system/*.rs"],
        certificates={"production": {"cn": CN, "ou": UNIT}, "recette": {"cn": f"recette.{CN}", "ou": UNIT}},
    )
    _wait(number)
    yield Port(number, authority, authority.certificate)
    stop.set()
    thread.join()


def _wait(number: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", number), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def test_sas_item_18_the_right_certificate_is_let_in_without_a_token(port: Port) -> None:
    assert 200 == port.status(port.authority.leaf(CN, UNIT))


@pytest.mark.parametrize(
    ("common_name", "unit"),
    [("other.example", UNIT), (CN, "318000000000002"), (CN, ""), (f"recette.{CN}", UNIT), (CN.upper(), UNIT)],
)
def test_sas_item_18_another_name_or_unit_is_nobody(port: Port, common_name: str, unit: str) -> None:
    assert 401 == port.status(port.authority.leaf(common_name, unit))


def test_elsewhere_than_at_sas_a_certificate_is_no_token(port: Port) -> None:
    assert 401 == port.status(port.authority.leaf(CN, UNIT), "/fhir/Practitioner")


def _refusals(port: Port, leaf: Leaf | None) -> type[Exception] | None:
    try:
        port.status(leaf)
    except (ssl.SSLError, ConnectionError) as error:
        return type(error)
    return None


def test_sas_item_18_no_certificate_another_authority_and_none_at_all_end_in_tls(port: Port, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    foreign = Authority(elsewhere, "Test authority").leaf(CN, UNIT)

    assert None is not _refusals(port, None)
    assert None is not _refusals(port, foreign)


def test_sas_item_18_a_revoked_certificate_counts_no_more_while_the_server_runs(port: Port) -> None:
    leaf = port.authority.leaf(CN, UNIT)
    kept = port.connect(leaf)
    kept.request("GET", QUERY)
    first = kept.getresponse()
    first.read()
    time.sleep(0.02)
    port.authority.revocation_list([leaf], number=2)
    deadline = time.monotonic() + 5
    while _refusals(port, leaf) is None and time.monotonic() < deadline:
        time.sleep(0.05)

    assert 200 == first.status
    assert None is not _refusals(port, leaf)
    assert 200 == port.status(port.authority.leaf(CN, UNIT))
    # The connection that was open is closed too: nobody goes on by what was so.
    assert None is kept.sock or b"" == kept.sock.recv(1)
    kept.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_sas_item_18_tls_1_1_is_refused_and_1_2_is_not(port: Port) -> None:
    leaf, seen = port.authority.leaf(CN, UNIT), []
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2):
        context = port.context(leaf)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        connection = http.client.HTTPSConnection("127.0.0.1", port.number, timeout=10, context=context)
        try:
            connection.request("GET", QUERY)
            seen.append(str(connection.getresponse().status))
        except (ssl.SSLError, ConnectionError):
            seen.append("refused")
        connection.close()

    assert ["refused", "200"] == seen


def test_a_suspended_partner_is_out_at_once(port: Port, services: Services) -> None:
    leaf = port.authority.leaf(CN, UNIT)
    before = port.status(leaf)
    PartnerTable(services.store).suspend("platform", is_suspended=True)
    time.sleep(0.15)
    services.store.database.clock.advance(2_000)  # type: ignore[attr-defined]

    assert (200, 401) == (before, port.status(leaf))


def test_a_certificate_in_a_header_is_nobodys(port: Port) -> None:
    right, other = port.authority.leaf(CN, UNIT), port.authority.leaf("other.example", UNIT)
    named = {**handed_on(right), "Client_Cert": next(iter(handed_on(right).values()))}

    assert 401 == port.status(other, **named)


def test_a_partner_with_certificates_gets_and_uses_tokens_with_them_alone(port: Port, services: Services) -> None:
    leaf, other = port.authority.leaf(CN, UNIT), port.authority.leaf("other.example", UNIT)
    answers = [_token(port, one) for one in (leaf, other)]
    token = {"Authorization": f"Bearer {answers[0][1]['access_token']}"}

    assert [200, 401] == [status for status, _ in answers]
    assert [200, 401] == [port.status(one, "/fhir/Practitioner", **token) for one in (leaf, other)]


def _token(port: Port, leaf: Leaf) -> tuple[int, dict[str, str]]:
    connection = port.connect(leaf)
    connection.request(
        "POST",
        "/oauth/token",
        "grant_type=client_credentials&client_id=platform",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_bodies_queries_and_long_bodies_pass_as_on_the_other_port(port: Port) -> None:
    leaf = port.authority.leaf(CN, UNIT)
    seen = []
    for body in (b"{}", b" " * 200_000):
        connection = port.connect(leaf)
        connection.request("POST", "/sas/Practitioner", body, {"Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        seen.append((answer.status, json.loads(answer.read())["resourceType"]))
        connection.close()

    assert [(403, "OperationOutcome"), (403, "OperationOutcome")] == seen
    assert 401 == port.status(leaf, "/fhir/Patient/%C3%A9?x=%C3%A9")


def test_who_is_silent_is_closed(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutual_tls, "IDLE", 0.2)
    connection = port.connect(port.authority.leaf(CN, UNIT))
    connection.connect()
    connection.sock.sendall(b"GET / HTTP/1.1\r\nHost:")
    connection.sock.settimeout(5)

    assert b"" == connection.sock.recv(1)
    connection.close()


def test_half_a_body_holds_up_nobody_and_ends(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutual_tls, "BODY", 0.5)
    leaf, waiting = port.authority.leaf(CN, UNIT), []
    for _ in range(6):
        connection = port.connect(leaf)
        connection.putrequest("POST", "/oauth/token")
        connection.putheader("Content-Length", "90")
        connection.endheaders(b"grant_type=")
        waiting.append(connection)

    assert 200 == port.status(leaf)
    assert {408} == {connection.getresponse().status for connection in waiting}
    for connection in waiting:
        connection.close()


def test_connections_beyond_the_limit_are_closed(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutual_tls, "MOST_CONNECTIONS", 2)
    leaf = port.authority.leaf(CN, UNIT)
    many = [port.connect(leaf) for _ in range(4)]
    for connection in many:
        connection.connect()
        connection.sock.settimeout(5)
    ended = [_is_ended(connection) for connection in many[2:]]

    assert [True, True] == ended
    for connection in many:
        connection.close()


def _is_ended(connection: http.client.HTTPSConnection) -> bool:
    return connection.sock.recv(1) == b""
