"""HL7 v2 over HTTP: the pipeline of the MLLP ports behind a token."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.service import House, build_house, web_application
from fhir_server.settings import Settings

ER7 = "x-application/hl7-v2+er7"
PID = "PID|1||000777^^^SAMU-DEMO^PI||ESSAI^Élodie^^^^^L||19790328|F"


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    built = build_house(settings, pool_size=4)
    feeds = {
        "samu": replace(built.feeds["samu"], has_http=True, owner="demo-samu"),
        "hospital": replace(built.feeds["hospital"], owner="demo-samu"),
    }
    yield replace(built, feeds=feeds)
    built.services.close()


@pytest.fixture
def client(house: House) -> FlaskClient:
    return web_application(house).test_client()


def token(client: FlaskClient, client_id: str = "demo-samu") -> str:
    credentials = base64.b64encode(f"{client_id}:creneau-demo".encode()).decode()
    answer = client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {credentials}"}
    )
    return str(answer.get_json()["access_token"])


def person(charset: str = "UNICODE UTF-8", codec: str = "utf-8") -> bytes:
    header = rf"MSH|^~\&|LRM|SAMU-DEMO|CRENEAU|CPTS|20260302080000||ADT^A28^ADT_A05|M1|P|2.5|||||FRA|{charset}"
    return f"{header}\rEVN||20260302080000\r{PID}\r".encode(codec)


def post(
    client: FlaskClient, data: bytes, *, feed: str = "samu", kind: str = f"{ER7}; charset=utf-8", bearer: str = ""
) -> TestResponse:
    headers = {"Authorization": f"Bearer {bearer or token(client)}"}
    return client.post(f"/hl7v2/{feed}", data=data, content_type=kind, headers=headers)


def test_message_is_applied_and_answered(client: FlaskClient) -> None:
    answer = post(client, person())

    assert (answer.status_code, answer.content_type) == (200, f"{ER7}; charset=utf-8")
    assert read_acknowledgement(answer.data).code == "AA"


def test_same_message_over_both_ways_is_one(client: FlaskClient, house: House) -> None:
    assert house.receiver("samu").receive(person()) == post(client, person()).data


@pytest.mark.parametrize("kind", ["application/hl7-v2", "application/hl7-v2+er7", "text/plain", ER7])
def test_content_types(client: FlaskClient, kind: str) -> None:
    assert read_acknowledgement(post(client, person(), kind=kind).data).code == "AA"


def test_charset_of_the_request_goes_before_msh_18(client: FlaskClient, house: House) -> None:
    data = person(charset="8859/15")

    assert read_acknowledgement(post(client, data).data).code == "AA"
    found = client.get(
        "/fhir/Patient?family=essai", headers={"Authorization": f"Bearer {token(client, 'demo-coordinator')}"}
    )
    assert found.get_json()["entry"][0]["resource"]["name"][0]["given"] == ["Élodie"]


def test_refusal_is_an_answer_too(client: FlaskClient) -> None:
    answer = post(client, person().replace(b"A28^ADT_A05", b"Z77"))

    assert answer.status_code == 200
    assert read_acknowledgement(answer.data).code == "AR"


def test_without_token(client: FlaskClient) -> None:
    answer = client.post("/hl7v2/samu", data=person(), content_type=ER7)

    assert (answer.status_code, answer.mimetype) == (401, "text/plain")
    assert "Bearer" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("feed", "owner"), [("samu", "demo-vendor"), ("hospital", "demo-samu"), ("nowhere", "demo-samu")]
)
def test_feed_that_is_not_the_client_s(client: FlaskClient, feed: str, owner: str) -> None:
    answer = post(client, person(), feed=feed, bearer=token(client, owner))

    assert (answer.status_code, answer.mimetype) == (404, "text/plain")


@pytest.mark.parametrize("kind", ["application/json", "application/hl7-v2+xml", f"{ER7}; charset=klingon", ""])
def test_other_content(client: FlaskClient, kind: str) -> None:
    answer = post(client, person(), kind=kind)

    assert (answer.status_code, answer.mimetype) == (415, "text/plain")


def test_too_large(client: FlaskClient, house: House) -> None:
    too_large = person() + b"ZZZ|" + b"x" * house.services.settings.max_message_bytes

    assert (post(client, too_large).status_code, post(client, too_large).mimetype) == (413, "text/plain")


def test_what_is_no_message_is_answered_as_one(client: FlaskClient) -> None:
    assert b"MSA|AR" in post(client, b"hello").data
