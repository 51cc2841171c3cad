"""The Parameters of an operation, read by the row that says what it takes."""

from typing import Any

from fhir_server.kernel.errors import Category, Issue, fault, raise_any
from fhir_server.registry.model import OperationParameter
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.validation import gates

Json = dict[str, Any]
#: A value, and where it stands: `Parameters.parameter[2]`.
Given = tuple[Any, str]

#: Types that may be given where another is asked for.
_NARROWER = {"dateTime": ("valueDateTime", "valueDate", "valueInstant")}


def read(operation: str, body: Json | None) -> dict[str, list[Given]]:
    """What is given for each parameter that the operation takes, in order; an empty list for what is not given.

    Raises FhirError: STRUCTURE without Parameters, REQUIRED and VALUE for what is missing, unknown, of another type or
    given too often, all at once, and what validation finds.
    """
    if body is None or body.get("resourceType") != "Parameters":
        raise fault(Category.STRUCTURE, "The body is a Parameters resource.", "Parameters")
    gates.validate(body, "Parameters")
    rows = {row.name: row for row in OPERATIONS[operation].parameters if row.use == "in"}
    found: dict[str, list[Given]] = {name: [] for name in rows}
    issues: list[Issue] = []
    for number, parameter in enumerate(body.get("parameter", ())):
        where = f"Parameters.parameter[{number}]"
        row = rows.get(parameter.get("name", ""))
        value = None if row is None else _value(parameter, row)
        if row is None:
            issues.append(Issue(Category.VALUE, f"${operation} takes no such parameter.", f"{where}.name"))
        elif value is None:
            issues.append(Issue(Category.VALUE, f"{row.name} is of type {row.type}.", where))
        else:
            found[row.name].append((value, where))
    raise_any([*issues, *(issue for row in rows.values() for issue in _counted(row, found[row.name]))])
    return found


def only(given: list[Given]) -> Any:
    """The value of a parameter that is given once at most; None without it."""
    return given[0][0] if given else None


def _value(parameter: Json, row: OperationParameter) -> Any:
    if row.type in RESOURCES:
        resource = parameter.get("resource")
        return resource if resource is not None and resource.get("resourceType") == row.type else None
    names = _NARROWER.get(row.type, (f"value{row.type[0].upper()}{row.type[1:]}",))
    return next((parameter[name] for name in names if name in parameter), None)


def _counted(row: OperationParameter, given: list[Given]) -> list[Issue]:
    if row.is_required and not given:
        return [Issue(Category.REQUIRED, f"{row.name} is missing.", "Parameters.parameter")]
    if not row.is_list and len(given) > 1:
        return [Issue(Category.VALUE, f"{row.name} is given more than once.", given[1][1])]
    return []
