"""The operations of IHE Scheduling: find, hold and book an appointment (ITI-115, ITI-116, ITI-117).

https://profiles.ihe.net/ITI/Scheduling
"""

from fhir_server.registry.model import Operation, OperationParameter

_IHE = "https://profiles.ihe.net/ITI/Scheduling/OperationDefinition"
_BUNDLE = "A searchset: appointments, or an OperationOutcome that says why there is none."


def _take(name: str, type_name: str, documentation: str, *, is_required: bool = False) -> OperationParameter:
    return OperationParameter(name, "in", type_name, documentation, is_required=is_required)


def _take_all(name: str, type_name: str, documentation: str) -> OperationParameter:
    return OperationParameter(name, "in", type_name, documentation, is_list=True)


def _operation(name: str, documentation: str, *parameters: OperationParameter) -> Operation:
    return Operation(
        name,
        levels=frozenset({"type"}),
        types=frozenset({"Appointment"}),
        handler=name,
        definition=f"{_IHE}/appointment-{name}",
        documentation=documentation,
        affects_state=name != "find",
        parameters=(*parameters, OperationParameter("return", "out", "Bundle", _BUNDLE, is_required=True)),
        is_posted=True,
        url_parameters=(("_count", "How many at most."),) if name == "find" else (),
        is_creating=name == "book",
    )


SCHEDULING = (
    _operation(
        "find",
        "Proposes appointments that the caller may book now, the soonest first. _count caps how many.",
        _take("start", "dateTime", "From when on.", is_required=True),
        _take("end", "dateTime", "Until when an appointment must be over.", is_required=True),
        _take_all("specialty", "string", "system|code of the slot's specialty; one of those given."),
        _take_all("visit-type", "string", "system|code of the slot's service type; one of those given."),
        _take_all("practitioner", "Reference", "Practitioner or PractitionerRole, by reference or identifier."),
        _take_all("organization", "Reference", "Organization, by reference or identifier."),
        _take_all("location-string", "string", "How a part of the address begins."),
        _take_all("location-reference", "Reference", "Location, by reference or identifier."),
        _take_all("patient-reference", "Reference", "Patient known here; several take part together."),
        _take_all("patient-resource", "Patient", "Patient not known here; nothing is stored."),
        _take_all("reason", "string", "system|code of why; it is written into the proposals."),
        _take("referral-identifier", "Identifier", "Identifier of the ServiceRequest that is answered."),
        _take("timing", "Timing", "Days and times of day that suit: others are not proposed."),
        _take_all("insurance-reference", "Reference", "Taken and not used."),
    ),
    _operation(
        "hold",
        "Keeps a proposed appointment for the caller until the moment that the header Expires names.",
        _take("appointment-reference", "Reference", "One of those that $find proposed.", is_required=True),
    ),
    _operation(
        "book",
        "Books a proposed or held appointment, or changes or cancels one.",
        _take("appointment-reference", "Reference", "One that $find proposed or $hold holds."),
        _take("appointment-resource", "Appointment", "A new one (pending), or one as it is to be."),
        _take_all("patient-resource", "Patient", "Who it is for, if not named otherwise."),
        _take("comment", "string", "Kept as the appointment's comment."),
    ),
)
