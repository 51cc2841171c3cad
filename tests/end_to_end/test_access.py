"""Access, of a server of several processes: what one of them is told counts in all of them at once."""

import json
import subprocess
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time

from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.supervise import creneau
from fhir_server.auth.assertions import ASSERTION_TYPE
from tests.end_to_end.conftest import Server

#: Enough that each of the workers gets some.
_MANY = 40


def run(server: Server, *words: str) -> str:
    result = subprocess.run(
        creneau(*words), env=server.environment, capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout


def statuses(server: Server, token: str) -> Counter[int]:
    """What many requests at once are answered, each over a connection of its own."""
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(server.fhir, "GET", "Organization/absent", token=token) for _ in range(_MANY)]
        return Counter(one.result().status for one in asked)


def test_what_is_taken_back_is_refused_by_every_process_at_once(server: Server) -> None:
    server.start("web")
    token, other = (server.token("demo-vendor") for _ in range(2))
    before = statuses(server, token)
    revoked = server.post("oauth/revoke", {"token": token}, "demo-vendor")

    assert ({404: _MANY}, 200) == (before, revoked.status)
    assert {401: _MANY} == statuses(server, token)

    run(server, "partner", "suspend", "demo-vendor")
    assert {401: _MANY} == statuses(server, other)

    run(server, "partner", "resume", "demo-vendor")
    assert {404: _MANY} == statuses(server, other)


def test_an_assertion_is_good_once_whichever_process_it_meets(server: Server, tmp_path: Path) -> None:
    server.start("web")
    key = ECKey.generate_key("P-384", {"kid": "mine"})
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    run(server, "partner", "add", "signer", "--name", "Signer", "--scope", "system/Slot.rs", "--jwks", str(file))
    now = int(time())
    claims = {"iss": "signer", "sub": "signer", "aud": f"{server.origin}/oauth/token", "exp": now + 60}
    claims["jti"] = str(uuid.uuid4())
    assertion = jwt.encode({"alg": "ES384", "kid": "mine"}, claims, key, algorithms=["ES384"])
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(server.post, "oauth/token", form) for _ in range(_MANY)]
        answers = [one.result() for one in asked]
    refused = [answer.content["error"] for answer in answers if answer.status != 200]

    assert {"invalid_client": _MANY - 1} == Counter(refused)


def test_signing_keys_are_exchanged_without_a_restart(server: Server) -> None:
    server.start("web")
    old = server.token("demo-vendor")
    run(server, "keys", "rotate")
    new = server.token("demo-vendor")
    both = [statuses(server, token) for token in (old, new)]
    heads = {token.partition(".")[0] for token in (old, new)}

    assert ([{404: _MANY}] * 2, 2) == (both, len(heads))

    run(server, "keys", "rotate", "--at-once")
    assert [{401: _MANY}] * 2 == [statuses(server, token) for token in (old, new)]
    assert {404: _MANY} == statuses(server, server.token("demo-vendor"))
