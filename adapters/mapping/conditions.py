"""The closed vocabulary of the `when` column: `present X`, `absent X`, `X in A B`, joined by `and`.

Inbound X is an HL7 path or the name of a segment, outbound an element path. `in` takes no notice of case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: `kind` is `present`, `absent` or `in`; `values` are folded."""

    kind: str
    path: str
    values: frozenset[str] = frozenset()


def parse(text: str) -> tuple[Clause, ...]:
    """The clauses of a `when` cell, none for an empty one. Raises ValueError for words outside the vocabulary.

    >>> parse("present SCH-25 and MSH-9.2 in S12 S13")[0]
    Clause(kind='present', path='SCH-25', values=frozenset())
    """
    return tuple(_clause(part.split()) for part in text.split(" and ")) if text.strip() else ()


def _clause(words: list[str]) -> Clause:
    if len(words) == 2 and words[0] in ("present", "absent"):
        return Clause(words[0], words[1])
    if len(words) > 2 and words[1] == "in":
        return Clause("in", words[0], frozenset(word.casefold() for word in words[2:]))
    raise ValueError(f"not a condition: {' '.join(words)!r}")


Reader = Callable[..., Any]
Test = Callable[..., bool]


def compile_when(clauses: tuple[Clause, ...], reader: Callable[[str], Reader]) -> Test | None:
    """A test of what the readers are given, or None when there is no condition. `reader` makes one for each path."""
    tests = [_test(clause, reader(clause.path)) for clause in clauses]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda *scope: first(*scope) and second(*scope)
    return lambda *scope: all(test(*scope) for test in tests)


def settle(clauses: tuple[Clause, ...], known: Mapping[str, str]) -> tuple[Clause, ...] | None:
    """The clauses left to test when some paths are known beforehand; None when they can never hold."""
    left = []
    for clause in clauses:
        if clause.path not in known:
            left.append(clause)
        elif not _test(clause, lambda: known[clause.path])():  # noqa: B023 - called at once
            return None
    return tuple(left)


def _test(clause: Clause, read: Reader) -> Test:
    if clause.kind == "present":
        return lambda *scope: bool(read(*scope))
    if clause.kind == "absent":
        return lambda *scope: not read(*scope)
    values = clause.values
    return lambda *scope: (read(*scope) or "").casefold() in values
