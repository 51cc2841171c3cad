"""`Schedule/[id]/$generate-slots`: make the slots of a rota now, and be told which do not fit."""

from datetime import date
from typing import Any

from fhir_server.interactions.rota_conflicts import REASONS
from fhir_server.interactions.slots_ahead import Outcome, generate
from fhir_server.interactions.visibility import absent, is_visible, require_own
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.paths import first
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import Store
from fhir_server.validation import gates

#: Slots named in one answer; the counts are of all.
_MOST = 500


def generate_slots(
    store: Store, actor: Actor, schedule_id: str, body: dict[str, Any] | None, *, horizon_days: int
) -> dict[str, Any]:
    """An OperationOutcome: how many slots were made, and a warning for each that does not fit the rules.

    Raises FhirError: NOT_FOUND for a Schedule that is not the actor's to see or never had rules, FORBIDDEN for
    another's, VALUE for parameters that cannot be read.
    """
    if body is not None:
        gates.validate(body, "Parameters")
    stored = resources.load(store.read(), "Schedule", schedule_id)
    if stored is None or not is_visible(actor, stored, store.database.clock()):
        raise absent("Schedule", schedule_id)
    require_own(actor, stored)
    is_dry = first(body, "parameter[name=dryRun].valueBoolean") is True
    return _told(generate(store, schedule_id, horizon_days=horizon_days, until=_until(body), is_dry=is_dry))


def _until(body: dict[str, Any] | None) -> date | None:
    text = first(body, "parameter[name=until].valueDate")
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise fault(Category.VALUE, "until is a whole date.", "Parameters.parameter") from None


def _told(outcome: Outcome) -> dict[str, Any]:
    counts = (
        f"{outcome.made} slots made, {outcome.changed} changed, {outcome.withdrawn} withdrawn, "
        f"{outcome.kept} as before, {len(outcome.conflicts)} that do not fit."
    )
    issues: list[dict[str, Any]] = [{"severity": "information", "code": "informational", "diagnostics": counts}]
    issues += [
        {
            "severity": "warning",
            "code": "conflict",
            "diagnostics": f"Slot/{conflict.slot_id} at {conflict.start} {REASONS[conflict.reason]}",
            "expression": [f"Slot/{conflict.slot_id}"],
        }
        for conflict in outcome.conflicts[:_MOST]
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
