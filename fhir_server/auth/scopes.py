"""SMART scopes: `system/Slot.rs`, the older `system/Slot.read`, `user/Slot.rs`, and `system/Slot.rs?status=free`.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html. A system acts with `system/` scopes, a
professional that a system vouches for with `user/`; no token has both. Scopes of a patient are not served: like every
other form that is not understood they are refused, never half understood. `creneau/ins.read` is our own, of either.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from fhir_server.kernel.actor import Restriction
from fhir_server.registry.ins import SCOPE as INS

#: create, read, update, delete, search: the order in which the standard wants them.
LETTERS = "cruds"
#: The letter that each FHIR interaction needs on its type; those with the whole server ask for it type by type.
LETTER_OF: Mapping[str, str] = {
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "history-type": "s",
    "search-type": "s",
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
}
#: Longest text of scopes that is read. The territory's widest client needs a tenth of it.
MAX_LENGTH = 4096
#: Who acts: a system by itself, or for a professional.
SYSTEM, USER = "system", "user"

#: The older suffixes, and what they stand for.
_SUFFIXES = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(
    r"(?P<context>system|user)/(?P<type>\*|[A-Z][A-Za-z]{0,63})\.(?P<suffix>read|write|\*|c?r?u?d?s?)"
    r"(?:\?(?P<search>.+))?"
)
#: A search parameter by itself: no modifier, no chain, nothing about the answer.
_SIMPLE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|_id|_lastUpdated|_tag|_security|_profile|_source")
#: Marks of a search that a scope may hold as they are (RFC 6749 section 3.3 has no quotes and backslashes).
_PLAIN = ":/|,.-_~"


class ScopeError(ValueError):
    """A scope that the standard or this server does not define. Its text is fit for an OAuth error description."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a client may do: letters of `cruds` for each resource type, `*` standing for every type."""

    letters: Mapping[str, str]
    #: What it may do with some resources of a type alone.
    restrictions: tuple[Restriction, ...] = ()
    context: str = field(default=SYSTEM, kw_only=True)
    #: Whether it may read national health identities too.
    reads_ins: bool = field(default=False, kw_only=True)

    @classmethod
    def parse(cls, text: str, context: str = SYSTEM) -> "Scopes":
        """Read scopes of one context separated by spaces; several of one type are united.

        Raises ScopeError for any undefined form, and for a scope of another context.

        >>> Scopes.parse("system/Slot.read system/Appointment.cu").letters
        {'Slot': 'rs', 'Appointment': 'cu'}
        """
        if len(text) > MAX_LENGTH:
            raise ScopeError(f"The scopes are longer than {MAX_LENGTH} characters.")
        found: dict[str, set[str]] = {}
        restricted: list[Restriction] = []
        asked = text.split()
        for position, scope in enumerate(asked, start=1):
            if scope == INS:
                continue
            match = _SCOPE.fullmatch(scope)
            if match is None or not match["suffix"] or match["context"] != context:
                raise ScopeError(f"Scope number {position} is not of the form {context}/Type.cruds.")
            letters = _SUFFIXES.get(match["suffix"], match["suffix"])
            if match["search"]:
                restricted.append(Restriction(match["type"], letters, _pairs(match, position)))
            else:
                found.setdefault(match["type"], set()).update(letters)
        letters_of = {name: _ordered(letters) for name, letters in found.items()}
        return cls(letters_of, _united(restricted), context=context, reads_ins=INS in asked)

    def allows(self, type_name: str, letter: str) -> bool:
        """Whether a client with these scopes may do what `letter` stands for with every `type_name`."""
        return letter in self.letters.get(type_name, "") or letter in self.letters.get("*", "")

    def admits(self, type_name: str, letter: str) -> bool:
        """As `allows`, or with some of them: which, `in_force` says."""
        return self.allows(type_name, letter) or any(
            one.type == type_name and letter in one.letters for one in self.restrictions
        )

    def in_force(self) -> tuple[Restriction, ...]:
        """The restrictions of those letters that no scope gives without one."""
        if not self.restrictions:
            return ()
        left = ((one, self._restricted(one)) for one in self.restrictions)
        return tuple(Restriction(one.type, letters, one.pairs) for one, letters in left if letters)

    def _restricted(self, one: Restriction) -> str:
        return "".join(letter for letter in one.letters if not self.allows(one.type, letter))

    def __str__(self) -> str:
        """The scopes as the second version writes them, sorted by type."""
        whole = ((name, letters, "") for name, letters in self.letters.items())
        some = ((one.type, one.letters, _search(one)) for one in self.restrictions)
        of_types = [f"{self.context}/{name}.{letters}{search}" for name, letters, search in sorted([*whole, *some])]
        return " ".join([*([INS] if self.reads_ins else []), *of_types])

    def __bool__(self) -> bool:
        return bool(self.letters or self.restrictions)


