"""Addresses behind proxies, and pages of other origins."""

import pytest
from flask import Flask

from fhir_server.web import origins
from fhir_server.web.origins import Origins

ISSUER = "http://127.0.0.1:8080"
OWN = f"{ISSUER}/fhir"


@pytest.mark.parametrize(
    ("address", "forwarded", "expected"),
    [
        ("10.0.0.1", {"HOST": "cpts.example", "PROTO": "https"}, "https://cpts.example/fhir"),
        ("10.0.0.1", {"HOST": "cpts.example:8443", "PROTO": "https"}, "https://cpts.example:8443/fhir"),
        ("10.0.0.1", {"HOST": "[2001:db8::1]:80", "PROTO": "http"}, "http://[2001:db8::1]:80/fhir"),
        ("10.0.0.1", {"HOST": "spoofed.example, cpts.example"}, "http://cpts.example/fhir"),
        ("10.0.0.1", {"PROTO": "https"}, "https://127.0.0.1:8080/fhir"),
        ("192.168.1.7", {"HOST": "cpts.example"}, "http://cpts.example/fhir"),
        ("10.0.0.1", {}, OWN),
        # Not a proxy that is trusted, or no address at all.
        ("10.0.0.2", {"HOST": "evil.example", "PROTO": "https"}, OWN),
        ("", {"HOST": "evil.example"}, OWN),
        # Not the shape of a host or of a scheme.
        ("10.0.0.1", {"HOST": "a b"}, OWN),
        ("10.0.0.1", {"HOST": "a/b"}, OWN),
        ("10.0.0.1", {"HOST": "user@host"}, OWN),
        ("10.0.0.1", {"HOST": "a\r\nX: y"}, OWN),
        ("10.0.0.1", {"HOST": "cpts.example", "PROTO": "javascript"}, OWN),
    ],
)
def test_the_base_as_a_proxy_names_it(address: str, forwarded: dict[str, str], expected: str) -> None:
    environ = {"REMOTE_ADDR": address} | {f"HTTP_X_FORWARDED_{name}": value for name, value in forwarded.items()}

    assert expected == Origins(ISSUER, "10.0.0.1, 192.168.0.0/16").base_url(environ)


def test_nobody_is_trusted_unless_told() -> None:
    assert OWN == Origins(ISSUER, "").base_url({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_HOST": "x"})


def test_a_proxy_is_an_address() -> None:
    with pytest.raises(ValueError):
        Origins(ISSUER, "proxy.example")


def page(allowed: str) -> Flask:
    """An application with one address, open to pages of these origins."""
    app = Flask(__name__)
    app.add_url_rule("/x", "x", lambda: "x", provide_automatic_options=False)
    origins.register(app, allowed)
    return app


PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}


@pytest.mark.parametrize("allowed", ["https://app.example", "https://other.example, https://app.example", "*"])
def test_preflight(allowed: str) -> None:
    answer = page(allowed).test_client().options("/x", headers=PREFLIGHT)

    assert (204, "https://app.example", "Origin") == (
        answer.status_code,
        answer.headers["Access-Control-Allow-Origin"],
        answer.headers["Vary"],
    )
    assert {"PUT", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert {"Authorization", "If-Match", "If-None-Exist", "Prefer", "Content-Type"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_an_answer_to_a_page() -> None:
    answer = page("https://app.example").test_client().get("/x", headers={"Origin": "https://app.example"})

    assert (200, "https://app.example") == (answer.status_code, answer.headers["Access-Control-Allow-Origin"])
    assert {"ETag", "Location"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("allowed", ["", "https://other.example"])
def test_other_pages_are_not_let_in(allowed: str) -> None:
    client = page(allowed).test_client()
    answers = [client.options("/x", headers=PREFLIGHT), client.get("/x", headers={"Origin": "https://app.example"})]

    assert [405, 200] == [answer.status_code for answer in answers]
    assert not any("Access-Control-Allow-Origin" in answer.headers for answer in answers)
