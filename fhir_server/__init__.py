"""Créneau's FHIR R4 facade and its scheduling rules. Knows nothing of HL7 v2, of any feed, of any partner by name."""
