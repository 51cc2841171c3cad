"""Signing keys: made once, shared, and never shown whole."""

import json

from joserfc.jwk import ECKey

from fhir_server.auth.keys import Keys
from tests.unit.fhir_server.auth.memory import MemoryKeys, StillClock


def added(rows: MemoryKeys) -> str:
    """The id of a key that an operator added."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    rows.bodies[str(key.kid)] = json.dumps(key.as_dict(private=True))
    return str(key.kid)


def test_the_first_process_makes_the_key_and_the_others_find_it() -> None:
    rows = MemoryKeys()
    first, second = Keys(rows, StillClock()), Keys(rows, StillClock())
    kid = first.signing_key().kid

    assert (kid, 1) == (second.signing_key().kid, len(rows.bodies))


def test_a_key_made_elsewhere_meanwhile_is_found() -> None:
    clock, rows = StillClock(), MemoryKeys()
    keys = Keys(rows, clock)
    old = str(keys.signing_key().kid)
    new = added(rows)
    at_once = keys.find(new)
    clock.now_ms += 1_000

    assert (None, True, True) == (at_once, keys.find(new) is not None, keys.find(old) is not None)


def test_the_newest_key_signs() -> None:
    clock, rows = StillClock(), MemoryKeys()
    keys = Keys(rows, clock)
    keys.signing_key()
    new = added(rows)
    clock.now_ms += 60_000

    assert new == keys.signing_key().kid


def test_the_public_set_holds_no_private_member() -> None:
    keys = Keys(MemoryKeys(), StillClock())
    kid = keys.signing_key().kid
    [public] = json.loads(keys.public_set())["keys"]

    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(public)
    assert ("EC", "P-256", "sig", "ES256", kid) == tuple(public[name] for name in ("kty", "crv", "use", "alg", "kid"))
