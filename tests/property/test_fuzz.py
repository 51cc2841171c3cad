"""A slice of `python -m tests.fuzz`: spoiled messages bring out nothing but a FhirError."""

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.run import hospital, run, taken

SLICE = 3_000


def test_spoiled_messages_are_taken_or_refused() -> None:
    outcome = run(range(SLICE))

    assert [] == outcome.crashes
    assert SLICE <= outcome.outcomes.total()
    # The spoiling is not so heavy that nothing gets through to the mapping.
    assert outcome.outcomes["applied"] > SLICE // 10


def test_the_same_number_spoils_the_same_way() -> None:
    assert mutated(7) == mutated(7)
    assert len({mutated(number) for number in range(50)}) > 40


def test_what_breaks_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    tables, feed = hospital()
    monkeypatch.setattr("tests.fuzz.run.translate", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        list(taken(b"MSH|^~\\&|A|||||||ADT^A01|1|P|2.5\r", tables, feed, is_thorough=False))
