"""How a feed's connections are made: TLS, who may connect, MLLP release, times. Parsed from `[listen]` and `[send]`.

docs/feeds.md describes the members.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

Network = IPv4Network | IPv6Network

#: What is done with a message that its receiver answers AE: held for the operator, tried again, given up.
PARK, RETRY, SKIP = "park", "retry", "skip"
#: A delivery must end well before its lease does.
MAX_TIMEOUT, MAX_PAUSE = 30.0, 5.0
_IDLE = 3600.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of one side of a TLS connection, in PEM."""

    #: Our own certificate, with those that lead to its authority, and its key.
    certificate: str = ""
    key: str = ""
    #: Certificates of the authorities that the other side's must come from. A listener with them asks for one.
    authorities: str = ""
    #: Revocation lists of these authorities.
    revoked: str = ""

    def server_context(self) -> ssl.SSLContext:
        """For a listener; TLS 1.2 at least. Raises OSError for files that cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authorities or None)
        context.load_cert_chain(self.certificate, self.key)
        if self.authorities:
            context.verify_mode = ssl.CERT_REQUIRED
        return self._hardened(context)

    def client_context(self) -> ssl.SSLContext:
        """For a connection of ours; without `authorities` the system's are trusted. Raises OSError as above."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.authorities or None)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return self._hardened(context)

    def _hardened(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.revoked:
            context.load_verify_locations(self.revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return context


@dataclass(frozen=True, slots=True)
class Line:
    """What a listener asks of those who connect."""

    #: Networks that may connect; none: any.
    networks: tuple[Network, ...] = ()
    #: Common names, or SHA-256 fingerprints, of the certificates that may; none: any of the authorities'.
    certificates: frozenset[str] = frozenset()
    #: Release of MLLP: in 2 each message is confirmed by a commit block before its answer.
    release: int = 1
    #: Seconds without a byte after which a connection is closed.
    idle_seconds: float = _IDLE
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """How we connect to a partner's listener."""

    release: int = 1
    #: Seconds to wait for an answer.
    timeout_seconds: float = MAX_TIMEOUT
    #: Seconds between an answer and the next message, for receivers that need to breathe.
    pause_seconds: float = 0.0
    #: `park`, `retry` or `skip`: what to do after AE.
    on_error: str = PARK
    tls: Tls | None = None


def line(row: Mapping[str, Any]) -> Line:
    """The line of a `[listen]` section. Raises ValueError for a member that cannot be."""
    tls = _tls(row)
    certificates = frozenset(_plain(text) for text in row.get("certificates", ()))
    if certificates and (tls is None or not tls.authorities):
        raise ValueError(
            "listen.certificates needs listen.tls with authorities: only they make a certificate's name true"
        )
    if tls is not None and not (tls.certificate and tls.key):
        raise ValueError("listen.tls needs a certificate and its key")
    return Line(
        networks=tuple(ip_network(text, strict=False) for text in row.get("networks", ())),
        certificates=certificates,
        release=_release(row),
        idle_seconds=float(row.get("idle_seconds", _IDLE)),
        tls=tls,
    )


def wire(row: Mapping[str, Any]) -> Wire:
    """The wire of a `[send]` section. Raises ValueError for a member that cannot be."""
    on_error = str(row.get("on_error", PARK))
    if on_error not in (PARK, RETRY, SKIP):
        raise ValueError(f"send.on_error is one of {PARK}, {RETRY}, {SKIP}")
    return Wire(
        release=_release(row),
        timeout_seconds=_seconds(row, "timeout_seconds", MAX_TIMEOUT, MAX_TIMEOUT),
        pause_seconds=_seconds(row, "pause_seconds", 0.0, MAX_PAUSE),
        on_error=on_error,
        tls=_tls(row),
    )


def _seconds(row: Mapping[str, Any], name: str, default: float, most: float) -> float:
    seconds = float(row.get(name, default))
    if not 0 <= seconds <= most:
        raise ValueError(f"send.{name} is from 0 to {most:g}")
    return seconds


def _tls(row: Mapping[str, Any]) -> Tls | None:
    return Tls(**row["tls"]) if "tls" in row else None


def _release(row: Mapping[str, Any]) -> int:
    release = row.get("release", 1)
    if release not in (1, 2):
        raise ValueError("release of MLLP is 1 or 2")
    return int(release)


def _plain(text: str) -> str:
    """A fingerprint without colons, in lower case; a name as it is, in lower case."""
    bare = text.replace(":", "").lower()
    return bare if len(bare) == 64 and all(character in "0123456789abcdef" for character in bare) else text.lower()
