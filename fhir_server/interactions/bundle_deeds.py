"""What a Bundle is told as in the audit trail: a transaction is one deed, each entry of a batch is one of its own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fhir_server.audit.patients import patients_in
from fhir_server.interactions.bundle_answer import Answer, Context
from fhir_server.interactions.bundle_entry import Entry
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed
from fhir_server.registry.resources import RESOURCES

#: A search in a compartment is told as a search.
_KINDS: Mapping[str, str] = {"search-compartment": "search-type"}


def begin(actor: Actor, kind: str) -> None:
    """Say whether a Bundle is a batch or a transaction."""
    if actor.deed is not None:
        actor.deed.kind = kind


def part_of(context: Context) -> Context:
    """The context of the next entry of a batch."""
    whole = context.actor.deed
    if whole is None:
        return context
    part = Deed("other", address=whole.address)
    whole.parts.append(part)
    return replace(context, actor=replace(context.actor, deed=part))


def understood(context: Context, entry: Entry) -> None:
    """Say what the entry asks."""
    part = context.actor.deed
    if part is not None:
        part.kind = _KINDS.get(entry.interaction, entry.interaction)
        part.type, part.id = entry.type, entry.id
        if entry.query or part.kind.startswith("search"):
            part.query = f"{'/'.join(one for one in (entry.type, entry.id, entry.member) if one)}?{entry.query}"


def answered(context: Context, answer: Answer) -> Answer:
    """Say what became of the entry; nothing when its own transaction has said so."""
    part = context.actor.deed
    if part is not None and not part.is_kept:
        part.status = answer["response"]["status"][:3]
        part.patients = _shown(part.type, answer)
    return answer


def looked(actor: Actor, entries: Mapping[int, Answer], types: Mapping[int, str]) -> None:
    """Say whose data the reads of a transaction show, before it is committed."""
    if actor.deed is not None and entries:
        shown = [one for number, answer in entries.items() for one in _shown(types[number], answer)]
        actor.deed.patients = tuple(dict.fromkeys(shown))


def _shown(type_name: str, answer: Mapping[str, Any]) -> tuple[str, ...]:
    row = RESOURCES.get(type_name)
    if "resource" not in answer or (row is not None and row.is_ledger):
        return ()
    return patients_in(json.encode(answer["resource"]))
