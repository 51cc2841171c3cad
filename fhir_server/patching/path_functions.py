"""What the FHIRPath of patches can compute: comparisons and functions over places. https://hl7.org/fhirpath/N1/"""

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.kernel.errors import Category, fault
from fhir_server.patching.place import Place, children

Places = list[Place]
Expression = Callable[[Places], Places]


def literal(value: Any) -> Place:
    """A value that stands nowhere."""
    return Place(value, "")


def truth(places: Places) -> bool:
    """Whether a criterion holds: one value stands there, and it is not false."""
    return len(places) == 1 and places[0].value is not False


def joined(quantifier: Callable[[list[bool]], bool], left: Expression, right: Expression) -> Expression:
    """`and` (all) or `or` (any) of two criteria."""
    return lambda places: [literal(quantifier([truth(left(places)), truth(right(places))]))]


def comparison(test: Callable[[Any, Any], bool], left: Expression, right: Expression) -> Expression:
    """What comparing two expressions gives."""

    def compare(places: Places) -> Places:
        one, other = [place.value for place in left(places)], [place.value for place in right(places)]
        # Nothing compared with anything is nothing: https://hl7.org/fhirpath/N1/#equality
        return [literal(_holds(test, one, other))] if one and other else []

    return compare


def _holds(test: Callable[[Any, Any], bool], one: list[Any], other: list[Any]) -> bool:
    try:
        return test(one, other)
    except TypeError:
        return False


def _is_like(one: list[Any], other: list[Any]) -> bool:
    return [value.casefold() if isinstance(value, str) else value for value in one] == [
        value.casefold() if isinstance(value, str) else value for value in other
    ]


#: Sign to test, the longer signs before those they begin with.
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "~": _is_like,
    ">=": lambda one, other: bool(one >= other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    "<": lambda one, other: bool(one < other),
}


def call(name: str, argument: Expression | None) -> Expression:
    """A function applied. Raises FhirError (VALUE) for one that is not here."""
    if argument is None and name in _PLAIN:
        return _PLAIN[name]
    if argument is None or name not in _WITH_ARGUMENT:
        raise fault(Category.VALUE, f"The function {name[:40]}() is not served in paths.")
    function, given = _WITH_ARGUMENT[name], argument
    return lambda places: function(places, given)


def _where(places: Places, criterion: Expression) -> Places:
    return [place for place in places if truth(criterion([place]))]


def _extension(places: Places, url: Expression) -> Places:
    wanted = [place.value for place in url([])]
    found = (it for place in places for it in children(place, "extension") if isinstance(it.value, dict))
    return [it for it in found if [it.value.get("url")] == wanted]


def of_type(name: str) -> Expression:
    """Those of a choice's values that are of the type named."""
    wanted = name.casefold()
    return lambda places: [place for place in places if place.type.partition(".")[0].casefold() == wanted]


def _by_text(test: Callable[[str, str], bool]) -> Callable[[Places, Expression], Places]:
    def ask(places: Places, argument: Expression) -> Places:
        given = [place.value for place in argument(places)]
        if len(places) != 1 or len(given) != 1 or not all(isinstance(it, str) for it in (places[0].value, given[0])):
            return []
        return [literal(test(places[0].value, given[0]))]

    return ask


#: Functions without argument.
_PLAIN: Mapping[str, Expression] = {
    "first": lambda places: places[:1],
    "last": lambda places: places[-1:],
    "single": lambda places: places,
    "exists": lambda places: [literal(bool(places))],
    "empty": lambda places: [literal(not places)],
    "not": lambda places: [literal(not truth(places))] if places else [],
}
#: Functions of one argument.
_WITH_ARGUMENT: Mapping[str, Callable[[Places, Expression], Places]] = {
    "where": _where,
    "exists": lambda places, criterion: [literal(bool(_where(places, criterion)))],
    "extension": _extension,
    "startsWith": _by_text(str.startswith),
    "endsWith": _by_text(str.endswith),
    "contains": _by_text(lambda text, part: part in text),
}
