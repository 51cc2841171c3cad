"""FHIRPath Patch: a Parameters resource of operations. https://www.hl7.org/fhir/R4/fhirpatch.html"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.patching import edit
from fhir_server.patching.edit import Given
from fhir_server.patching.path import compile_path
from fhir_server.patching.place import Place, root

#: Operations of one patch.
MAX_OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, its parts by name."""

    parts: Mapping[str, Mapping[str, Any]]

    def text(self, name: str) -> str:
        """A part that is a text or code."""
        found = self._given(name)
        if not isinstance(found, str):
            raise fault(Category.REQUIRED, f"The operation needs its {name}.")
        return found

    def number(self, name: str) -> int:
        """A part that is a number."""
        found = self._given(name)
        if type(found) is not int:
            raise fault(Category.REQUIRED, f"The operation needs its {name}, a whole number.")
        return found

    def value(self) -> Given:
        """The part `value`."""
        if "value" not in self.parts:
            raise fault(Category.REQUIRED, "The operation needs its value.")
        return _given(self.parts["value"])

    def _given(self, name: str) -> Any:
        return _given(self.parts[name]).value if name in self.parts else None


def apply(document: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The resource after all operations; `document` itself stays as it was.

    Raises FhirError: STRUCTURE or REQUIRED for what is no FHIRPath Patch, VALUE for a path, name or index that the
    resource does not have, each with the operation as expression.
    """
    operations = parameters.get("parameter", [])
    if not isinstance(operations, list):
        raise fault(Category.STRUCTURE, "A FHIRPath Patch is a list of operations.", "Parameters.parameter")
    if len(operations) > MAX_OPERATIONS:
        raise fault(Category.TOO_COSTLY, f"A patch has at most {MAX_OPERATIONS} operations.")
    patched = copy.deepcopy(document)
    for number, parameter in enumerate(operations):
        try:
            _apply_one(patched, _operation(parameter))
        except FhirError as error:
            raise _located(error, f"Parameters.parameter[{number}]") from None
    return patched


def _apply_one(resource: dict[str, Any], operation: Operation) -> None:
    perform = _OPERATIONS.get(operation.text("type"))
    if perform is None:
        raise fault(Category.VALUE, f"The type of an operation is one of {', '.join(_OPERATIONS)}.")
    perform(compile_path(operation.text("path"))([root(resource)]), operation)


def _add(found: list[Place], operation: Operation) -> None:
    edit.add(_one(found), operation.text("name"), operation.value())


def _replace(found: list[Place], operation: Operation) -> None:
    edit.replace(_one(found), operation.value())


def _delete(found: list[Place], _operation: Operation) -> None:
    # What is not there need not be deleted.
    if found:
        edit.remove(_one(found))


def _insert(found: list[Place], operation: Operation) -> None:
    places, index = _list(found), operation.number("index")
    _check_index(index, len(places))
    edit.insert(places, index, operation.value())


def _move(found: list[Place], operation: Operation) -> None:
    places = _list(found)
    source, destination = operation.number("source"), operation.number("destination")
    _check_index(source, len(places) - 1)
    _check_index(destination, len(places) - 1)
    edit.move(places, source, destination)


_OPERATIONS: Mapping[str, Callable[[list[Place], Operation], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def _one(found: list[Place]) -> Place:
    if len(found) != 1:
        raise fault(Category.VALUE, f"The path leads to {len(found)} elements; it must lead to one.")
    return found[0]


def _list(found: list[Place]) -> list[Place]:
    """All items of one list, or the operation cannot be meant."""
    holder = found[0].holder if found else None
    if holder is None or any(place.holder is not holder or place.index != at for at, place in enumerate(found)):
        raise fault(Category.VALUE, "The path does not lead to a list.")
    if len(found) != len(holder[found[0].name]):
        raise fault(Category.VALUE, "The path does not lead to the whole of a list.")
    return found


def _check_index(index: int, highest: int) -> None:
    if not 0 <= index <= highest:
        raise fault(Category.VALUE, f"The position {index} is outside the list.")


def _operation(parameter: Any) -> Operation:
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        raise fault(Category.STRUCTURE, "Every parameter of a FHIRPath Patch is an operation.")
    return Operation(dict(_parts(parameter)))


def _parts(parameter: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    parts = parameter.get("part", ())
    if not isinstance(parts, list | tuple) or not all(isinstance(part, dict) for part in parts):
        raise fault(Category.STRUCTURE, "The parts of an operation are a list.")
    for part in parts:
        yield str(part.get("name")), part


def _given(part: Mapping[str, Any]) -> Given:
    if "resource" in part:
        return Given("", part["resource"])
    found = {name.lstrip("_") for name in part if name.lstrip("_").startswith("value")}
    if len(found) > 1:
        raise fault(Category.STRUCTURE, "A part has one value.")
    for name in found:
        return Given(name.removeprefix("value"), part.get(name), part.get(f"_{name}"))
    parts = tuple((name, _given(inner)) for name, inner in _parts(part))
    if not parts:
        raise fault(Category.REQUIRED, "A part has neither value nor parts.")
    return Given("", None, parts=parts)


def _located(error: FhirError, where: str) -> FhirError:
    return FhirError(tuple(Issue(issue.category, issue.diagnostics, where) for issue in error.issues))
