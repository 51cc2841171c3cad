"""The national health identity of a patient, as partners may write it.

Feeds are not asked: what they tell without being allowed to is left out when their messages are read.
"""

from fhir_server.kernel.errors import raise_any
from fhir_server.scheduling.change import Change
from fhir_server.storage.unit_of_work import UnitOfWork
from fhir_server.validation import ins


def keep(uow: UnitOfWork, change: Change) -> None:
    """Refuse an INS that may not be written; what was so before is not refused again.

    Raises FhirError: BUSINESS_RULE with an issue for each element.
    """
    if not uow.actor.is_partner or change.after is None:
        return
    takes_invented = uow.policy.takes_invented_identities
    found = ins.issues(change.after, takes_invented=takes_invented)
    if found:
        known = ins.issues(change.before or {}, takes_invented=takes_invented)
        raise_any(issue for issue in found if issue not in known)
