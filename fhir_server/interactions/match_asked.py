"""What a call of `ServiceRequest/$match` asks: its parameters, from the URL, the body or both."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.errors import Category, fault
from fhir_server.validation import gates

#: Proposals when none are asked for, and at most.
DEFAULT_COUNT, MOST_COUNT = 10, 50
#: Hours ahead that may be asked for.
MOST_HOURS = 14 * 24

_MOST_KILOMETRES = 1000
_FLAGS = {"true": True, "false": False}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of one call; None where it does not say."""

    #: The ServiceRequest, where it came in the body.
    resource: Json | None = None
    commune: str | None = None
    postal_code: str | None = None
    #: Hours from now, and kilometres.
    within: int | None = None
    max_distance: float | None = None
    teleconsultation: bool | None = None
    no_family_doctor: bool | None = None
    count: int = DEFAULT_COUNT


def asked(query: Iterable[tuple[str, str]], body: Json | None) -> Asked:
    """What stands in the query and in the body. Raises FhirError, with the parameter as expression.

    VALUE for a parameter that is not taken, stands twice or cannot be read; and what `gates.validate` finds.
    """
    found: dict[str, Any] = {}
    for name, value, where in (*_of_query(query), *_of_body(body)):
        if name not in _READ:
            raise fault(Category.VALUE, f"$match takes {', '.join(_READ)}, and nothing else.", where)
        attribute, read = _READ[name]
        if attribute in found:
            raise fault(Category.VALUE, f"The parameter {name} stands twice.", where)
        try:
            found[attribute] = read(value)
        except (ValueError, TypeError):
            raise fault(Category.VALUE, f"The value of {name} cannot be read: {_FORMS[name]}.", where) from None
    return Asked(**found)


def _of_query(query: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Any, str]]:
    yield from ((name, value, name) for name, value in query)


def _of_body(body: Json | None) -> Iterator[tuple[str, Any, str]]:
    if body is None:
        return
    gates.validate(body, "Parameters")
    for number, parameter in enumerate(body.get("parameter", ())):
        values = [value for name, value in parameter.items() if name == "resource" or name.startswith("value")]
        yield parameter["name"], values[0] if values else None, f"Parameters.parameter[{number}]"


def _resource(value: Any) -> Json:
    if not isinstance(value, dict) or value.get("resourceType") != "ServiceRequest":
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value not in _FLAGS:
        raise ValueError
    return _FLAGS[value]


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise TypeError
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _kilometres(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= _MOST_KILOMETRES:
        raise ValueError
    return number


#: Parameter -> attribute of Asked, and what reads its value.
_READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "resource": ("resource", _resource),
    "commune": ("commune", _text),
    "postalCode": ("postal_code", _text),
    "within": ("within", _whole(1, MOST_HOURS)),
    "maxDistance": ("max_distance", _kilometres),
    "teleconsultation": ("teleconsultation", _flag),
    "noFamilyDoctor": ("no_family_doctor", _flag),
    "_count": ("count", _whole(1, MOST_COUNT)),
}
_FORMS = {
    "resource": "a ServiceRequest",
    "commune": "an INSEE code",
    "postalCode": "a postal code",
    "within": f"a number of hours from 1 to {MOST_HOURS}",
    "maxDistance": f"a number of kilometres up to {_MOST_KILOMETRES}",
    "teleconsultation": "true or false",
    "noFamilyDoctor": "true or false",
    "_count": f"a number from 1 to {MOST_COUNT}",
}
