"""The server with TLS of its own: both ports, of real processes."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.supervise import creneau
from tests.certificates import Authority
from tests.end_to_end.conftest import free_ports

CN, UNIT = "sas.platform.example", "318000000000001"
PARTNER = f"""
client_id = "platform"
name = "Platform"
scopes = ["system/*.rs"]
[certificates.recette]
cn = "{CN}"
ou = "{UNIT}"
"""


class Running:
    """One server under `creneau serve`."""

    def __init__(self, authority: Authority, http_port: int, mutual_port: int) -> None:
        self.authority, self.http_port, self.mutual_port = authority, http_port, mutual_port

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def status(self, port: int, path: str, context: ssl.SSLContext | None = None) -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context or self.context())
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


@pytest.fixture(scope="module")
def running(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("tls")
    authority, (first, second) = Authority(folder), free_ports(2)
    own = authority.leaf("127.0.0.1")
    for name in ("partners", "feeds"):
        (folder / name).mkdir()
    (folder / "partners" / "platform.toml").write_text(PARTNER)
    database = folder / "creneau.db"
    database.write_bytes(sqlite_template.read_bytes())
    settings = {
        "database_url": f"sqlite:///{database}",
        "http_port": first,
        "mutual_tls_port": second,
        "workers": 1,
        "environment": "recette",
        "tls_certificate": str(own.certificate),
        "tls_key": str(own.key),
        "tls_client_authorities": str(authority.certificate),
        "tls_client_revoked": str(authority.revocation_list()),
    }
    (folder / "creneau.toml").write_text("".join(f"{name} = {json.dumps(it)}\n" for name, it in settings.items()))
    environment = {"CRENEAU_CONFIG_DIR": str(folder), "PYTHONPATH": ":".join(sys.path), "PATH": ""}
    process = subprocess.Popen(creneau("serve"), env=environment, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"ready https://127.0.0.1:")
    yield Running(authority, first, second)
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    process.wait(40)


def test_the_port_for_everyone_speaks_tls_alone(running: Running) -> None:
    assert [200, 401] == [running.status(running.http_port, path) for path in ("/fhir/metadata", "/sas/Practitioner")]
    with socket.create_connection(("127.0.0.1", running.http_port), timeout=5) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in _received(plain)


def _received(plain: socket.socket) -> bytes:
    try:
        return plain.recv(1000)
    except ConnectionError:
        return b""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("version", "is_taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_versions_before_1_2_are_refused(running: Running, version: str, is_taken: bool) -> None:
    context = running.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        status = running.status(running.http_port, "/health", context)
    except (ssl.SSLError, ConnectionError):
        status = 0

    assert (200 if is_taken else 0) == status


def test_the_port_of_mutual_tls_knows_its_partner(running: Running) -> None:
    seen = []
    for unit in (UNIT, "318000000000002"):
        leaf, context = running.authority.leaf(CN, unit), running.context()
        context.load_cert_chain(leaf.certificate, leaf.key)
        path = "/sas/Practitioner?identifier=urn:oid:1.2.250.1.71.4.2.1%7C899700960018"
        seen.append(running.status(running.mutual_port, path, context))

    assert [200, 401] == seen
    with pytest.raises((ssl.SSLError, ConnectionError)):
        running.status(running.mutual_port, "/health")


def test_who_is_silent_is_closed_by_and_by(running: Running) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", running.http_port), timeout=45) as bare:
        wire = running.context().wrap_socket(bare, server_hostname="127.0.0.1")
        told = _received(wire)
        wire.close()

    assert b"" == told
    assert 45 > time.monotonic() - begun
