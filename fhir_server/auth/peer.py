"""The client certificate of a connection, as mutual TLS proved it (RFC 8705).

Where TLS ends in our own port of mutual TLS, the certificate stands in the environment of the request. Where it ends at
a proxy in front, that hands it on in a header, which is believed from a trusted proxy alone and only when the operator
has named it. Either form is read: RFC 9440 (`:base64 of the DER:`) and percent-encoded PEM.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fhir_server.kernel.networks import Networks

#: Where the port of mutual TLS puts the certificate (DER). What clients send has keys that begin with `HTTP_`.
ENVIRON_KEY = "creneau.client_certificate"
#: Longest header read. A certificate with many names needs a fourth of it.
_MAX_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A client certificate whose chain whoever ended the TLS has checked."""

    #: base64url of the SHA-256 of its DER form: `x5t#S256`.
    thumbprint: str
    #: What RFC 8705 section 2.1.2 lets a client be known by, with the values of this certificate.
    names: Mapping[str, frozenset[str]]


class Peers:
    """Where the certificate of a request is found."""

    def __init__(self, header: str, proxies: Networks) -> None:
        """`header`: the name of the proxies' header, empty for none."""
        self._key = f"HTTP_{header.upper().replace('-', '_')}" if header else ""
        self._proxies = proxies

    def certificate(self, environ: Mapping[str, Any]) -> PeerCertificate | None:
        """The certificate of the client at the other end; None without one, or when who tells of it is not trusted."""
        own = environ.get(ENVIRON_KEY)
        if own is not None:
            return _read_der(own)
        text = environ.get(self._key, "") if self._key else ""
        if not text or len(text) > _MAX_LENGTH or environ.get("REMOTE_ADDR", "") not in self._proxies:
            return None
        return _read(text)


@lru_cache(maxsize=256)
def _read(text: str) -> PeerCertificate | None:
    try:
        found = _from_der(text) if text.startswith(":") else x509.load_pem_x509_certificate(unquote_to_bytes(text))
        return of(found)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=256)
def _read_der(octets: bytes) -> PeerCertificate | None:
    try:
        return of(x509.load_der_x509_certificate(octets))
    except ValueError:
        return None


def _from_der(text: str) -> x509.Certificate:
    # :MIIB…:
    return x509.load_der_x509_certificate(base64.b64decode(text.strip(":"), validate=True))


def of(certificate: x509.Certificate) -> PeerCertificate:
    """What is to be known of a certificate."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    thumbprint = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    names: dict[str, set[str]] = {}
    for kind, value in _names(certificate):
        names.setdefault(kind, set()).add(value)
    return PeerCertificate(thumbprint, {kind: frozenset(values) for kind, values in names.items()})


def canonical_dn(text: str) -> str:
    """A distinguished name (RFC 4514) as certificates are compared by. Raises ValueError for what is none."""
    return x509.Name.from_rfc4514_string(text).rfc4514_string()


def _names(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    yield "subject_dn", certificate.subject.rfc4514_string()
    for kind, oid in (("cn", NameOID.COMMON_NAME), ("ou", NameOID.ORGANIZATIONAL_UNIT_NAME)):
        yield from ((kind, str(one.value)) for one in certificate.subject.get_attributes_for_oid(oid))
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from (("san_dns", name.lower()) for name in names.get_values_for_type(x509.DNSName))
    yield from (("san_uri", name) for name in names.get_values_for_type(x509.UniformResourceIdentifier))
    yield from (("san_ip", str(name)) for name in names.get_values_for_type(x509.IPAddress))
    yield from (("san_email", name) for name in names.get_values_for_type(x509.RFC822Name))
