"""Resources to a message: what an event tells a partner that speaks HL7 v2. Pure: bytes come out, nothing is sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.hl7v2.build import MessageBuilder
from adapters.mapping.feed import FeedMapping
from adapters.mapping.plans import OutboundPlan, Tables
from adapters.mapping.writing import compiled, instances, referred, write
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
    scope = _scope(plan, event, focus, resources, feed, control_id, now)
    for segment in compiled(tables, plan):
        for number, local in enumerate(instances(segment.plan, focus, resources), 1):
            values = scope | local | {"segment": {"number": str(number)}}
            if segment.when is None or segment.when(values):
                write(builder.segment(segment.plan.name), segment.steps, values, feed)
    return builder.render()


def _scope(
    plan: OutboundPlan,
    event: str,
    focus: Json,
    resources: Mapping[str, Json],
    feed: FeedMapping,
    control_id: str,
    now: datetime,
) -> Json:
    """What rows may read: the focus and the first resource of each type it names, the feed, the message."""
    message_type, _, trigger = plan.events[event].partition("^")
    first = referred(focus, resources)
    own = {name: getattr(feed, name) for name in ("application", "facility", "charset")}
    other = {name: getattr(feed, name) for name in ("receiving_application", "receiving_facility")}
    message = {"type": message_type, "trigger": trigger, "structure": plan.structure, "version": plan.version}
    return first | {plan.focus: focus, "feed": own | other, "message": message | {"control_id": control_id, "now": now}}
