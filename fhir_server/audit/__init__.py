"""The audit trail, but for its tables: events, their chain, their form in FHIR, and the files they wait in."""
