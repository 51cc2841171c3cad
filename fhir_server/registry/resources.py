"""The resource types served: one row each. Adding a type is a row here and its rows in `search_params.csv`."""

from fhir_server.registry.model import ResourceType

_READS = frozenset({"read", "vread", "history-instance", "search-type"})
_ALL = _READS | {"create", "update", "delete"}


def _row(
    name: str,
    audience: str,
    *,
    versioning: str = "versioned",
    is_created_by_update: bool = True,
    default_sort: str = "",
) -> ResourceType:
    return ResourceType(name, _ALL, audience, versioning, is_created_by_update, default_sort)


#: Every type served, by name.
RESOURCES: dict[str, ResourceType] = {
    row.name: row
    for row in (
        _row("Schedule", "catalogue"),
        _row("Slot", "catalogue", default_sort="start"),
        # A booking is never overwritten unseen, and its id is the server's.
        _row("Appointment", "own", versioning="versioned-update", is_created_by_update=False, default_sort="date"),
        _row("ServiceRequest", "own"),
        _row("Patient", "own"),
        _row("Practitioner", "catalogue"),
        _row("PractitionerRole", "catalogue"),
        _row("Organization", "catalogue"),
        _row("Location", "catalogue"),
        _row("HealthcareService", "catalogue"),
        _row("Encounter", "own"),
        _row("Task", "own"),
        _row("Provenance", "own"),
    )
}
