"""The platform of tests of `/sas` over real sockets: the request line goes out as it is written."""

import secrets
import time
from http.client import HTTPConnection

from tests.end_to_end.conftest import Server
from tests.end_to_end.rest.conftest import Api
from tests.sas_world import Json, Platform, Reply, World


def now_ms() -> int:
    """The present, as the server has it."""
    return time.time_ns() // 1_000_000


def world_at(agenda: Api) -> World:
    """Of a running server, published by a vendor."""

    def put(content: Json) -> None:
        answer = agenda.put(f"{content['resourceType']}/{content['id']}", content)
        assert answer.status_code in (200, 201), answer.text

    return World(put, now_ms)


def platform_at(server: Server, client_id: str = "demo-sas") -> Platform:
    """Of a running server."""
    token = server.token(client_id)

    def send(method: str, path: str, query: str, headers: dict[str, str]) -> Reply:
        connection = HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        connection.putrequest(method, f"{path}?{query}" if query else path, skip_accept_encoding=True)
        for name, text in {"Authorization": f"Bearer {token}", **headers}.items():
            connection.putheader(name, text)
        connection.endheaders()
        answer = connection.getresponse()
        reply = Reply(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    return Platform(send, now_ms)


def rpps() -> str:
    """A number that no other test uses."""
    return f"997{secrets.randbelow(10**8):08d}"
