"""Invariants of R4 that a schema cannot say, and the server's own rules about single resources: a table of rows.

Rows with a key such as `app-1` are R4's, in R4's words cut short; rows with a key of two words are ours.
https://www.hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fhir_server.kernel.errors import Category, Issue
from fhir_server.validation import bundles, narrative
from fhir_server.validation.conditions import (
    any_of,
    at_least_zero,
    before,
    has_bound_offset,
    has_needed_times,
    has_one_content,
    has_value_or_extensions,
    in_ucum,
    is_ordered_range,
    is_paired,
    is_real_date,
    is_whole,
    is_whole_ratio,
    needs,
    no_item,
    not_after,
    not_both,
    one_of_two,
    only_when,
    together,
    valued,
)
from fhir_server.validation.walk import CONTAINED, PAIR, Node

_QUANTITIES = "Quantity SimpleQuantity Age Count Distance Duration"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule about one kind of node."""

    #: R4's key, or ours.
    key: str
    #: Types of nodes it is about, as `walk.Node.type` has them, separated by spaces.
    on: str
    #: True when the rule is kept. It is asked only of nodes that the schema found whole, down to their leaves.
    holds: Callable[[Node], bool]
    #: What the rule demands, for the diagnostics.
    demand: str
    #: Element of the node that the fault is told at; the node itself when empty.
    element: str = ""
    category: Category = Category.INVARIANT


