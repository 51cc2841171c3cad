"""What the server declares of itself as resources: search parameters that are not R4's, and its operations.

They are made of the registry's rows, as the CapabilityStatement is, and put into the store by `storage.declared`, so
that reads and searches find them as they find anything else.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fhir_server.registry.measures import code_system, measure
from fhir_server.registry.model import Operation, OperationParameter, SearchParameter
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters

#: Types of which every resource is declared, here or by what uses the server: none is kept that is no longer declared.
DECLARED_TYPES = ("CodeSystem", "ConceptMap", "Measure", "OperationDefinition", "SearchParameter", "ValueSet")

_FILTER = re.compile(r"\[(\w+)=([^\]]+)\]")
_CHOICE = re.compile(r"\bvalue[A-Z]\w*")
#: FHIRPath of what a function of `search.extract` finds.
_FUNCTIONS = {
    "regulated_start()": "where(basedOn.where(resolve() is ServiceRequest).exists() or extension.where("
    "url.endsWith('fr-core-appointment-operator') or url.endsWith('FrAppointmentOperator')).exists()).start"
}
_HL7 = "http://hl7.org/fhir/SearchParameter/"
_GAP = "https://interop.esante.gouv.fr/ig/fhir/gap/SearchParameter/"
_SAS = "https://interop.esante.gouv.fr/ig/fhir/sas/SearchParameter/"

#: Other definitions that a row of the registry fulfils, and HL7's where it leaves the server a choice: type, code,
#: canonical URL, what it says.
_FULFILLED = (
    ("Slot", "start", f"{_SAS}slot-sp-start", "When the slot starts, as SAS asks for it: from one moment to another."),
    ("Slot", "start", f"{_GAP}GAP-Slot-earliestStart", "Earliest start of a slot."),
    ("Slot", "start", f"{_GAP}GAP-Slot-latestStart", "Latest start of a slot."),
    ("Appointment", "start", f"{_GAP}GAP-Appointment-latestStart", "Latest start of an appointment."),
    ("Location", "near", f"{_HL7}Location-near", "latitude|longitude|distance|units; 10 km when no distance is given."),
    ("Appointment", "created", f"{_GAP}GAP-Appointment-created", "As GAP has it, but a date where GAP says token."),
)


def declared() -> Iterator[dict[str, Any]]:
    """Every resource declared, each with its id; the same at every call."""
    for type_name in RESOURCES:
        for parameter in parameters(type_name).values():
            if parameter.is_custom:
                yield _search_parameter(parameter)
    for type_name, code, url, documentation in _FULFILLED:
        yield _search_parameter(replace(parameters(type_name)[code], url=url, documentation=documentation))
    for operation in OPERATIONS.values():
        yield _operation(operation)
    yield measure()
    yield code_system()


def expression(parameter: SearchParameter) -> str:
    """The FHIRPath of what a parameter searches.

    >>> expression(parameters("Patient")["email"])
    "Patient.telecom.where(system='email').value"
    """
    return " | ".join(f"{parameter.base}.{_fhirpath(path)}" for path in parameter.paths)


def _fhirpath(path: str) -> str:
    return _FUNCTIONS.get(path) or _CHOICE.sub("value", _FILTER.sub(r".where(\1='\2')", path))


def _search_parameter(parameter: SearchParameter) -> dict[str, Any]:
    id_ = re.split("[/:]", parameter.url)[-1]
    members: dict[str, Any] = {
        "resourceType": "SearchParameter",
        "id": id_,
        "url": parameter.url,
        "name": _name(id_),
        "status": "active",
        "experimental": False,
        "description": parameter.documentation,
        "code": parameter.code,
        "base": [parameter.base],
        "type": parameter.kind,
        "expression": expression(parameter),
        "xpathUsage": "nearby" if parameter.kind == "special" else "normal",
        "target": list(parameter.targets),
        "multipleOr": True,
        "multipleAnd": True,
    }
    return {name: value for name, value in members.items() if value != []}


def _operation(operation: Operation) -> dict[str, Any]:
    members: dict[str, Any] = {
        "resourceType": "OperationDefinition",
        "id": operation.name,
        "url": f"urn:creneau:OperationDefinition:{operation.name}",
        "name": _name(operation.name),
        "status": "active",
        "kind": "operation",
        "description": operation.documentation,
        "affectsState": operation.affects_state,
        "code": operation.name,
        "base": operation.definition,
        "resource": sorted(operation.types or RESOURCES),
        **{level: level in operation.levels for level in ("system", "type", "instance")},
        "parameter": [_operation_parameter(parameter) for parameter in operation.parameters],
    }
    return members


def _operation_parameter(parameter: OperationParameter) -> dict[str, Any]:
    members = {
        "name": parameter.name,
        "use": parameter.use,
        "min": int(parameter.is_required),
        "max": "*" if parameter.is_list else "1",
        "documentation": parameter.documentation,
        "type": parameter.type,
    }
    return {name: value for name, value in members.items() if value != ""}


def _name(id_: str) -> str:
    """A name that a computer may use: letters, digits and `_`, a capital first."""
    return id_[0].upper() + id_[1:].replace("-", "_")
