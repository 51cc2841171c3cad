"""The gates every resource passes before it is stored: schema, invariants, references, then the second opinion.

All that is wrong is told at once. An invariant is asked only of what the schema found whole, and the models only of
what passed everything else, so that no fault is told twice.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, Issue, fault, raise_any
from fhir_server.validation import invariants, models, references, schema
from fhir_server.validation.elements import is_resource
from fhir_server.validation.walk import Node, walk


def validate(
    resource: dict[str, Any], type_name: str, *, second_opinion: bool = True, into_entries: bool = True
) -> None:
    """Raise one FhirError with every issue of `resource`, each with its FHIRPath; return when there is none.

    With `into_entries` false, resources inside a Bundle or Parameters are left to be validated apart, as in a batch,
    and the second opinion, which cannot leave them out, is not asked.
    """
    nodes = walk(resource, type_name, into_entries=into_entries)
    found = _by_schema(nodes)
    if len(found) < schema.MAX_ISSUES:
        broken = _broken(found)
        found += chain(invariants.issues(nodes, broken), references.issues(nodes, broken))
    if not found and second_opinion and into_entries and models.can_judge(nodes):
        found = models.issues(resource, type_name)
    raise_any(found[: schema.MAX_ISSUES])


def check_body(
    data: bytes, type_name: str, *, second_opinion: bool = True, into_entries: bool = True
) -> dict[str, Any]:
    """The resource that a request's body holds, valid and of the type expected.

    Raises FhirError: INVALID for what is not JSON, STRUCTURE for what is no resource or one of another type, and
    whatever `validate` finds.
    """
    resource = json.decode(data)
    if not isinstance(resource, dict):
        raise fault(Category.STRUCTURE, "The body is not a JSON object.", type_name)
    if "resourceType" not in resource:
        raise fault(Category.STRUCTURE, "The body has no resourceType.", f"{type_name}.resourceType")
    if resource["resourceType"] != type_name:
        raise fault(Category.STRUCTURE, f"The resource is not of type {type_name}.", f"{type_name}.resourceType")
    validate(resource, type_name, second_opinion=second_opinion, into_entries=into_entries)
    return resource


def prepare(type_names: Iterable[str], *, second_opinion: bool = True) -> None:
    """Build now what validating these types needs, before processes fork or requests wait."""
    for type_name in type_names:
        schema.prepare(type_name)
        if second_opinion:
            models.prepare(type_name)


def _by_schema(nodes: Iterable[Node]) -> list[Issue]:
    """Findings of the schema: each resource is put to the definition of its own type, if there is one."""
    found: list[Issue] = []
    for node in nodes:
        if node.element is None or (node.element.type == "Resource" and is_resource(node.type)):
            found += schema.issues(node.value, node.type, node.path)
        if len(found) >= schema.MAX_ISSUES:
            break
    return found


def _broken(issues: Iterable[Issue]) -> set[str]:
    """Paths of the elements that issues are about, and of all that holds them."""
    paths: set[str] = set()
    for issue in issues:
        path = issue.expression or ""
        while path and path not in paths:
            paths.add(path)
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return paths
