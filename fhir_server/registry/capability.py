"""The CapabilityStatement, computed from the registry's rows alone, so that it cannot lie.

https://www.hl7.org/fhir/R4/capabilitystatement.html
"""

from typing import Any

from fhir_server.registry.compartments import COMPARTMENTS
from fhir_server.registry.model import Operation, ResourceType, SearchParameter
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES, SYSTEM_INTERACTIONS
from fhir_server.registry.search_params import common_parameters, parameters

#: Forms of answers and bodies, first as clients name them in `_format`.
FORMATS = ("json", "xml", "application/fhir+json", "application/fhir+xml")
#: JSON Patch, then the two forms of FHIRPath Patch.
PATCH_FORMATS = ("application/json-patch+json", "application/fhir+json", "application/fhir+xml")

_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_DEFINITIONS = "http://hl7.org/fhir"


def statement(
    base_url: str, *, token_url: str, software_version: str, date: str, has_cors: bool = False
) -> dict[str, Any]:
    """What the server at `base_url` can do; `date` is when this last changed, `has_cors` whether pages may call it.

    It names no guide and no profile: none is checked when something is written.
    """
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base_url}/metadata",
        "version": software_version,
        "name": "Creneau",
        "title": "Créneau",
        "status": "active",
        "date": date,
        "description": "A FHIR integration server for unplanned care: slots, bookings and referrals of a territory.",
        "kind": "instance",
        "software": {"name": "Créneau", "version": software_version},
        "implementation": {"description": "Slots, bookings and referrals of a territory", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": list(FORMATS),
        "patchFormat": list(PATCH_FORMATS),
        "rest": [_rest(token_url, has_cors)],
    }


def _rest(token_url: str, has_cors: bool) -> dict[str, Any]:
    members: dict[str, Any] = {
        "mode": "server",
        "security": _security(token_url, has_cors),
        "resource": [_resource(row) for _, row in sorted(RESOURCES.items())],
        "interaction": [{"code": code} for code in sorted(SYSTEM_INTERACTIONS)],
        "searchParam": [_parameter(parameter) for _, parameter in sorted(common_parameters().items())],
        "operation": [_operation(row) for row in OPERATIONS.values() if "system" in row.levels],
        "compartment": [f"{_DEFINITIONS}/CompartmentDefinition/{name.lower()}" for name in sorted(COMPARTMENTS)],
    }
    return {name: value for name, value in members.items() if value != []}


def _security(token_url: str, has_cors: bool) -> dict[str, Any]:
    return {
        "cors": has_cors,
        "extension": [{"url": _OAUTH_URIS, "extension": _oauth_uris(token_url)}],
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": "OAuth 2.0 client credentials; scopes system/Type.cruds.",
    }


def _oauth_uris(token_url: str) -> list[dict[str, str]]:
    base = token_url.removesuffix("token")
    return [{"url": name, "valueUri": f"{base}{name}"} for name in ("token", "introspect", "revoke")]


def _resource(row: ResourceType) -> dict[str, Any]:
    found = parameters(row.name)
    members: dict[str, Any] = {
        "type": row.name,
        "profile": f"{_DEFINITIONS}/StructureDefinition/{row.name}",
        "interaction": [{"code": code} for code in sorted(row.interactions)],
        "versioning": row.versioning,
        "readHistory": "vread" in row.interactions,
        "updateCreate": row.is_created_by_update,
        "conditionalCreate": "create" in row.interactions,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in row.interactions,
        # One match is deleted, several are refused.
        "conditionalDelete": "single" if "delete" in row.interactions else "not-supported",
        "referencePolicy": ["literal", "logical"],
        "searchInclude": ["*", *_includes(row.name)],
        "searchRevInclude": _reverse_includes(row.name),
        "searchParam": [_parameter(parameter) for _, parameter in sorted(found.items())],
        "operation": [_operation(one) for one in OPERATIONS.values() if one.is_on(row.name)],
    }
    return {name: value for name, value in members.items() if value != []}


def _includes(type_name: str) -> list[str]:
    return [f"{type_name}:{parameter.code}" for parameter in _references(type_name)]


def _reverse_includes(type_name: str) -> list[str]:
    """References of any type served that may point to this one."""
    return [
        f"{source}:{parameter.code}"
        for source in sorted(RESOURCES)
        for parameter in _references(source)
        if not parameter.targets or type_name in parameter.targets
    ]


def _references(type_name: str) -> list[SearchParameter]:
    """By which it may come along, or bring along; the audit trail does neither."""
    if RESOURCES[type_name].is_ledger:
        return []
    return [parameter for _, parameter in sorted(parameters(type_name).items()) if parameter.kind == "reference"]


def _parameter(parameter: SearchParameter) -> dict[str, str]:
    members = {
        "name": parameter.code,
        "definition": parameter.url,
        "type": parameter.kind,
        "documentation": parameter.documentation,
    }
    return {name: value for name, value in members.items() if value}


def _operation(operation: Operation) -> dict[str, str]:
    return {"name": operation.name, "definition": operation.definition, "documentation": operation.documentation}
