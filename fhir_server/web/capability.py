"""The CapabilityStatement, computed from the tables that the routes and the search use, so that it cannot lie.

https://www.hl7.org/fhir/R4/capabilitystatement.html
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fhir_server.kernel import json
from fhir_server.registry.model import ResourceType, SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.settings import Settings
from fhir_server.web.negotiation import JSON_TYPES

#: When what this statement says last changed in form.
_DATE = "2026-11-21"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def capability_statement(settings: Settings) -> bytes:
    """What this server can do, in JSON."""
    return json.encode(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": _DATE,
            "kind": "instance",
            "software": {"name": "Créneau", "version": _version()},
            "implementation": {"description": "Slots, bookings and referrals of a territory", "url": settings.base_url},
            "fhirVersion": "4.0.1",
            "format": ["json", *JSON_TYPES[:2]],
            "rest": [
                {
                    "mode": "server",
                    "security": _security(settings),
                    "resource": [_resource(row) for _, row in sorted(RESOURCES.items())],
                }
            ],
        }
    )


def _security(settings: Settings) -> dict[str, Any]:
    token = {"url": "token", "valueUri": f"{settings.issuer}/oauth/token"}
    return {
        "extension": [{"url": _OAUTH_URIS, "extension": [token]}],
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": "OAuth 2.0 client credentials; scopes system/Type.cruds.",
    }


def _resource(row: ResourceType) -> dict[str, Any]:
    found = parameters(row.name)
    members: dict[str, Any] = {
        "type": row.name,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{row.name}",
        "interaction": [{"code": code} for code in sorted(row.interactions)],
        "versioning": row.versioning,
        "readHistory": "vread" in row.interactions,
        "updateCreate": row.is_created_by_update,
        "conditionalCreate": False,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchInclude": [f"{row.name}:{parameter.code}" for parameter in _references(row.name)],
        "searchRevInclude": _reverse_includes(row.name),
        "searchParam": [_parameter(parameter) for _, parameter in sorted(found.items())],
    }
    return {name: value for name, value in members.items() if value != []}


def _references(type_name: str) -> list[SearchParameter]:
    return [parameter for _, parameter in sorted(parameters(type_name).items()) if parameter.kind == "reference"]


def _reverse_includes(type_name: str) -> list[str]:
    return [
        f"{source}:{parameter.code}"
        for source in sorted(RESOURCES)
        for parameter in _references(source)
        if not parameter.targets or type_name in parameter.targets
    ]


def _parameter(parameter: SearchParameter) -> dict[str, str]:
    members = {
        "name": parameter.code,
        "definition": parameter.url,
        "type": parameter.kind,
        "documentation": parameter.documentation,
    }
    return {name: value for name, value in members.items() if value}


def _version() -> str:
    try:
        return version("creneau")
    except PackageNotFoundError:
        # Run from a checkout that was not installed.
        return "unreleased"
