"""One file for each FHIR interaction. https://www.hl7.org/fhir/R4/http.html"""
