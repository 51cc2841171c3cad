"""The envelope of the national hub of emergency care (Hub Santé): EDXL-DE in JSON, around a message with its own head.

Only the words: the hub's transport (AMQP) is not here. `rs-sas-rdv.schema.json` says what may be inside.
https://hub.esante.gouv.fr
"""

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import jsonschema_rs

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, Issue, raise_any

Json = dict[str, Any]

#: How long the hub keeps a message for who is to read it.
KEPT = timedelta(days=1)
_SCHEME = "hubex"
_CATEGORIES = {
    "required": Category.REQUIRED,
    "enum": Category.CODE_INVALID,
    "pattern": Category.VALUE,
    "format": Category.VALUE,
    "minLength": Category.VALUE,
}


def moment(at: datetime) -> str:
    """A moment with a zone as the hub writes it: seconds, an offset, never `Z`; UTC is `-00:00`."""
    text = at.isoformat(timespec="seconds")
    return text.replace("+00:00", "-00:00")


def enveloped(appointment: Json, sender: str, recipient: str, number: UUID, sent: datetime) -> Json:
    """An RS-SAS-RDV on its way between two clients of the hub (`fr.health.samu960`), by a number of its own.

    Raises FhirError as `check`.
    """
    head = {
        "messageId": f"{sender}_{number}",
        "sender": _system(sender),
        "sentAt": moment(sent),
        "kind": "Report",
        "status": "Actual",
        "recipient": [_system(recipient)],
    }
    address = {"explicitAddressScheme": _SCHEME, "explicitAddressValue": recipient}
    envelope = {
        "distributionID": head["messageId"],
        "senderID": sender,
        "dateTimeSent": moment(sent),
        "dateTimeExpires": moment(sent + KEPT),
        "distributionStatus": head["status"],
        "distributionKind": head["kind"],
        "descriptor": {"language": "fr-FR", "explicitAddress": address},
        "content": [{"jsonContent": {"embeddedJsonContent": {"message": head | {"appointment": appointment}}}}],
    }
    check(envelope)
    return envelope


def opened(envelope: Any) -> Json:
    """The appointment inside. Raises FhirError as `check`."""
    check(envelope)
    found: Json = envelope["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]["appointment"]
    return found


def check(envelope: Any) -> None:
    """Raise FhirError with an issue for each fault of an RS-SAS-RDV: where it is and which rule, never the value."""
    raise_any(_issue(error) for error in _validator().iter_errors(envelope))


def _issue(error: jsonschema_rs.ValidationError) -> Issue:
    rule = error.kind.name
    steps = [*error.instance_path, *([error.kind.as_dict()["property"]] if rule == "required" else [])]
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    told = f"{where or 'The message'} does not keep the rule {rule}."
    return Issue(_CATEGORIES.get(rule, Category.STRUCTURE), told, where or None)


def _system(client: str) -> Json:
    return {"name": client, "URI": f"{_SCHEME}:{client}"}


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    schema = json.load(files(__package__).joinpath("rs-sas-rdv.schema.json").read_bytes())
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions())
