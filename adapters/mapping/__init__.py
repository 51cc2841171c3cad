"""HL7 v2 to FHIR R4 and back, by tables: plans, rows and code tables choose, named cells compute.

Pure: no store, no web. The format of the tables is described in docs/mappings.md.
"""
