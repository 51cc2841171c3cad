"""Changes of a resource sent as instructions: JSON Patch and FHIRPath Patch. Pure: a document in, a document out.

What comes out is not validated here: a patch may pass through states that no resource may be in.
https://www.hl7.org/fhir/R4/http.html#patch
"""