INVARIANTS: tuple[Invariant, ...] = (
    # Every resource and data type.
    Invariant("ext-1", "Extension", has_value_or_extensions, "An extension has either a value or extensions"),
    Invariant("per-1", "Period", not_after("start", "end"), "A period's start is not after its end"),
    Invariant("cpt-2", "ContactPoint", needs("value", "system"), "A contact point with a value has a system"),
    Invariant("qty-3", _QUANTITIES, needs("code", "system"), "A unit's code has a system"),
    Invariant("in-ucum", "Age Count Distance Duration", in_ucum, "The unit is a UCUM code"),
    Invariant("att-1", "Attachment", needs("data", "contentType"), "Attached data has a content type"),
    Invariant("rng-2", "Range", is_ordered_range, "A range's low is not above its high"),
    Invariant("rat-1", "Ratio", is_whole_ratio, "A ratio has numerator and denominator, or neither and an extension"),
    Invariant("exp-1", "Expression", any_of("expression", "reference"), "An expression or a reference is given"),
    Invariant("drq-1", "DataRequirement.codeFilter", one_of_two("path", "searchParam"), "Either path or searchParam"),
    Invariant("drq-2", "DataRequirement.dateFilter", one_of_two("path", "searchParam"), "Either path or searchParam"),
    Invariant(
        "txt-1",
        "Narrative",
        lambda node: narrative.is_safe(node.value["div"]),
        "A narrative is formatted XHTML, no more",
        "div",
    ),
    Invariant(
        "txt-2", "Narrative", lambda node: narrative.has_content(node.value["div"]), "A narrative says something", "div"
    ),
    Invariant("tim-1", "Timing.repeat", needs("duration", "durationUnit"), "A duration has a unit"),
    Invariant("tim-2", "Timing.repeat", needs("period", "periodUnit"), "A period has a unit"),
    Invariant("tim-4", "Timing.repeat", at_least_zero("duration"), "A duration is not negative", "duration"),
    Invariant("tim-5", "Timing.repeat", at_least_zero("period"), "A period is not negative", "period"),
    Invariant("tim-6", "Timing.repeat", needs("periodMax", "period"), "periodMax comes with period"),
    Invariant("tim-7", "Timing.repeat", needs("durationMax", "duration"), "durationMax comes with duration"),
    Invariant("tim-8", "Timing.repeat", needs("countMax", "count"), "countMax comes with count"),
    Invariant(
        "tim-9",
        "Timing.repeat",
        has_bound_offset,
        "An offset comes with an event that is not a meal's course",
        "offset",
    ),
    Invariant("tim-10", "Timing.repeat", not_both("timeOfDay", "when"), "timeOfDay and when exclude each other"),
    Invariant(
        "dom-2",
        CONTAINED,
        lambda node: "contained" not in node.value,
        "What is contained contains nothing",
        "contained",
    ),
    Invariant(
        "dom-4",
        CONTAINED,
        lambda node: not {"versionId", "lastUpdated"} & node.value.get("meta", {}).keys(),
        "What is contained has no version",
        "meta",
    ),
    Invariant(
        "dom-5",
        CONTAINED,
        lambda node: "security" not in node.value.get("meta", {}),
        "What is contained has no security label",
        "meta",
    ),
    Invariant(
        "array pairing",
        PAIR,
        is_paired,
        "An array and its `_` sibling fill each place once",
        category=Category.STRUCTURE,
    ),
    Invariant(
        "real date", "date dateTime instant", is_real_date, "A date names a day that exists", category=Category.VALUE
    ),
    Invariant(
        "whole number",
        "integer positiveInt unsignedInt",
        is_whole,
        "A whole number has no fraction",
        category=Category.VALUE,
    ),
    # Scheduling.
    Invariant("app-1", "Appointment.participant", any_of("type", "actor"), "A participant has a type or an actor"),
    Invariant("app-2", "Appointment", together("start", "end"), "An appointment has start and end, or neither"),
    Invariant(
        "app-3",
        "Appointment",
        has_needed_times,
        "Only a proposed, cancelled or waiting appointment lacks start and end",
    ),
    # R4 writes `no-show`, which is no code of Appointment.status: its intent is kept.
    Invariant(
        "app-4",
        "Appointment",
        only_when("cancelationReason", "status", "cancelled", "noshow"),
        "A cancelation reason is for what is cancelled or a no-show",
        "cancelationReason",
    ),
    Invariant(
        "apr-1",
        "AppointmentResponse",
        any_of("participantType", "actor"),
        "A response has a participant type or an actor",
    ),
    Invariant(
        "slot order", "Slot", before("start", "end"), "A slot ends after it starts", "end", Category.BUSINESS_RULE
    ),
    Invariant(
        "appointment order",
        "Appointment AppointmentResponse",
        not_after("start", "end"),
        "An appointment does not end before it starts",
        "end",
        Category.BUSINESS_RULE,
    ),
    Invariant(
        "valued status",
        "Slot Appointment ServiceRequest",
        valued("status"),
        "A status has a value of its own",
        "status",
        Category.REQUIRED,
    ),
    Invariant(
        "valued status",
        "AppointmentResponse",
        valued("participantStatus"),
        "A status has a value of its own",
        "participantStatus",
        Category.REQUIRED,
    ),
    Invariant(
        "valued start", "Slot", valued("start"), "A slot's start has a value of its own", "start", Category.REQUIRED
    ),
    Invariant("valued end", "Slot", valued("end"), "A slot's end has a value of its own", "end", Category.REQUIRED),
    Invariant("prr-1", "ServiceRequest", needs("orderDetail", "code"), "An order detail comes with a code"),
    Invariant("inv-1", "Task", not_after("authoredOn", "lastModified"), "A task is not modified before it is authored"),
    # Persons and organizations.
    Invariant(
        "pat-1",
        "Patient.contact",
        any_of("name", "telecom", "address", "organization"),
        "A contact has a name, telecom, address or organization",
    ),
    Invariant("org-1", "Organization", any_of("identifier", "name"), "An organization has an identifier or a name"),
    Invariant(
        "org-2", "Organization", no_item("address", "use", "home"), "An organization has no home address", "address"
    ),
    Invariant(
        "org-3", "Organization", no_item("telecom", "use", "home"), "An organization has no home telecom", "telecom"
    ),
    # Infrastructure.
    Invariant("sev-1", "AuditEvent.entity", not_both("name", "query"), "An entity has a name or a query, not both"),
    Invariant("ppc-1", "Consent", any_of("policy", "policyRule"), "A consent has a policy or a policy rule"),
    Invariant("inv-1", "Parameters.parameter", has_one_content, "A parameter has a value, a resource or parts"),
    Invariant(
        "bdl-1",
        "Bundle",
        bundles.only_in("total", "searchset", "history"),
        "A total is for search and history",
        "total",
    ),
    Invariant("bdl-2", "Bundle", bundles.only_in("search", "searchset"), "entry.search is for searches", "entry"),
    Invariant(
        "bdl-3",
        "Bundle",
        bundles.has_requests,
        "entry.request is for batch, transaction and history, in every entry",
        "entry",
    ),
    Invariant(
        "bdl-4", "Bundle", bundles.has_responses, "entry.response is for responses and history, in every entry", "entry"
    ),
    Invariant(
        "bdl-5",
        "Bundle.entry",
        any_of("resource", "request", "response"),
        "An entry has a resource, request or response",
    ),
    Invariant("bdl-7", "Bundle", bundles.has_distinct_urls, "A fullUrl stands once for each version", "entry"),
    Invariant("bdl-8", "Bundle.entry", bundles.has_versionless_url, "A fullUrl names no version", "fullUrl"),
    Invariant(
        "bdl-9",
        "Bundle",
        bundles.is_identified_document,
        "A document has an identifier with system and value",
        "identifier",
    ),
    Invariant("bdl-10", "Bundle", bundles.is_dated_document, "A document has a timestamp", "timestamp"),
    Invariant(
        "bdl-11",
        "Bundle",
        bundles.starts_with("document", "Composition"),
        "A document starts with a Composition",
        "entry",
    ),
    Invariant(
        "bdl-12",
        "Bundle",
        bundles.starts_with("message", "MessageHeader"),
        "A message starts with a MessageHeader",
        "entry",
    ),
)


def _by_type() -> Mapping[str, tuple[Invariant, ...]]:
    rows: dict[str, tuple[Invariant, ...]] = defaultdict(tuple)
    for row in INVARIANTS:
        for type_name in row.on.split():
            rows[type_name] += (row,)
    return dict(rows)


_BY_TYPE = _by_type()


def issues(nodes: Iterable[Node], broken: Container[str] = ()) -> Iterator[Issue]:
    """The faults of a walked resource, node by node; nodes whose path is in `broken` are passed over."""
    for node in nodes:
        rows = _BY_TYPE.get(node.type)
        if rows is not None and node.path not in broken:
            for row in rows:
                if not row.holds(node):
                    path = f"{node.path}.{row.element}" if row.element else node.path
                    yield Issue(row.category, f"{row.demand} ({row.key}).", path)
