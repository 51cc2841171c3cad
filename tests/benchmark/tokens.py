"""Requests for access tokens: by a secret, and by assertions signed beforehand, each good once."""

import base64
import json
import time
from collections.abc import Iterator

from joserfc import jwt
from joserfc.jwk import ECKey

from fhir_server.auth.assertions import ASSERTION_TYPE
from fhir_server.storage.database import Database
from fhir_server.storage.partners import PartnerTable
from fhir_server.storage.unit_of_work import Store
from tests.benchmark.content import VENDOR
from tests.benchmark.http_client import FORM

#: More than are asked for in a second.
PER_SECOND = 1_500
_CLIENT, _KID = "bench-signer", "bench-1"
_KEY = ECKey.generate_key("P-384", {"kid": _KID})
_GRANT = "grant_type=client_credentials&scope=system/Slot.rs"
#: Seconds that an assertion is good for: longer than a measurement and its preparation.
_LIFE = 290


def by_secret() -> Iterator[bytes]:
    """The same request again and again."""
    credentials = base64.b64encode(f"{VENDOR}:creneau-demo".encode()).decode()
    request = _post(_GRANT, f"Authorization: Basic {credentials}\r\n")
    while True:
        yield request


def by_assertion(url: str, origin: str, count: int) -> list[bytes]:
    """Requests of a partner that is registered in that database, for the server of that address."""
    row = {
        "client_id": _CLIENT,
        "name": "Signer",
        "scopes": ["system/Slot.rs"],
        "jwks": {"keys": [_KEY.as_dict(private=False)]},
    }
    database = Database(url)
    PartnerTable(Store(database)).save(_CLIENT, json.dumps(row))
    database.close()
    return [
        _post(f"{_GRANT}&client_assertion_type={ASSERTION_TYPE}&client_assertion={it}") for it in _signed(origin, count)
    ]


def _signed(origin: str, count: int) -> Iterator[str]:
    now = int(time.time())
    for number in range(count):
        claims = {"iss": _CLIENT, "sub": _CLIENT, "aud": f"{origin}/oauth/token", "exp": now + _LIFE}
        claims["jti"] = f"{time.monotonic_ns()}-{number}"
        yield jwt.encode({"alg": "ES384", "kid": _KID}, claims, _KEY, algorithms=["ES384"])


def _post(form: str, headers: str = "") -> bytes:
    head = f"POST /oauth/token HTTP/1.1\r\nHost: bench\r\n{headers}Content-Type: {FORM}\r\n"
    return f"{head}Content-Length: {len(form)}\r\n\r\n{form}".encode()
