"""Systems and codes that the territory's resources use, and the French shapes of identifiers.

France's national nomenclatures: https://mos.esante.gouv.fr/NOS. Prefixed national identifiers: a person is `8` and the
RPPS, a structure is `1` and the FINESS.
"""

from typing import Any

PERSON = "urn:oid:1.2.250.1.71.4.2.1"
STRUCTURE = "urn:oid:1.2.250.1.71.4.2.2"

PERSON_TYPE = "http://interopsante.org/fhir/CodeSystem/fr-v2-0203"
STRUCTURE_TYPE = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"

CATEGORY = "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
SPECIALTY = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
PROFESSION = "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
#: Who may book a slot: PUBLIC, PRO, SNP (unplanned care), CPTS.
ACCESS = "https://mos.esante.gouv.fr/NOS/TRE_R314-TypeCreneau/FHIR/TRE-R314-TypeCreneau"
VISIT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
APPOINTMENT_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0276"
PLACE_KIND = "http://terminology.hl7.org/CodeSystem/location-physical-type"

#: R5's Slot.serviceType may refer to a HealthcareService; in R4 this extension carries that reference.
SERVICE_EXTENSION = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Slot.serviceType"

#: R66 category of a CPTS.
CPTS = "604"
#: R38 code of general practice.
GENERAL_PRACTICE = "SM54"
#: Words of `practitioners.csv` to G15 codes.
PROFESSIONS = {"doctor": "10", "nurse": "60"}


def concept(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def person(rpps: str) -> dict[str, Any]:
    """The national identifier of a practitioner, `8` and the RPPS (FrCore, slice idNatPs)."""
    return {"use": "official", "type": concept(PERSON_TYPE, "IDNPS"), "system": PERSON, "value": f"8{rpps}"}


def structure(finess: str) -> dict[str, Any]:
    """The national identifier of a structure, `1` and the FINESS."""
    return {"use": "official", "type": concept(STRUCTURE_TYPE, "IDNST"), "system": STRUCTURE, "value": f"1{finess}"}


def reference(type_name: str, id_: str) -> dict[str, str]:
    """A literal, relative reference."""
    return {"reference": f"{type_name}/{id_}"}
