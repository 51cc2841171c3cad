"""The chain of the audit trail: each event's hash covers the hash before it, so none can be changed or taken out.

docs/decisions/0024-an-audit-trail-in-a-chain.md says what it holds against, with and without a key.
"""

import hmac

#: What the first event follows.
GENESIS = "0" * 64


def link(key: bytes, previous: str, number: int, line: str) -> str:
    """The hash of an event: HMAC-SHA-256 over the hash before it, its number and its line, in hexadecimal.

    With an empty key anybody can compute it, as a plain SHA-256.
    """
    return hmac.digest(key, f"{previous}\n{number}\n{line}".encode(), "sha256").hex()
