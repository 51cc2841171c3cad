"""Profiles, code systems and codes of the national guide `ans.fhir.fr.sas`: one shape for each kind of request.

A resource declares one profile, which its reader compares as a whole: the request decides which.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_SAS, _ANS = (
    "http://sas.fr/fhir/StructureDefinition/",
    "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/",
)
_NOS = "https://mos.esante.gouv.fr/NOS/"

R66 = f"{_NOS}TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
R38 = f"{_NOS}TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
G15 = f"{_NOS}TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
APPOINTMENT_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0276"

#: Types of identifiers in FrCore 2, which the guide wants of a CPTS; everywhere else `registry.national.TYPE_SYSTEM`.
TYPES_2 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
PLACE_TYPES = "http://interopsante.org/fhir/CodeSystem/fr-location-identifier-type"

#: R5's reference of a slot to the service it belongs to.
SERVICE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Slot.serviceType"

#: R66 category of a CPTS.
CPTS_CATEGORY = "604"
#: At the practice, at the patient's home, by teleconsultation.
CONSULTATIONS = ("AMB", "HH", "VR")
#: To be booked, or to come without.
APPOINTMENT_TYPES = ("ROUTINE", "WALKIN")

#: System of the ids that we give to places which have no identifier of their own.
OWN_PLACES = "urn:creneau:location"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What an answer looks like."""

    #: Profile of each type, the Bundle's of one with entries.
    profiles: Mapping[str, str]
    #: Codes of R314 that its slots may carry.
    audiences: frozenset[str]
    #: Slots name the CPTS that they belong to.
    has_services: bool = False


#: A Bundle without entries cannot meet the other profiles, which ask for some.
EMPTY_BUNDLE = f"{_SAS}BundleAgregateur"
_COMMON = {
    "Schedule": f"{_SAS}FrScheduleAgregateur",
    "Practitioner": f"{_SAS}FrPractitionerAgregateur",
    "PractitionerRole": f"{_SAS}FrPractitionerRoleExerciceAgregateur",
    "Location": f"{_SAS}FrLocationAgregateur",
}
#: INT_R01: slots of practitioners.
INDIVIDUAL = Shape(
    _COMMON | {"Bundle": EMPTY_BUNDLE, "Slot": f"{_SAS}FrSlotAgregateur"}, frozenset({"PUBLIC", "PRO", "SNP"})
)
#: INT_R04: the same with the CPTS they belong to.
CPTS = Shape(
    _COMMON
    | {
        "Bundle": f"{_ANS}sas-cpts-bundle-aggregator",
        "Slot": f"{_ANS}sas-cpts-slot-aggregator",
        "HealthcareService": f"{_ANS}sas-cpts-healthcareservice-aggregator",
        "Organization": f"{_ANS}sas-cpts-organization-aggregator",
    },
    frozenset({"PUBLIC", "PRO", "SNP", "CPTS"}),
    has_services=True,
)
#: SOS Médecins: slots of places.
SOS = Shape(
    {name: f"{_ANS}sas-sos-{name.lower()}-aggregator" for name in ("Bundle", "Slot", "Schedule", "Location")}
    | {"Organization": f"{_ANS}sas-sos-organization-aggregator"},
    frozenset({"PUBLIC", "SNP"}),
)


def concept(system: str, code: str) -> dict[str, object]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}
