"""One partner's HTTP: a token first, kept for what follows, and answers that are read whatever they are."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from adapters.demo.fhir_client import Answer, FhirClient


class Recorder(ThreadingHTTPServer):
    """Answers as told, path by path, and remembers what it was asked."""

    answers: dict[str, tuple[int, bytes]]
    asked: list[tuple[str, str, dict[str, str], bytes]]


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, content = self.server.answers[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder(("127.0.0.1", 0), _Handler) as recorder:
        recorder.asked = []
        recorder.answers = {"/oauth/token": (200, b'{"access_token": "abc", "token_type": "Bearer"}')}
        thread = Thread(target=recorder.serve_forever)
        thread.start()
        yield recorder
        recorder.shutdown()
        thread.join()


def client_of(server: Recorder) -> FhirClient:
    base = f"http://127.0.0.1:{server.server_port}"
    return FhirClient(f"{base}/fhir", f"{base}/oauth/token", "demo-vendor", "creneau-demo")


def test_the_token_is_asked_once_by_client_credentials(server: Recorder) -> None:
    server.answers["/fhir/Slot/a"] = (200, b"{}")
    client = client_of(server)
    client.read("Slot/a")
    client.read("Slot/a")

    assert ["/oauth/token", "/fhir/Slot/a", "/fhir/Slot/a"] == [path for _, path, _, _ in server.asked]
    assert "Basic ZGVtby12ZW5kb3I6Y3JlbmVhdS1kZW1v" == server.asked[0][2]["Authorization"]
    assert b"grant_type=client_credentials" == server.asked[0][3]
    assert "Bearer abc" == server.asked[2][2]["Authorization"]


def test_search_parameters_are_encoded(server: Recorder) -> None:
    path = "/fhir/Slot?start=ge2026-01-05T18%3A00%3A00%2B01%3A00&status=free"
    server.answers[path] = (200, b"{}")

    answer = client_of(server).search("Slot", [("start", "ge2026-01-05T18:00:00+01:00"), ("status", "free")])

    assert 200 == answer.status


def test_a_resource_is_posted_as_fhir_json(server: Recorder) -> None:
    server.answers["/fhir/Patient"] = (201, b'{"resourceType": "Patient", "id": "1"}')

    answer = client_of(server).create({"resourceType": "Patient"})

    assert Answer(201, {"resourceType": "Patient", "id": "1"}) == answer
    assert "application/fhir+json" == server.asked[-1][2]["Content-Type"]
    assert {"resourceType": "Patient"} == json.loads(server.asked[-1][3])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]"], ids=["empty", "no-json", "no-object"])
def test_an_answer_without_an_object_is_empty(server: Recorder, body: bytes) -> None:
    server.answers["/fhir/Slot/a"] = (502, body)

    assert Answer(502, {}) == client_of(server).read("Slot/a")


def test_matches_are_told_from_what_was_included() -> None:
    entries = [
        {"resource": {"id": "1"}, "search": {"mode": "match"}},
        {"resource": {"id": "2"}, "search": {"mode": "include"}},
    ]

    assert [{"id": "1"}] == Answer(200, {"entry": entries}).entries


def test_issue_codes_of_an_outcome() -> None:
    assert ["conflict"] == Answer(409, {"issue": [{"severity": "error", "code": "conflict"}]}).issue_codes
    assert [] == Answer(200, {}).issue_codes
