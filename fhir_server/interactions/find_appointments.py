"""`Appointment/$find`: proposals that the caller may book now (IHE ITI-115).

They are slots that a search would find, told as Appointments. Nothing is stored: what a proposal says is in its id
(`scheduling.options`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.interactions import bookable, lapsed, parties, timing
from fhir_server.interactions.answer import searchset
from fhir_server.interactions.bookable import Check, Look
from fhir_server.interactions.operation_parameters import Given, only, read
from fhir_server.kernel import dates, json, paths
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.registry.search_params import parameters
from fhir_server.scheduling import options
from fhir_server.scheduling.options import Option
from fhir_server.scheduling.proposals import proposal
from fhir_server.search.model import Criterion, Query, Span
from fhir_server.storage import row_names, seals, select
from fhir_server.storage.resources import Stored
from fhir_server.storage.select import Page
from fhir_server.storage.unit_of_work import Store

Json = dict[str, Any]

#: Proposals in one answer: unless `_count` says, and at most.
DEFAULT_COUNT, MAX_COUNT = 50, 1000
_NOTHING = Issue(Category.NOT_FOUND, "Nothing can be booked that fits.", severity="information")
_UNKNOWN_REFERRAL = Issue(
    Category.NOT_FOUND, "No ServiceRequest is known by the referral-identifier.", severity="warning"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every proposal of one answer says."""

    here: Interval
    patients: Sequence[Stored]
    #: Patients who are not known here.
    strangers: Sequence[Json]
    referral: Stored | None
    reasons: Sequence[Json]

    def option(self, slot_key: int, start_ms: int) -> Option:
        referral = 0 if self.referral is None else self.referral.pk
        return Option(slot_key, start_ms, self.here, referral, tuple(one.pk for one in self.patients))

    def told(self, id_: str, slot: Json, schedule: Json) -> Json:
        """The proposal of a slot under an id."""
        contained = [one | {"id": f"patient{number}"} for number, one in enumerate(self.strangers, 1)]
        references = [one.reference for one in self.patients] + [f"#{one['id']}" for one in contained]
        made = proposal(slot, schedule, self.here, [{"reference": text} for text in references])
        made |= {"contained": contained} if contained else {}
        made |= {"reasonCode": [*self.reasons]} if self.reasons else {}
        made |= {"basedOn": [{"reference": self.referral.reference}]} if self.referral is not None else {}
        return {"resourceType": "Appointment", "id": id_, **made}


def find(
    store: Store,
    actor: Actor,
    body: Json | None,
    *,
    access_check: Check,
    base_url: str,
    count: int | None = None,
) -> Json:
    """The Bundle of proposals, the soonest first; at the same time, in the order in which practitioners were named.

    Raises FhirError: REQUIRED, VALUE, INVALID for what cannot be read, TOO_COSTLY for too long a window or too many who
    are meant, FORBIDDEN for what the scopes do not let search.
    """
    given = read("find", body)
    access_check("Slot", "s")
    now_ms = store.database.clock()
    lapsed.end_all(store)
    look = Look(store.read(), actor, access_check, base_url, now_ms)
    asked, issues = _asked(look, given)
    schedules, ranks = bookable.schedules_of(look, given)
    preferred = only(given["timing"])
    spans = None if preferred is None else timing.spans(preferred, asked.here)
    if schedules == [] or spans == []:
        return searchset((), 0, [*issues, _NOTHING])
    query = bookable.slots_query(given, schedules, asked.here, now_ms)
    query = query if spans is None else _within(query, spans)
    page = select.run(look.connection, replace(query, count=min(count or DEFAULT_COUNT, MAX_COUNT)), actor)
    found = _proposals(look, asked, page, ranks)
    told = issues if page.total else [*issues, _NOTHING]
    return searchset([(f"{base_url}/Appointment/{one['id']}", one) for one in found], page.total or 0, told)


def _asked(look: Look, given: Mapping[str, list[Given]]) -> tuple[_Asked, list[Issue]]:
    """What the proposals are to say, and what there is to say of the question."""
    here = bookable.window(only(given["start"]), only(given["end"]))
    patients = [
        parties.named(look.connection, look.actor, "Patient", value, where, base_url=look.base_url, now_ms=look.now_ms)
        for value, where in given["patient-reference"]
    ]
    reasons = [_concept(*bookable.code_of(value, where)) for value, where in given["reason"]]
    number = only(given["referral-identifier"])
    referral = None
    if number is not None:
        look.access_check("ServiceRequest", "s")
        referral = parties.with_identifier(look.connection, look.actor, "ServiceRequest", number, now_ms=look.now_ms)
    issues = [] if number is None or referral is not None else [_UNKNOWN_REFERRAL]
    strangers = [value for value, _ in given["patient-resource"]]
    return _Asked(here, patients, strangers, referral, reasons), issues


def _within(query: Query, spans: Sequence[Interval]) -> Query:
    start = parameters("Slot")["start"]
    preferred = Criterion("Slot", start, "", tuple(Span("eq", one.low, one.high) for one in spans))
    return replace(query, criteria=(*query.criteria, preferred))


def _proposals(look: Look, asked: _Asked, page: Page, ranks: Mapping[str, int]) -> list[Json]:
    schedules = {f"{row.type}/{row.id}": json.load(row.body.encode()) for row in page.included}
    names = row_names.keys(look.connection, "Slot", [row.id for row in page.matches])
    seal = seals.newest(look.connection)
    found: list[tuple[int, int, Json]] = []
    for row in page.matches:
        slot = json.load(row.body.encode())
        schedule = schedules.get(slot["schedule"].get("reference", ""), {})
        start_ms = dates.interval(slot["start"]).low
        id_ = options.write(seal, look.actor.owner, asked.option(names[row.id], start_ms))
        if id_ is None:
            raise fault(Category.BUSINESS_RULE, "Too many patients for one appointment.", "Parameters.parameter")
        rank = min((ranks.get(actor, len(ranks)) for actor in paths.read(schedule, "actor.reference")), default=0)
        found.append((start_ms, rank, asked.told(id_, slot, schedule)))
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
