"""Batch and transaction. https://www.hl7.org/fhir/R4/http.html#transaction"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.interactions import bundle_deeds, bundle_entry, bundle_references, bundle_transaction
from fhir_server.interactions.bundle_answer import Answer, Context, failed, perform
from fhir_server.interactions.bundle_entry import Entry
from fhir_server.interactions.bundle_failure import located
from fhir_server.interactions.bundle_look import look
from fhir_server.interactions.bundle_step import plan
from fhir_server.interactions.condition import Condition, condition
from fhir_server.interactions.idempotent import Key, once
from fhir_server.interactions.reach import AccessCheck
from fhir_server.kernel import log
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.storage.database import is_unavailable
from fhir_server.storage.unit_of_work import Store, UnitOfWork, unavailable
from fhir_server.validation import gates

#: Entries of one Bundle.
MAX_ENTRIES = 1000

_log = logging.getLogger("fhir_server.bundle")


def process(
    store: Store,
    access_check: AccessCheck,
    actor: Actor,
    bundle: dict[str, Any],
    base_url: str,
    *,
    returned: str = "representation",
    strict: bool = False,
    key: Key | None = None,
) -> dict[str, Any]:
    """Do what each entry of a batch or transaction asks, and return the Bundle of answers, in the same order.

    Entries of a batch succeed and fail each on its own. A transaction raises the FhirError of the entry that failed,
    and nothing of it is stored. `access_check` is asked before an entry is done; `returned` is the preference `return`,
    and with `strict` unknown parameters of searches and histories are refused. Under a `key`, a transaction is done
    once, and each write of a batch.
    Raises FhirError for what is no Bundle, of another type, nested, or of too many entries.
    """
    kind = _check(bundle)
    context = Context(store, actor, access_check, base_url, returned, strict, key)
    bundle_deeds.begin(actor, kind)
    entries = _PROCESSES[kind](context, bundle)
    answer = {"resourceType": "Bundle", "type": f"{kind}-response"}
    return answer | {"entry": entries} if entries else answer


def _check(bundle: dict[str, Any]) -> str:
    if bundle.get("resourceType") != "Bundle":
        raise fault(Category.STRUCTURE, "What is posted to the base is a Bundle.", "Bundle.resourceType")
    kind = bundle.get("type")
    if kind is None:
        raise fault(Category.REQUIRED, "The Bundle has no type.", "Bundle.type")
    if not isinstance(kind, str) or kind not in _PROCESSES:
        raise fault(Category.VALUE, "Only a batch or a transaction is processed.", "Bundle.type")
    entries = bundle.get("entry", [])
    if isinstance(entries, list) and len(entries) > MAX_ENTRIES:
        raise fault(Category.TOO_LARGE, f"A Bundle has at most {MAX_ENTRIES} entries.", "Bundle.entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and _type_of(entry) == "Bundle":
            raise fault(
                Category.INVALID, "A Bundle inside a Bundle is not processed.", f"Bundle.entry[{number}].resource"
            )
    gates.validate(bundle, "Bundle", into_entries=False)
    return kind


def _type_of(entry: Mapping[str, Any]) -> Any:
    resource = entry.get("resource")
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _transaction(context: Context, bundle: dict[str, Any]) -> list[Answer]:
    entries = [_read(context, number, raw) for number, raw in enumerate(bundle.get("entry", ()))]
    gates.validate(bundle, "Bundle")
    return bundle_transaction.run(context, entries, _searches(context, entries))


def _read(context: Context, number: int, raw: Mapping[str, Any]) -> Entry:
    try:
        return _entry(context, number, raw)
    except FhirError as error:
        raise located(error, number, str(_type_of(raw))) from None


def _entry(context: Context, number: int, raw: Mapping[str, Any]) -> Entry:
    now_ms = context.store.database.clock()
    return bundle_entry.read(number, raw, context.access_check, context.base_url, now_ms)


def _searches(context: Context, entries: list[Entry]) -> dict[str, Condition]:
    """The conditional references of all entries, understood."""
    found: dict[str, Condition] = {}
    for entry in entries:
        for text in bundle_references.searches(entry.resource or {}):
            try:
                found.setdefault(text, _search(context, text))
            except FhirError as error:
                raise located(error, entry.number, entry.type) from None
    return found


def _search(context: Context, text: str) -> Condition:
    type_name, _, query = text.partition("?")
    if type_name not in RESOURCES:
        raise fault(Category.NOT_SUPPORTED_TYPE, "A conditional reference is to a type that is not served.")
    context.access_check(type_name, "s")
    return condition(type_name, query, access_check=context.access_check, base_url=context.base_url)


def _batch(context: Context, bundle: dict[str, Any]) -> list[Answer]:
    return list(_independent(context, bundle))


def _independent(context: Context, bundle: dict[str, Any]) -> Iterator[Answer]:
    for number, raw in enumerate(bundle.get("entry", ())):
        part = bundle_deeds.part_of(context)
        yield bundle_deeds.answered(part, _answered(part, number, raw))


def _answered(context: Context, number: int, raw: Mapping[str, Any]) -> Answer:
    try:
        entry = _entry(context, number, raw)
        bundle_deeds.understood(context, entry)
        return _alone(context, entry)
    except FhirError as error:
        return failed(error)
    except Exception as error:
        # What entries before this one did is done: their answers must not be lost with this one's.
        _log.error("unexpected request=%s entry=%d %s", context.actor.request_id, number, log.describe(error))
        return failed(unavailable() if is_unavailable(error) else _failure())


def _failure() -> FhirError:
    return fault(Category.EXCEPTION, "The server failed. The request id names the log entry.")


def _alone(context: Context, entry: Entry) -> Answer:
    if not entry.is_write:
        return look(context, entry)
    if entry.resource is not None:
        gates.validate(entry.resource, str(entry.resource["resourceType"]))

    def work(uow: UnitOfWork) -> Answer:
        (step,) = plan(uow, [entry], context.access_check)
        return perform(context, uow, step)

    key = context.key.part(entry.number) if context.key is not None else None
    answer: Answer
    answer, _ = once(context.store, context.actor, key, work)
    return answer


_PROCESSES = {"batch": _batch, "transaction": _transaction}
