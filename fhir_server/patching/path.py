"""The FHIRPath that patches use: element names, indexes, `where()` and a few more functions.

Each expression is compiled into functions from places to places, so that what a path finds can be changed where it
stands. What of FHIRPath is not here is refused. https://hl7.org/fhirpath/N1/
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.patching.path_functions import (
    COMPARISONS,
    Expression,
    call,
    comparison,
    joined,
    literal,
    of_type,
)
from fhir_server.patching.place import children

#: Characters, tokens and parentheses of one path: what is compiled is as deep as the path is long.
MAX_LENGTH, MAX_TOKENS, MAX_NESTING = 2000, 256, 16

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`]+`|\$this)|(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)"
    r"|@(?P<date>[0-9T:.+Z-]+)|(?P<mark>!=|>=|<=|[.()\[\],=~<>]))"
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
#: Names by which any resource may be called at the start of a path.
_ANY_RESOURCE = ("Resource", "DomainResource")
#: Functions whose argument is the name of a type.
_BY_TYPE = ("ofType", "as")

Token = tuple[str, str]


@lru_cache(maxsize=1024)
def compile_path(text: str) -> Expression:
    """What `text` finds, starting from some places. Raises FhirError (VALUE) for what this server does not read."""
    if len(text) > MAX_LENGTH:
        raise fault(Category.VALUE, f"A path has at most {MAX_LENGTH} characters.")
    reader = _Reader(_tokens(text))
    expression = reader.either()
    if reader.kind:
        raise _unreadable()
    return expression


class _Reader:
    """A recursive descent over the tokens, each method one level of precedence."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._nesting = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._position][0] if self._position < len(self._tokens) else ""

    def either(self) -> Expression:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise _unreadable()
        left = self._both()
        while self._takes("name", "or"):
            left = joined(any, left, self._both())
        self._nesting -= 1
        return left

    def _both(self) -> Expression:
        left = self._compared()
        while self._takes("name", "and"):
            left = joined(all, left, self._compared())
        return left

    def _compared(self) -> Expression:
        left = self._chain()
        for sign, test in COMPARISONS.items():
            if self._takes("mark", sign):
                return comparison(test, left, self._chain())
        return left

    def _chain(self) -> Expression:
        expression = self._term()
        while True:
            if self._takes("mark", "."):
                expression = _then(expression, self._step(is_first=False))
            elif self._takes("mark", "["):
                expression = _then(expression, _item(_index(self._take("number"))))
                self._expect("]")
            else:
                return expression

    def _term(self) -> Expression:
        if self._takes("mark", "("):
            expression = self.either()
            self._expect(")")
            return expression
        if self.kind in _LITERALS:
            value = _LITERALS[self.kind](self._take(self.kind))
            return lambda _places: [literal(value)]
        return self._step(is_first=True)

    def _step(self, *, is_first: bool) -> Expression:
        name = self._take("name").strip("`")
        if name in _BY_TYPE and self._takes("mark", "("):
            return self._typed()
        if self._takes("mark", "("):
            argument = None if self._takes("mark", ")") else self.either()
            if argument is not None:
                self._expect(")")
            return call(name, argument)
        if name == "$this":
            return lambda places: places
        if is_first and name in ("true", "false"):
            return lambda _places: [literal(name == "true")]
        return _named(name) if is_first and name[0].isupper() else _element(name)

    def _typed(self) -> Expression:
        name = self._take("name")
        if self._takes("mark", "."):
            name = self._take("name")  # FHIR.dateTime
        self._expect(")")
        return of_type(name)

    def _takes(self, kind: str, text: str) -> bool:
        is_next = self._position < len(self._tokens) and self._tokens[self._position] == (kind, text)
        self._position += is_next
        return is_next

    def _take(self, kind: str) -> str:
        if self.kind != kind:
            raise _unreadable()
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _expect(self, mark: str) -> None:
        if not self._takes("mark", mark):
            raise _unreadable()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unreadable()
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    if len(tokens) > MAX_TOKENS:
        raise _unreadable()
    return tokens


def _index(text: str) -> int:
    if not text.isdigit():
        raise _unreadable()
    return int(text)


def _unreadable() -> FhirError:
    return fault(Category.VALUE, "The path is no FHIRPath that this server reads.")


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])


_LITERALS: Mapping[str, Callable[[str], Any]] = {"text": _unquoted, "number": Decimal, "date": str}


def _then(first: Expression, second: Expression) -> Expression:
    return lambda places: second(first(places))


def _element(name: str) -> Expression:
    return lambda places: [child for place in places for child in children(place, name)]


def _named(name: str) -> Expression:
    """A type at the start of a path: `Patient` of `Patient.name`."""
    return lambda places: [place for place in places if name == place.type or name in _ANY_RESOURCE]


def _item(index: int) -> Expression:
    return lambda places: places[index : index + 1]
