"""Compartments: what concerns one patient or one practitioner, by the search parameters that lead to them.

https://www.hl7.org/fhir/R4/compartmentdefinition.html
"""

#: Type of the compartment -> type of resource -> codes of the reference parameters, of which one must lead there.
COMPARTMENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Patient": {
        "Appointment": ("actor",),
        "AppointmentResponse": ("actor",),
        "AuditEvent": ("patient",),
        "Communication": ("subject", "sender", "recipient"),
        "CommunicationRequest": ("subject", "sender", "recipient", "requester"),
        "Encounter": ("patient",),
        "Patient": ("link",),
        "Provenance": ("patient",),
        "RelatedPerson": ("patient",),
        "Schedule": ("actor",),
        "ServiceRequest": ("subject", "performer"),
    },
    "Practitioner": {
        "Appointment": ("actor",),
        "AppointmentResponse": ("actor",),
        "AuditEvent": ("agent",),
        "Communication": ("sender", "recipient"),
        "CommunicationRequest": ("sender", "recipient", "requester"),
        "Encounter": ("practitioner", "participant"),
        "Patient": ("general-practitioner",),
        "PractitionerRole": ("practitioner",),
        "Provenance": ("agent",),
        "Schedule": ("actor",),
        "ServiceRequest": ("performer", "requester"),
    },
}
