"""Transaction: all entries or none. https://www.hl7.org/fhir/R4/http.html#trules

The order is DELETE, POST, PUT and PATCH, GET and HEAD, whatever the order submitted. Since no two entries may be about
the same resource, the order shows only where a rule looks at other resources: types with such a rule are written last.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from fhir_server.interactions import bundle_deeds, bundle_references
from fhir_server.interactions.bundle_answer import Answer, Context, perform
from fhir_server.interactions.bundle_entry import Entry
from fhir_server.interactions.bundle_failure import located
from fhir_server.interactions.bundle_look import look
from fhir_server.interactions.bundle_step import Step, check_identities, plan
from fhir_server.interactions.condition import Condition
from fhir_server.interactions.idempotent import once
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.scheduling.agendas import HOLDING
from fhir_server.search import match
from fhir_server.storage import select
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_ORDER = {"delete": 0, "create": 1, "update": 2, "patch": 2}
#: Types whose rule looks at other resources: a booking takes slots that the same transaction may publish, or that
#: another appointment gives back in it.
_LAST = frozenset({"Appointment"})


@dataclasses.dataclass(frozen=True, slots=True)
class _Inside(Store):
    """A store whose reads see an unfinished unit of work."""

    connection: Connection | None = None

    def read(self) -> Connection:
        assert self.connection is not None
        return self.connection


def run(context: Context, entries: Sequence[Entry], searches: Mapping[str, Condition]) -> list[Answer]:
    """The answers of a transaction's entries, in the order submitted.

    `searches` holds the conditional references of all entries, understood. Raises the FhirError of the first entry that
    fails, pointing to it; then nothing is stored.
    """
    answers: list[Answer]
    answers, _ = once(context.store, context.actor, context.key, lambda uow: _work(context, uow, entries, searches))
    return answers


def _work(
    context: Context, uow: UnitOfWork, entries: Sequence[Entry], searches: Mapping[str, Condition]
) -> list[Answer]:
    steps = plan(uow, entries, context.access_check)
    check_identities(steps)
    _rewrite(uow, steps, searches)
    answers: dict[int, Answer] = {}
    for step in sorted(steps, key=_rank):
        try:
            answers[step.entry.number] = perform(context, uow, step)
        except FhirError as error:
            raise located(error, step.entry.number, step.entry.type) from None
    _check_named(steps)
    inside = _Inside(context.store.database, context.store.routes, connection=uow.connection)
    looked = _look(dataclasses.replace(context, store=inside), entries)
    bundle_deeds.looked(uow.actor, looked, {entry.number: entry.type for entry in entries})
    answers |= looked
    return [answers[entry.number] for entry in entries]


def _check_named(steps: Sequence[Step]) -> None:
    """Raise FhirError (DUPLICATE), located, when an entry names a booking beside it that was there under another id."""
    names = {step.reference for step in steps if step.found is not None and step.id != step.found.id}
    for step in steps if names else ():
        if not names.isdisjoint(bundle_references.named(step.resource or {})):
            problem = fault(Category.DUPLICATE, "A booking that this entry refers to was made before.")
            raise located(problem, step.entry.number, step.entry.type)


def _rank(step: Step) -> tuple[int, int, int]:
    entry = step.entry
    group = 0 if entry.interaction == "delete" else 1 if entry.type not in _LAST else 2 + _claim(step)
    return group, _ORDER[entry.interaction], entry.number


def _claim(step: Step) -> int:
    """0 for an appointment that holds no slot, 2 for one that may take one; 1 for a patch, which may do either."""
    if step.entry.interaction == "patch":
        return 1
    return 2 if (step.resource or {}).get("status") in HOLDING else 0


def _look(context: Context, entries: Sequence[Entry]) -> dict[int, Answer]:
    answers: dict[int, Answer] = {}
    for entry in entries:
        if not entry.is_write:
            try:
                answers[entry.number] = look(context, entry)
            except FhirError as error:
                raise located(error, entry.number, entry.type) from None
    return answers


def _rewrite(uow: UnitOfWork, steps: Sequence[Step], searches: Mapping[str, Condition]) -> None:
    """Write the references of all steps anew: first those between entries, then those that stand for a search."""
    _apply(steps, _places(steps).get)
    if searches:
        found = {text: _resolved(uow, asked, steps) for text, asked in searches.items()}
        _check_found(steps, found)
        _apply(steps, {text: references[0] for text, references in found.items() if references}.get)
    for step in steps:
        if step.makes and step.resource is not None:
            try:
                bundle_references.check(step.resource, step.entry.type)
            except FhirError as error:
                raise located(error, step.entry.number, step.entry.type) from None


def _places(steps: Sequence[Step]) -> dict[str, str]:
    """What the entries are called in the Bundle, and the references that their resources have here."""
    places: dict[str, str] = {}
    local: dict[str, str] = {}
    for step in steps:
        entry = step.entry
        # What has an id already is called by it, unless its fullUrl is a URN.
        if not step.makes or not entry.full_url or (entry.id and not entry.full_url.startswith("urn:")):
            continue
        places[entry.full_url] = step.reference
        name = bundle_references.local_name(entry.full_url)
        if name is not None:
            local[name] = step.reference
    named = {step.reference for step in steps if step.entry.id}
    return places | {name: reference for name, reference in local.items() if name not in named}


def _apply(steps: Sequence[Step], resolve: bundle_references.Resolve) -> None:
    for step in steps:
        if step.resource is not None:
            step.resource = bundle_references.rewritten(step.resource, resolve)


def _resolved(uow: UnitOfWork, asked: Condition, steps: Sequence[Step]) -> list[str]:
    """What a conditional reference may mean: what is stored, as this transaction leaves it."""
    gone = {step.reference for step in steps if step.entry.interaction in ("delete", "update")}
    query = dataclasses.replace(asked.query, count=asked.query.count + len(gone))
    stored = [f"{row.type}/{row.id}" for row in select.run(uow.connection, query, uow.actor).matches]
    made = [step.reference for step in steps if step.entry.type == asked.type and _meets(asked, step)]
    return [reference for reference in stored if reference not in gone] + made


def _meets(asked: Condition, step: Step) -> bool:
    if not step.is_written or step.resource is None:
        return False
    return match.matches(asked.query, step.resource | {"id": step.id}, lambda _type, _id: None)


def _check_found(steps: Sequence[Step], found: Mapping[str, list[str]]) -> None:
    for step in steps:
        for text in bundle_references.searches(step.resource or {}):
            references = found.get(text, [])
            if len(references) != 1:
                raise located(_unresolved(len(references)), step.entry.number, step.entry.type)


def _unresolved(count: int) -> FhirError:
    if count:
        return fault(Category.MULTIPLE_MATCHES, "More than one resource meets a conditional reference.")
    return fault(Category.UNKNOWN_REFERENCE, "No resource meets a conditional reference.")
