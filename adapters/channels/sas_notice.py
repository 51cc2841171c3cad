"""Tell the SAS platform of appointments over HTTPS, with our certificate, and judge its answers (INT_R03).

https://interop.esante.gouv.fr/ig/fhir/sas
"""

import http.client
from urllib.parse import quote, urlsplit

from adapters.channels.attempt import DELIVERED, Attempt
from adapters.notices import Notices
from fhir_server.kernel import json
from fhir_server.kernel.paths import first, read

_HEADERS = {"Content-Type": "application/fhir+json; charset=utf-8", "Accept": "application/fhir+json"}
#: Longest part of an answer that is read, in bytes, and longest reason that is kept, in characters.
_MOST, _LONGEST = 65_536, 200
#: Refusals of who asks or how often, not of what: the same may be accepted later.
_PASSING = frozenset({401, 403, 408, 425, 429})
_NOT_FOUND = 404


class SasNoticeChannel:
    """A connection to one platform, opened when first needed and again after any trouble."""

    def __init__(self, notices: Notices) -> None:
        address = urlsplit(notices.url)
        self._path = f"{address.path}/Appointment"
        host, port, seconds = address.hostname or "", address.port, notices.timeout_seconds
        self._connection: http.client.HTTPConnection
        if address.scheme == "http":
            self._connection = http.client.HTTPConnection(host, port, timeout=seconds)
        else:
            context = notices.tls.client_context() if notices.tls else None
            self._connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)

    def deliver(self, payload: bytes, *, is_new: bool) -> Attempt:
        """Send one notice: POST what the platform cannot know yet, else PUT by its identifier.

        What the platform does not know after all is posted: it was given up, or got lost there.
        """
        if is_new:
            return self._attempt("POST", self._path, payload)
        number = json.load(payload)["identifier"][0]
        token = quote(f"{number['system']}|{number['value']}", safe="")
        attempt = self._attempt("PUT", f"{self._path}?identifier={token}", payload)
        is_unknown = attempt.error is not None and attempt.error.startswith(f"answered {_NOT_FOUND}")
        return self._attempt("POST", self._path, payload) if is_unknown else attempt

    def close(self) -> None:
        """Close the connection; the next delivery opens another."""
        self._connection.close()

    def _attempt(self, method: str, target: str, payload: bytes) -> Attempt:
        try:
            self._connection.request(method, target, payload, _HEADERS)
            answer = self._connection.getresponse()
            status, body = answer.status, answer.read(_MOST)
            is_whole = answer.isclosed()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Attempt(False, error=f"The platform did not answer ({type(error).__name__}).", is_silent=True)
        if not is_whole:
            self.close()
        if status in (200, 201, 204):
            return DELIVERED
        return Attempt(False, status in _PASSING or status >= 500, f"answered {status} {_reason(body)}".strip())


def _reason(body: bytes) -> str:
    """What an OperationOutcome says, in short. It speaks of what we sent, which holds nothing of a patient."""
    try:
        issue = first(json.load(body), "issue")
    except ValueError:
        return ""
    told = (*read(issue, "code"), *read(issue, "expression"), *read(issue, "diagnostics"))
    return "".join(one for one in " ".join(map(str, told)) if one.isprintable())[:_LONGEST]
