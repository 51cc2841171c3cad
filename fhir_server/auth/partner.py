"""One partner: an OAuth client, read from a file of TOML or a row of the table `partner`. docs/api.md describes it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from fhir_server.auth.jwks import PublicKey, UnusableKeyError, read_key
from fhir_server.auth.peer import PeerCertificate, canonical_dn
from fhir_server.auth.scopes import SYSTEM, USER, ScopeError, Scopes, of_context
from fhir_server.auth.secrets import is_secret_hash
from fhir_server.kernel.actor import MAX_HOLDS
from fhir_server.kernel.audiences import AUDIENCES, EVERYONE, HOLDERS
from fhir_server.kernel.origins import ORIGINS
from fhir_server.registry.resources import REGULATORS

CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: What a certificate may be known by (RFC 8705 section 2.1.2): one of these, by its name there.
CERTIFICATE_NAMES = ("subject_dn", "san_dns", "san_uri", "san_ip", "san_email")

#: The names under which the server itself owns rows, and keeps the accounts of SAS regulators.
_RESERVED = frozenset({"system", REGULATORS})
_TLS = "tls_client_auth_"
_BOUND = "tls_client_certificate_bound_access_tokens"
_KINDS: Mapping[str, type] = {
    "client_id": str,
    "owner": str,
    "name": str,
    "secret_hash": str,
    "former_secret_hash": str,
    "former_secret_until_ms": int,
    "jwks": dict,
    "jwks_uri": str,
    **{f"{_TLS}{name}": str for name in CERTIFICATE_NAMES},
    _BOUND: bool,
    "psc_client_id": str,
    "certificates": dict,
    "requests_per_second": int,
    "scopes": list,
    "reads": str,
    "demo": bool,
    "suspended": bool,
    "audiences": list,
    "direct_access": list,
    "max_holds": int,
    "origin": str,
}
#: Members that are lists of codes, and the codes there are.
_CODES: Mapping[str, Mapping[str, int]] = {"audiences": AUDIENCES, "direct_access": HOLDERS}
_REQUIRED = ("client_id", "name", "scopes")
_PROOFS = ("secret_hash", "jwks", "jwks_uri", "certificates", *(f"{_TLS}{name}" for name in CERTIFICATE_NAMES))
_MOST_HOLDS = 10_000
#: `reads` of an auditor, and the scopes it may have.
_AUDIT = "audit"
_OF_AUDIT = re.compile(r"system/AuditEvent\.[a-z]+")


#: The scopes of a partner that brings no professionals along.
NO_USER = Scopes({}, context=USER)


class PartnerError(ValueError):
    """A partner's file or row that cannot be used; the text says which and why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Partner:
    """One OAuth client."""

    client_id: str
    name: str
    #: Salted scrypt hash of the secret, as `secrets.hash_secret` makes it; empty for one without.
    secret_hash: str
    scopes: Scopes
    #: Reads and writes the rows of every partner, not only its own and what is shared.
    is_territory: bool = False
    #: Has a published secret: refused unless the server runs as a demonstration.
    is_demo: bool = False
    is_suspended: bool = False
    #: Codes of R314 whose slots it sees and takes.
    audiences: frozenset[str] = EVERYONE
    #: Holders in whose name it takes slots that are kept for them.
    direct_access: frozenset[str] = frozenset()
    #: How many slots it may hold at once without having booked them.
    max_holds: int = MAX_HOLDS
    #: What it may do for a professional that Pro Santé Connect knows.
    user_scopes: Scopes = NO_USER
    #: Its public keys, given inline.
    keys: tuple[PublicKey, ...] = ()
    #: Where it publishes its keys instead; empty for nowhere.
    jwks_uri: str = ""
    #: By what its certificate is known, as one pair of CERTIFICATE_NAMES and value; None for none.
    certificate: tuple[str, str] | None = None
    #: Its tokens are good over a connection with the certificate they were given over, and over no other.
    is_bound: bool = False
    #: Its client id at Pro Santé Connect.
    psc_client_id: str = ""
    #: The hash of the secret before this one, and until when (epoch milliseconds) it is taken too.
    former_secret: tuple[str, int] = ("", 0)
    #: Sees the audit trail, and nothing else.
    is_auditor: bool = False
    #: Common name and organisational unit of the one certificate it comes with, by environment; empty: it need not.
    subjects: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Requests a second of one web worker; None for what the settings say.
    requests_per_second: int | None = None
    #: In whose name it acts, if not its own: an organisation, whose partners and feeds see and change what each made.
    owner: str = ""
    #: Where its requests and bookings come from, for figures: one of `kernel.origins`.
    origin: str = "vendor"

    def comes_with(self, certificate: PeerCertificate | None, environment: str) -> bool:
        """Whether this is the certificate it must come with in an environment; any, or none, if nothing is said."""
        if not self.subjects:
            return True
        common_name, unit = self.subjects.get(environment, ("", ""))
        if certificate is None or not common_name:
            return False
        # One common name and no other: which of two would it be?
        return certificate.names.get("cn") == frozenset({common_name}) and unit in certificate.names.get("ou", ())

    @property
    def acts_for(self) -> str:
        """The owner of what it makes."""
        return self.owner or self.client_id

    def is_known_by(self, certificate: PeerCertificate, environment: str) -> bool:
        """Whether it may prove itself with this certificate."""
        if self.certificate is None:
            return bool(self.subjects) and self.comes_with(certificate, environment)
        kind, value = self.certificate
        return value in certificate.names.get(kind, ())


