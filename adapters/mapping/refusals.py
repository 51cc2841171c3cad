"""What a plan refuses of a whole message, before anything is made of it."""

from adapters.hl7v2.message import Message
from adapters.mapping import compiled, reading
from adapters.mapping.cell import Scope
from adapters.mapping.feed import FeedMapping
from adapters.mapping.parts import check_once
from fhir_server.kernel.errors import Category, fault


def refuse(programme: compiled.Programme, message: Message, feed: FeedMapping) -> None:
    """Raises FhirError: STRUCTURE when a segment is repeated that the plan takes once, CONTENT_NOT_SUPPORTED for what
    the plan names under `refuse`.
    """
    check_once(programme.plan, message)
    if not programme.refusals:
        return
    scope = Scope(feed, message, message.segments[0])
    for when, at, text in programme.refusals:
        if when is None or when(scope.segment, scope):
            location = reading.location_text(message, at, scope.segment)
            raise fault(Category.CONTENT_NOT_SUPPORTED, text, location)
