"""Client secrets: what verifies and what does not."""

import pytest

from fhir_server.auth.secrets import MAX_LENGTH, SecretCheck, hash_secret, is_secret_hash, verify_secret

SECRET = "a secret with é"
HASH = hash_secret(SECRET)


def test_a_hash_verifies_its_own_secret_only() -> None:
    assert [True, False, False] == [verify_secret(text, HASH) for text in (SECRET, "a secret", "")]


def test_two_hashes_of_one_secret_differ() -> None:
    assert HASH != hash_secret(SECRET)


@pytest.mark.parametrize(
    "secret_hash",
    ["", SECRET, "scrypt$16384$8$1$c2FsdA==", HASH.replace("16384", "16383"), HASH.replace("scrypt", "bcrypt")],
)
def test_a_hash_of_another_form_verifies_nothing(secret_hash: str) -> None:
    assert False is verify_secret(SECRET, secret_hash)


def test_a_very_long_secret_is_not_even_hashed() -> None:
    assert False is verify_secret("x" * (MAX_LENGTH + 1), HASH)


def test_a_lone_surrogate_is_a_wrong_secret() -> None:
    assert False is verify_secret("\ud800", HASH)


def test_form_of_a_hash() -> None:
    assert [True, False] == [is_secret_hash(HASH), is_secret_hash(SECRET)]


def test_what_is_remembered_falls_with_the_hash() -> None:
    check = SecretCheck(lambda: 1_000)
    other = hash_secret("another")

    assert [True, True, False] == [
        check.matches("a", SECRET, HASH),
        check.matches("a", SECRET, HASH),
        check.matches("a", SECRET, other),
    ]
