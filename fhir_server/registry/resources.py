"""The resource types served: one row each. Adding a type is a row here and its rows in `search_params.csv`."""

from fhir_server.registry.model import ResourceType

#: In whose name the accounts of SAS regulators are kept; no partner may be called so.
REGULATORS = "regulators"

_LOOK = frozenset({"read", "vread", "search-type"})
_ALL = _LOOK | {"history-instance", "history-type", "create", "update", "patch", "delete"}

#: Interactions with the whole server. https://www.hl7.org/fhir/R4/http.html#summary
SYSTEM_INTERACTIONS = frozenset({"batch", "history-system", "search-system", "transaction"})

#: Types that come and go in bodies and have no address of their own: a Bundle is posted to the base and done,
#: Parameters go into operations, an OperationOutcome tells what became of a request. `$validate` judges them too.
BODY_ONLY = frozenset({"Bundle", "OperationOutcome", "Parameters"})


def _row(
    name: str,
    audience: str,
    *,
    interactions: frozenset[str] = _ALL,
    versioning: str = "versioned",
    is_created_by_update: bool = True,
    default_sort: str = "",
    kept_apart: str = "",
) -> ResourceType:
    return ResourceType(name, interactions, audience, versioning, is_created_by_update, default_sort, kept_apart)


def _written_by_server(name: str, audience: str) -> ResourceType:
    return _row(name, audience, interactions=_LOOK, is_created_by_update=False)


#: Every type served, by name.
RESOURCES: dict[str, ResourceType] = {
    row.name: row
    for row in (
        _row("Schedule", "catalogue"),
        _row("Slot", "catalogue", default_sort="start"),
        # A booking is never overwritten unseen nor deleted, and its id is the server's.
        _row(
            "Appointment",
            "own",
            interactions=_ALL - {"delete"},
            versioning="versioned-update",
            is_created_by_update=False,
            default_sort="date",
        ),
        _row("AppointmentResponse", "own"),
        _row("ServiceRequest", "own"),
        _row("Patient", "own"),
        _row("RelatedPerson", "own"),
        # The accounts of SAS regulators are of this type, and no part of the catalogue of those who care.
        _row("Practitioner", "catalogue", kept_apart=REGULATORS),
        _row("PractitionerRole", "catalogue"),
        _row("Organization", "catalogue"),
        _row("Location", "catalogue"),
        _row("HealthcareService", "catalogue"),
        _row("Endpoint", "catalogue"),
        # A device may name the patient who carries it.
        _row("Device", "own"),
        _row("Encounter", "own"),
        _row("Task", "own"),
        _row("Communication", "own"),
        _row("CommunicationRequest", "own"),
        _row("Subscription", "own"),
        _row("Provenance", "own"),
        # Each event is one of the audit trail (`storage.audit`).
        ResourceType("AuditEvent", _LOOK, "own", "versioned", is_created_by_update=False, is_ledger=True),
        # What the server declares of itself (`registry.declared`).
        _written_by_server("CodeSystem", "catalogue"),
        _written_by_server("ConceptMap", "catalogue"),
        _written_by_server("Measure", "catalogue"),
        _written_by_server("OperationDefinition", "catalogue"),
        _written_by_server("SearchParameter", "catalogue"),
        _written_by_server("ValueSet", "catalogue"),
    )
}
