"""Resources to a message: what an event tells a partner that speaks HL7 v2. Pure: bytes come out, nothing is sent."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.hl7v2.build import MessageBuilder
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import OutboundPlan, Tables
from adapters.mapping.writing import compiled, instances, referred, write
from fhir_server.kernel import paths
from fhir_server.kernel.errors import Category, fault

Json = dict[str, Any]


def to_v2(
    event: str, resources: Mapping[str, Json], tables: Tables, feed: FeedMapping, *, control_id: str, now: datetime
) -> bytes:
    """The message that tells of `event` (`appointment-booked`), in the feed's character set and zone.

    `resources` holds by reference (`Appointment/1`) the resource the event is about, the only one of its type, and
    those it refers to. Raises FhirError: EVENT_NOT_SUPPORTED for an event without plan, STRUCTURE without such a
    resource, VALUE for an element that cannot be told in HL7 v2.
    """
    plan = tables.outbound_plan(event)
    if plan is None:
        raise fault(Category.EVENT_NOT_SUPPORTED, f"There is no outbound plan for the event {event}.")
    focus = next((body for body in resources.values() if body["resourceType"] == plan.focus), None)
    if focus is None:
        raise fault(Category.STRUCTURE, f"The event {event} came without its {plan.focus}.")
    builder = MessageBuilder(feed.charset)
    version = feed.version or plan.version
    scope = _scope(plan, event, focus, resources, feed, control_id, now)
    numbers: Counter[str] = Counter()
    for segment in compiled(tables, plan, version):
        for local in instances(segment.plan, focus, resources):
            values = scope | local
            if segment.when is None or segment.when(values):
                numbers[segment.plan.name] += 1
                here = values | {"segment": {"number": str(numbers[segment.plan.name])}}
                write(builder.segment(segment.plan.name), segment.steps, here, feed)
    return builder.render()


def followed(resource: Json, plan: OutboundPlan) -> Iterator[str]:
    """The references of a resource that the plan's messages tell of too."""
    for path in plan.follow:
        type_name, _, element = path.partition(".")
        if resource["resourceType"] == type_name:
            yield from paths.read(resource, f"{element}.reference")


def _scope(
    plan: OutboundPlan,
    event: str,
    focus: Json,
    resources: Mapping[str, Json],
    feed: FeedMapping,
    control_id: str,
    now: datetime,
) -> Json:
    """What rows may read: the focus and the first resource of each type it leads to, the feed, the message."""
    message_type, _, trigger = plan.events[event].partition("^")
    first = referred(focus, resources)
    for body in resources.values():
        first.setdefault(body["resourceType"], body)
    own = {name: getattr(feed, name) for name in ("application", "facility", "charset")}
    other = {name: getattr(feed, name) for name in ("receiving_application", "receiving_facility")}
    message = {"type": message_type, "trigger": trigger, "structure": plan.structure}
    message["version"] = feed.version or plan.version
    return first | {plan.focus: focus, "feed": own | other, "message": message | {"control_id": control_id, "now": now}}
