"""The whole server, running as its own processes over a fresh database of each kind."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.acknowledge import answers
from adapters.mllp.client import Client
from adapters.supervise import creneau, wait_until_ready

SECRET = "creneau-demo"


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    content: Any


@dataclass
class Server:
    """Processes of one server, and how to speak with them."""

    environment: dict[str, str]
    http_port: int
    hospital_port: int
    samu_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self, *names: str) -> None:
        for name in names:
            self.processes[name] = subprocess.Popen(creneau(name), env=self.environment, start_new_session=True)
        ports = [("127.0.0.1", port) for port in (self.hospital_port, self.samu_port) if "listen" in names]
        urls = [f"{self.origin}/ready"] if "web" in names else []
        assert wait_until_ready(urls, ports, self._has_failed)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a process and its children a signal; returns its exit code."""
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        return process.wait(30)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name, signal.SIGTERM)

    def token(self, client_id: str, secret: str = SECRET) -> str:
        form = {"grant_type": "client_credentials"}
        return str(self.post("oauth/token", form, client_id, secret).content["access_token"])

    def post(self, path: str, form: dict[str, str], client_id: str = "", secret: str = SECRET) -> Answer:
        """The answer to a form, of a client that proves itself by its secret if it is named."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client_id:
            credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        return self._send("POST", f"{self.origin}/{path}", urllib.parse.urlencode(form).encode(), headers)

    def fhir(self, method: str, path: str, content: Any = None, *, token: str, **headers: str) -> Answer:
        """One FHIR request; header names with `_` for `-`."""
        body = None if content is None else json.dumps(content).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {token}"}
        if body is not None:
            sent.setdefault("Content-Type", "application/fhir+json")
        return self._send(method, f"{self.origin}/fhir/{path}", body, sent)

    def hl7(self, port: int, message: bytes) -> bytes:
        """The answer to one message over MLLP."""
        with Client("127.0.0.1", port, 30, answers=answers) as client:
            return client.send(message)

    def _has_failed(self) -> bool:
        return any(process.poll() is not None for process in self.processes.values())

    @staticmethod
    def _send(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _answer(refusal.code, refusal.headers, refusal.read())


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, dict(headers), json.loads(body) if body else None)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, no two the same."""
    with ExitStack() as opened:
        probes = [opened.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server that has not started anything yet; stopped at the end."""
    ports = free_ports(4)
    environment = os.environ | {
        "CRENEAU_DATABASE_URL": database_url,
        "CRENEAU_AUDIT_FOLDER": str(tmp_path / "audit"),
        "CRENEAU_DEMO": "true",
        "CRENEAU_WORKERS": "2",
        "CRENEAU_HTTP_PORT": str(ports[0]),
        "CRENEAU_FEED_HOSPITAL_PORT": str(ports[1]),
        "CRENEAU_FEED_SAMU_PORT": str(ports[2]),
        "CRENEAU_FEED_HOSPITAL_SEND_PORT": str(ports[3]),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    running = Server(environment, *ports[:3])
    yield running
    running.stop()
