"""Buckets: so many a second, twice as many at once, each partner by itself."""

import pytest

from fhir_server.auth.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_two_seconds_worth_at_once_then_the_rate(clock: Clock) -> None:
    rates = Rates(5, clock)
    burst = [rates.wait("one", None) for _ in range(11)]
    clock.now += 0.2
    later = [rates.wait("one", None) for _ in range(2)]

    assert [0.0] * 10 == burst[:10]
    assert 0.2 == pytest.approx(burst[10])
    assert 0.0 == later[0]
    assert later[1] > 0


def test_each_has_its_own_and_its_own_rate(clock: Clock) -> None:
    rates = Rates(1, clock)
    for _ in range(2):
        rates.wait("one", None)

    assert rates.wait("one", None) > 0
    assert 0.0 == rates.wait("two", None)
    assert [0.0] * 50 == [rates.wait("three", 0) for _ in range(50)]
    assert [0.0] * 20 == [rates.wait("four", 10) for _ in range(20)]
    assert rates.wait("four", 10) > 0


def test_who_is_refused_loses_nothing_by_asking(clock: Clock) -> None:
    rates = Rates(1, clock)
    waits = [rates.wait("one", None) for _ in range(20)]

    assert 1.0 == pytest.approx(waits[-1])
