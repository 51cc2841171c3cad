"""The bounded memory."""

from fhir_server.auth.cache import ExpiringCache


def test_a_value_lives_until_its_moment() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2)
    cache.put("a", 1, until_ms=100)

    assert [1, None, None] == [cache.get("a", 99), cache.get("a", 100), cache.get("b", 0)]


def test_the_oldest_goes_when_there_is_no_room() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2)
    for position, key in enumerate("abac"):
        cache.put(key, position, until_ms=100)

    assert [2, None, 2, 3] == [len(cache), cache.get("b", 0), cache.get("a", 0), cache.get("c", 0)]
