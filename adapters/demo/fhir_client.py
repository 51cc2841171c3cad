"""One partner's conversation with the server over HTTP: a token first, then FHIR."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

#: Seconds to wait for an answer.
_TIMEOUT = 30

_NO_PARAMETERS = {"resourceType": "Parameters"}

#: Search parameters in order; one may be given several times.
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    content: dict[str, Any]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The matches of a searchset, without what was included."""
        found = self.content.get("entry", [])
        return [entry["resource"] for entry in found if entry.get("search", {}).get("mode", "match") == "match"]

    @property
    def issue_codes(self) -> list[str]:
        """The codes of an OperationOutcome's issues."""
        return [issue["code"] for issue in self.content.get("issue", [])]


@dataclass(slots=True)
class FhirClient:
    """Speaks as one partner. Raises OSError when the server cannot be reached."""

    base_url: str
    token_url: str
    client_id: str
    secret: str
    _token: str = field(default="", repr=False)

    def authorize(self) -> Answer:
        """Ask for a token by client credentials (RFC 6749 section 4.4) and keep it for the requests to come."""
        answer = self._post(self.token_url, {"grant_type": "client_credentials"})
        self._token = answer.content.get("access_token", "")
        return answer

    def revoke(self) -> Answer:
        """Take back the token kept (RFC 7009), and go on as if it were good."""
        return self._post(self.token_url.removesuffix("token") + "revoke", {"token": self._token})

    def _post(self, url: str, form: Mapping[str, str]) -> Answer:
        credentials = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"}
        return _request("POST", url, headers, urlencode(form).encode())

    def read(self, reference: str) -> Answer:
        """Read `Type/id`."""
        return self._ask("GET", f"/{reference}")

    def search(self, type_name: str, pairs: Pairs) -> Answer:
        """Search a type; the first page."""
        return self._ask("GET", f"/{type_name}?{urlencode(pairs)}")

    def create(self, resource: dict[str, Any]) -> Answer:
        """Create a resource."""
        return self._ask("POST", f"/{resource['resourceType']}", json.dumps(resource).encode())

    def put(self, resource: dict[str, Any]) -> Answer:
        """Create or replace a resource under its own id."""
        return self._ask("PUT", f"/{resource['resourceType']}/{resource['id']}", json.dumps(resource).encode())

    def operate(self, path: str, asked: Mapping[str, Any] = _NO_PARAMETERS) -> Answer:
        """Call an operation with its Parameters: `Schedule/1/$generate-slots`."""
        return self._ask("POST", f"/{path}", json.dumps(asked).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        if not self._token:
            self.authorize()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/fhir+json"}
        if body is not None:
            headers |= {"Content-Type": "application/fhir+json", "Prefer": "return=representation"}
        return _request(method, self.base_url + path, headers, body)


def _request(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, _object(response.read()))
    finally:
        connection.close()


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; an answer without one is an empty object."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
