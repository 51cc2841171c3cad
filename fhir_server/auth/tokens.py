"""Access tokens: signed JWTs (RFC 9068), short-lived, verified once and then remembered.

Which of them were revoked, `auth.changes` knows. A token for a professional has a `sub` other than its client.
"""

import hashlib
import re
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, GuestProtocol

from fhir_server.auth.challenge import invalid_token
from fhir_server.auth.claims import Claims
from fhir_server.auth.keys import ALGORITHM, Keys
from fhir_server.auth.scopes import MAX_LENGTH as MAX_SCOPES_LENGTH
from fhir_server.auth.scopes import SYSTEM, USER, ScopeError, Scopes
from fhir_server.kernel.ids import new_id

#: Longest token read: header, signature and claims with the longest scopes fit.
MAX_LENGTH = 2 * MAX_SCOPES_LENGTH
#: How long a verified token is not verified again.
_REMEMBER_MS = 60_000
_TYPE = "at+jwt"
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def issue(
    keys: Keys,
    *,
    issuer: str,
    audience: str,
    client_id: str,
    scopes: Scopes,
    seconds: int,
    user: str = "",
    thumbprint: str = "",
) -> str:
    """A signed access token for `client_id`, good for `seconds` from now.

    `user` is whom it acts for, `thumbprint` the certificate that the token is bound to (RFC 8705 section 3.1).
    """
    now = keys.clock() // 1000
    key = keys.signing_key()
    claims = {
        "iss": issuer,
        "sub": user or client_id,
        "client_id": client_id,
        "aud": audience,
        "jti": new_id(),
        "iat": now,
        "exp": now + seconds,
        "scope": str(scopes),
        **({"cnf": {"x5t#S256": thumbprint}} if thumbprint else {}),
    }
    return jwt.encode({"alg": ALGORITHM, "typ": _TYPE, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def verify(keys: Keys, token: str, *, issuer: str, audience: str) -> Claims:
    """The claims of a token that this server signed for itself. Raises FhirError (LOGIN, with its challenge)."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    now = keys.clock()
    known = keys.verified.get(digest, now)
    if known is not None:
        return known
    claims = _verify(keys, token, issuer, audience, now)
    keys.verified.put(digest, claims, min(claims.expires_ms, now + _REMEMBER_MS))
    return claims


def _verify(keys: Keys, token: str, issuer: str, audience: str, now_ms: int) -> Claims:
    if len(token) > MAX_LENGTH or _TOKEN.fullmatch(token) is None:
        raise invalid_token("The access token is not a signed JWT.")

    def key_of(signature: GuestProtocol) -> ECKey:
        key = keys.find(str(signature.headers().get("kid")))
        if key is None:
            raise invalid_token("The access token is signed with an unknown key.")
        return key

    # An algorithm is never taken from the token: it must be the one of our keys.
    try:
        decoded = jwt.decode(token, key_of, algorithms=[ALGORITHM])
        _expected(issuer, audience, now_ms).validate(decoded.claims)
    except ExpiredTokenError:
        raise invalid_token("The access token has expired.") from None
    except (JoseError, ValueError):
        raise invalid_token("The access token does not verify.") from None
    if decoded.header.get("typ") != _TYPE:
        raise invalid_token("The token is not an access token.")
    return _claims(decoded.claims)


def _expected(issuer: str, audience: str, now_ms: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now_ms // 1000,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
        client_id={"essential": True},
        scope={"essential": True},
        jti={"essential": True},
    )


def _claims(claims: dict[str, Any]) -> Claims:
    try:
        context, client_id, subject = USER, str(claims["client_id"]), str(claims["sub"])
        if subject == client_id:
            context, subject = SYSTEM, ""
        return Claims(
            client_id,
            Scopes.parse(str(claims["scope"]), context),
            int(claims["exp"]) * 1000,
            str(claims["jti"]),
            subject,
            str(claims.get("cnf", {}).get("x5t#S256", "")),
            int(claims.get("iat", 0)) * 1000,
        )
    except ScopeError:
        raise invalid_token("The access token holds a scope that is not defined.") from None