def parse(members: Any, source: str) -> Partner:
    """A partner from a file's or a row's members; `source` names it in errors. Raises PartnerError."""
    if not isinstance(members, dict):
        raise PartnerError(f"{source}: not a table")
    problem = next(_problems(members), None)
    if problem:
        raise PartnerError(f"{source}: {problem}")
    try:
        scopes, user_scopes = (Scopes.parse(_scopes(members, context), context) for context in (SYSTEM, USER))
        keys = tuple(read_key(jwk) for jwk in members.get("jwks", {}).get("keys", ()))
    except ScopeError as error:
        raise PartnerError(f"{source}: scopes: {error}") from None
    except UnusableKeyError as error:
        raise PartnerError(f"{source}: jwks: {error}") from None
    return Partner(
        client_id=members["client_id"],
        owner=members.get("owner", ""),
        name=members["name"],
        secret_hash=members.get("secret_hash", ""),
        scopes=scopes,
        is_territory=members.get("reads", "own") == "territory",
        is_auditor=members.get("reads") == _AUDIT,
        origin=members.get("origin", "cpts" if members.get("reads") == "territory" else "vendor"),
        is_demo=members.get("demo", False),
        is_suspended=members.get("suspended", False),
        audiences=frozenset(members.get("audiences", EVERYONE)),
        direct_access=frozenset(members.get("direct_access", ())),
        max_holds=members.get("max_holds", MAX_HOLDS),
        user_scopes=user_scopes,
        keys=keys,
        jwks_uri=members.get("jwks_uri", ""),
        certificate=next(_certificates(members), None),
        is_bound=members.get(_BOUND, False),
        psc_client_id=members.get("psc_client_id", ""),
        subjects={name: (one["cn"], one["ou"]) for name, one in members.get("certificates", {}).items()},
        requests_per_second=members.get("requests_per_second"),
        former_secret=(members.get("former_secret_hash", ""), members.get("former_secret_until_ms", 0)),
    )


def _scopes(members: Mapping[str, Any], context: str) -> str:
    """The scopes of a context; what is of neither goes to the system's, to be refused there."""
    if context == USER:
        return of_context(members["scopes"], USER)
    return " ".join(scope for scope in members["scopes"] if not scope.startswith(f"{USER}/"))


def _problems(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        if name not in _KINDS:
            yield f"unknown member {name}"
        elif not isinstance(value, _KINDS[name]):
            yield f"{name} is not of type {_KINDS[name].__name__}"
    yield from (f"{name} is missing" for name in _REQUIRED if name not in members)
    if CLIENT_ID.fullmatch(members["client_id"]) is None or members["client_id"] in _RESERVED:
        yield "client_id: letters, digits, '.', '_' and '-', at most 64, and not a reserved name"
    if "owner" in members and (CLIENT_ID.fullmatch(members["owner"]) is None or members["owner"] in _RESERVED):
        yield "owner: a name as client_id has it, and not a reserved one"
    if not members["scopes"] or not all(isinstance(scope, str) for scope in members["scopes"]):
        yield "scopes is not a list of scopes"
    if members.get("reads", "own") not in ("own", "territory", _AUDIT):
        yield "reads is none of own, territory, audit"
    if members.get("reads") == _AUDIT and not all(_OF_AUDIT.fullmatch(str(scope)) for scope in members["scopes"]):
        yield "who reads the audit has scopes of AuditEvent alone"
    if members.get("origin", "vendor") not in ORIGINS:
        yield f"origin is none of {', '.join(ORIGINS)}"
    if not 0 <= members.get("max_holds", MAX_HOLDS) <= _MOST_HOLDS:
        yield f"max_holds is not a number from 0 to {_MOST_HOLDS}"
    for name, codes in _CODES.items():
        if not all(isinstance(code, str) and code in codes for code in members.get(name, ())):
            yield f"{name} is not a list of {', '.join(codes)}"
    yield from _problems_of_proof(members)


def _problems_of_proof(members: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with how it is to prove who it is."""
    if not any(name in members for name in _PROOFS):
        yield "there is nothing to know it by: no secret_hash, jwks, jwks_uri or tls_client_auth_…"
    for name in ("secret_hash", "former_secret_hash"):
        if name in members and not is_secret_hash(members[name]):
            yield f"{name} is not a hash made by this server"
    if "jwks" in members and "jwks_uri" in members:
        yield "jwks and jwks_uri exclude each other"
    if "jwks" in members and not members["jwks"].get("keys"):
        yield "jwks has no keys"
    if "jwks_uri" in members and not _is_address(members["jwks_uri"]):
        yield "jwks_uri is not an https address"
    if not all(map(_is_subject, members.get("certificates", {}).values())):
        yield "certificates.<environment> has a cn and an ou, and nothing else"
    if members.get("requests_per_second", 1) < 0:
        yield "requests_per_second is not a number from 0"
    if len([name for name in CERTIFICATE_NAMES if f"{_TLS}{name}" in members]) > 1:
        yield f"more than one of {_TLS}…"
    try:
        list(_certificates(members))
    except ValueError:
        yield f"{_TLS}subject_dn is not a distinguished name"


def _certificates(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in CERTIFICATE_NAMES:
        value = members.get(f"{_TLS}{name}")
        if value is not None:
            yield name, _CANONICAL.get(name, str)(value)


_CANONICAL = MappingProxyType({"subject_dn": canonical_dn, "san_dns": str.lower})


def _is_subject(one: Any) -> bool:
    return isinstance(one, dict) and set(one) == {"cn", "ou"} and all(isinstance(x, str) and x for x in one.values())


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
