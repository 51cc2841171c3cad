"""Extensions of Schedule and Slot that more than one room reads or writes, by their canonical URLs."""

from fhir_server.registry.canonicals import spellings

#: How many appointments a slot holds (SMART Scheduling Links).
CAPACITY = "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity"

#: `holder` (code, one or more) and `release` (instant; absent: never) of a slot that is kept for some.
DIRECT_ACCESS = "urn:creneau:StructureDefinition:slot-direct-access"

_FR_CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition/"

#: When a Schedule is free, or is not: FrCore 2, and the names of the years before.
AVAILABILITY_TIME = frozenset(spellings(f"{_FR_CORE}fr-core-schedule-availability-time"))
#: What a Schedule does, and how long that takes.
SERVICE_TYPE_DURATION = frozenset(spellings(f"{_FR_CORE}fr-core-service-type-duration"))

#: What the slots of an availability are: in one availability time, or in the Schedule for all of them.
ROTA_OFFER = "urn:creneau:StructureDefinition:rota-offer"
#: Where a Schedule's clock and public holidays are: `department` and `zone`.
ROTA_PLACE = "urn:creneau:StructureDefinition:rota-place"

#: System of the business identifier of a slot made by a rota: `<Schedule id>|<start in UTC>`.
ROTA = "urn:creneau:rota"

#: Who booked an Appointment in SAS: the regulator. Both generations of FrCore.
APPOINTMENT_OPERATOR = frozenset(spellings(f"{_FR_CORE}fr-core-appointment-operator"))
#: INSEE code of the commune of an Address, in it or in its city.
COMMUNE_CODE = frozenset(spellings(f"{_FR_CORE}fr-core-address-insee-code"))

#: What a ServiceRequest says beside R4: booleans.
TELECONSULTATION_ACCEPTABLE = "urn:creneau:StructureDefinition:teleconsultation-acceptable"
NO_FAMILY_DOCTOR = "urn:creneau:StructureDefinition:no-family-doctor"
#: What one criterion says of a slot proposed by `$match`: see docs/match.md.
MATCH_REASON = "urn:creneau:StructureDefinition:match-reason"
