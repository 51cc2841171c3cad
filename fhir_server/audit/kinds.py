"""What kinds of events there are, and how each is told: one row each.

IHE BALP 1.1, https://profiles.ihe.net/ITI/BALP/; https://www.hl7.org/fhir/R4/auditevent.html. HL7 v2 messages are told
as the import and export of data, as IHE ATNA tells messages (ITI TF-2, 3.20).
"""

from collections.abc import Mapping
from dataclasses import dataclass

DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")
_INTERACTION = "http://hl7.org/fhir/restful-interaction"

Coding = tuple[str, str, str]
SOURCE: Coding = (DCM, "110153", "Source Role ID")
DESTINATION: Coding = (DCM, "110152", "Destination Role ID")
APPLICATION: Coding = (DCM, "110150", "Application")
CUSTODIAN: Coding = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian", "Custodian")


@dataclass(frozen=True, slots=True)
class Kind:
    """How an event of one kind is told."""

    type: Coding
    #: System of the subtype; its code is `code`, or the event's name when that is empty.
    system: str
    code: str
    #: C, R, U, D or E. https://www.hl7.org/fhir/R4/valueset-audit-event-action.html
    action: str
    #: Part of who asked, and of this server.
    client: Coding = SOURCE
    server: Coding = DESTINATION


def _rest(code: str, action: str, client: Coding = SOURCE, server: Coding = DESTINATION) -> Kind:
    return Kind(_REST, _INTERACTION, code, action, client, server)


def _reading(code: str) -> Kind:
    # What is read goes from the server to the client.
    return _rest(code, "R", DESTINATION, SOURCE)


#: Every kind, by name. A name that is no interaction of FHIR's is ours.
KINDS: Mapping[str, Kind] = {
    "create": _rest("create", "C"),
    "read": _reading("read"),
    "vread": _reading("vread"),
    "update": _rest("update", "U"),
    "patch": _rest("patch", "U"),
    "delete": _rest("delete", "D", APPLICATION, CUSTODIAN),
    "history-instance": _reading("history-instance"),
    "history-type": _reading("history-type"),
    "history-system": _reading("history-system"),
    "search-type": _rest("search-type", "E"),
    "search-system": _rest("search-system", "E"),
    "transaction": _rest("transaction", "E"),
    "batch": _rest("batch", "E"),
    "operation": _rest("operation", "E"),
    # A request that is no interaction: an address or method that is not served.
    "other": Kind(_REST, "urn:creneau:audit-event", "other", "E"),
    "authorization": Kind((DCM, "110114", "User Authentication"), "urn:creneau:audit-event", "", "E"),
    "message-received": Kind((DCM, "110107", "Import"), "http://terminology.hl7.org/CodeSystem/v2-0003", "", "C"),
    "message-sent": Kind((DCM, "110106", "Export"), "urn:creneau:event", "", "R", DESTINATION, SOURCE),
    "command": Kind((DCM, "110100", "Application Activity"), "urn:creneau:command", "", "E"),
}

#: Acknowledgement codes and states of deliveries as outcomes; statuses of HTTP are told by their first digit.
#: https://www.hl7.org/fhir/R4/valueset-audit-event-outcome.html
_OUTCOMES = {
    **dict.fromkeys(("committed", "delivered", "AA", "CA"), "0"),
    **dict.fromkeys(("AE", "CE", "4"), "4"),
    **dict.fromkeys(("AR", "CR", "5"), "8"),
}


def outcome(status: str) -> str:
    """0 success, 4 the other side is at fault, 8 the server is.

    >>> [outcome(one) for one in ("201", "409", "503", "AA", "AE", "dead")]
    ['0', '4', '8', '0', '4', '8']
    """
    if status.isdigit():
        return _OUTCOMES.get(status[0], "0")
    return _OUTCOMES.get(status, "8")
