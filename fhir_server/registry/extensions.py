"""Extensions of Schedule and Slot that more than one room reads or writes, by their canonical URLs."""

#: How many appointments a slot holds (SMART Scheduling Links).
CAPACITY = "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity"

#: `holder` (code, one or more) and `release` (instant; absent: never) of a slot that is kept for some.
DIRECT_ACCESS = "urn:creneau:StructureDefinition:slot-direct-access"

_FR_CORE, _FR_CORE_1 = (
    "https://hl7.fr/ig/fhir/core/StructureDefinition/",
    "http://interopsante.org/fhir/StructureDefinition/",
)

#: When a Schedule is free, or is not: FrCore 2, and the name of the years before.
AVAILABILITY_TIME = frozenset(
    {f"{_FR_CORE}fr-core-schedule-availability-time", f"{_FR_CORE_1}FrScheduleAvailabilityTime"}
)
#: What a Schedule does, and how long that takes.
SERVICE_TYPE_DURATION = frozenset({f"{_FR_CORE}fr-core-service-type-duration", f"{_FR_CORE_1}FrServiceTypeDuration"})

#: What the slots of an availability are: in one availability time, or in the Schedule for all of them.
ROTA_OFFER = "urn:creneau:StructureDefinition:rota-offer"
#: Where a Schedule's clock and public holidays are: `department` and `zone`.
ROTA_PLACE = "urn:creneau:StructureDefinition:rota-place"

#: System of the business identifier of a slot made by a rota: `<Schedule id>|<start in UTC>`.
ROTA = "urn:creneau:rota"
