"""Client secrets: kept only as salted scrypt hashes (RFC 7914), compared in constant time."""

import base64
import hashlib
import hmac
import re
import secrets

from fhir_server.auth.cache import ExpiringCache
from fhir_server.kernel.clock import Clock

#: Longest secret looked at: scrypt first hashes the whole of it.
MAX_LENGTH = 256
#: How long a secret found right is not hashed again.
_REMEMBER_MS = 600_000
#: 16 MiB and about 50 ms a guess.
_COST, _BLOCK, _LANES = 1 << 14, 8, 1
_MAX_MEMORY = 64 << 20

# scrypt$16384$8$1$c2FsdA==$aGFzaA==
_HASH = re.compile(
    r"scrypt\$(?P<n>\d{1,6})\$(?P<r>\d{1,2})\$(?P<p>\d{1,2})\$(?P<salt>[\w+/=]{8,88})\$(?P<hash>[\w+/=]{24,88})"
)


def hash_secret(secret: str) -> str:
    """A salted hash of `secret` that `verify_secret` understands; another one at each call."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, maxmem=_MAX_MEMORY)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${_encode(salt)}${_encode(digest)}"


def verify_secret(secret: str, secret_hash: str) -> bool:
    """Whether `secret_hash` was made from `secret`. False for a secret too long or a hash of another form."""
    match = _HASH.fullmatch(secret_hash)
    if match is None or len(secret) > MAX_LENGTH:
        return False
    try:
        salt, expected = base64.b64decode(match["salt"]), base64.b64decode(match["hash"])
        digest = hashlib.scrypt(
            secret.encode("utf-8", "surrogatepass"),
            salt=salt,
            n=int(match["n"]),
            r=int(match["r"]),
            p=int(match["p"]),
            maxmem=_MAX_MEMORY,
            dklen=len(expected),
        )
    except ValueError:
        # Cost parameters that scrypt does not take, or text that is not base64.
        return False
    return hmac.compare_digest(digest, expected)


def is_secret_hash(text: str) -> bool:
    """Whether `text` has the form that `hash_secret` gives."""
    return _HASH.fullmatch(text) is not None


class SecretCheck:
    """`verify_secret` that remembers what was right, so that a client asking for tokens costs scrypt once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Keyed by a secret of this process: what is remembered tells nothing to who reads the memory alone.
        self._pepper = secrets.token_bytes(32)
        self._right: ExpiringCache[bytes, bool] = ExpiringCache(1024)

    def knows(self, client_id: str, secret: str, secret_hash: str) -> bool:
        """Whether that is the secret, as far as is remembered: False may mean that it was not asked yet."""
        return bool(self._right.get(self._key(client_id, secret, secret_hash), self._clock()))

    def matches(self, client_id: str, secret: str, secret_hash: str) -> bool:
        """Whether that is the secret. What is remembered holds the hash, so a changed one is checked anew."""
        if self.knows(client_id, secret, secret_hash):
            return True
        is_right = verify_secret(secret, secret_hash)
        if is_right:
            self._right.put(self._key(client_id, secret, secret_hash), True, self._clock() + _REMEMBER_MS)
        return is_right

    def _key(self, client_id: str, secret: str, secret_hash: str) -> bytes:
        text = "\0".join((client_id, secret_hash, secret))
        return hmac.digest(self._pepper, text.encode("utf-8", "surrogatepass"), "sha256")


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