def narrow(requested: Scopes, registered: Scopes) -> Scopes:
    """What is both asked for and registered, of one context: never more than either.

    >>> str(narrow(Scopes.parse("system/*.rs"), Scopes.parse("system/Slot.cruds system/*.r")))
    'system/*.r system/Slot.rs'
    """
    found: dict[str, str] = {}
    for type_name in requested.letters.keys() | registered.letters.keys():
        letters = _ordered(set(_effective(requested, type_name)) & set(_effective(registered, type_name)))
        if letters:
            found[type_name] = letters
    whole = Scopes(found)
    both = (one for one in _both(requested, registered) if any(not whole.allows(one.type, it) for it in one.letters))
    reads_ins = requested.reads_ins and registered.reads_ins
    return Scopes(found, _united(both), context=requested.context, reads_ins=reads_ins)


def of_context(scopes: Iterable[str], context: str) -> str:
    """Those of some scopes that are of a context, as one text."""
    return " ".join(scope for scope in scopes if scope == INS or scope.startswith(f"{context}/"))


def _both(requested: Scopes, registered: Scopes) -> Iterator[Restriction]:
    """What is left of the restricted scopes of either."""
    for one in requested.restrictions:
        yield from _common(one, registered)
    for one in registered.restrictions:
        letters = _ordered(set(one.letters) & set(_effective(requested, one.type)))
        if letters:
            yield Restriction(one.type, letters, one.pairs)


def _common(one: Restriction, registered: Scopes) -> Iterator[Restriction]:
    letters = _ordered(set(one.letters) & set(_effective(registered, one.type)))
    if letters:
        yield Restriction(one.type, letters, one.pairs)
    for other in registered.restrictions:
        letters = _ordered(set(one.letters) & set(other.letters))
        if letters and other.type == one.type:
            yield Restriction(one.type, letters, tuple(sorted({*one.pairs, *other.pairs})))


def _united(restrictions: Iterable[Restriction]) -> tuple[Restriction, ...]:
    """One restriction for each search of a type, with the letters of all."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
    for one in restrictions:
        found.setdefault((one.type, one.pairs), set()).update(one.letters)
    return tuple(Restriction(name, _ordered(letters), pairs) for (name, pairs), letters in sorted(found.items()))


def _pairs(match: re.Match[str], position: int) -> tuple[tuple[str, str], ...]:
    found = []
    for part in match["search"].split("&"):
        name, equals, value = (unquote(text) for text in part.partition("="))
        if match["type"] == "*" or not equals or not value or _SIMPLE.fullmatch(name) is None:
            raise ScopeError(f"Scope number {position} is restricted by more than simple parameters of one type.")
        found.append((name, value))
    return tuple(sorted(set(found)))


def _search(one: Restriction) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in one.pairs)


def _effective(scopes: Scopes, type_name: str) -> str:
    return scopes.letters.get(type_name, "") + scopes.letters.get("*", "")


def _ordered(letters: set[str]) -> str:
    return "".join(letter for letter in LETTERS if letter in letters)
