"""SMART scopes of system clients: `system/Slot.rs`, and the older `system/Slot.read`.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html. Scopes restricted by a query, and those
of a patient or a user, are not served here: they are refused, never half understood.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

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

#: The older suffixes, and what they stand for.
_SUFFIXES = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(r"system/(?P<type>\*|[A-Z][A-Za-z]{0,63})\.(?P<suffix>read|write|\*|c?r?u?d?s?)")


class ScopeError(ValueError):
    """A scope that the standard or this server does not define. Its text is fit for an OAuth error description."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a client may do: letters of `cruds` for each resource type, `*` standing for every type."""

    letters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "Scopes":
        """Read scopes separated by spaces; several of one type are united. Raises ScopeError for any undefined form.

        >>> Scopes.parse("system/Slot.read system/Appointment.cu").letters
        {'Slot': 'rs', 'Appointment': 'cu'}
        """
        if len(text) > MAX_LENGTH:
            raise ScopeError(f"The scopes are longer than {MAX_LENGTH} characters.")
        found: dict[str, set[str]] = {}
        for position, scope in enumerate(text.split(), start=1):
            match = _SCOPE.fullmatch(scope)
            if match is None or not match["suffix"]:
                raise ScopeError(f"Scope number {position} is not of the form system/Type.cruds.")
            found.setdefault(match["type"], set()).update(_SUFFIXES.get(match["suffix"], match["suffix"]))
        return cls({type_name: _ordered(letters) for type_name, letters in found.items()})

    def allows(self, type_name: str, letter: str) -> bool:
        """Whether a client with these scopes may do what `letter` stands for with `type_name`."""
        return letter in self.letters.get(type_name, "") or letter in self.letters.get("*", "")

    def __str__(self) -> str:
        """The scopes as the second version writes them, sorted by type."""
        return " ".join(f"system/{type_name}.{letters}" for type_name, letters in sorted(self.letters.items()))

    def __bool__(self) -> bool:
        return bool(self.letters)


def narrow(requested: Scopes, registered: Scopes) -> Scopes:
    """What is both asked for and registered: never more than either.

    >>> str(narrow(Scopes.parse("system/*.rs"), Scopes.parse("system/Slot.cruds system/*.r")))
    'system/*.r system/Slot.rs'
    """
    found: dict[str, str] = {}
    for type_name in requested.letters.keys() | registered.letters.keys():
        letters = _ordered(set(_effective(requested, type_name)) & set(_effective(registered, type_name)))
        if letters:
            found[type_name] = letters
    return Scopes(found)


def _effective(scopes: Scopes, type_name: str) -> str:
    return scopes.letters.get(type_name, "") + scopes.letters.get("*", "")


def _ordered(letters: set[str]) -> str:
    return "".join(letter for letter in LETTERS if letter in letters)
