"""Fragments of messages (HL7 2.5 section 2.10.2) wait in the inbox until the last of their message comes.

Each is answered CA once it is kept: it is here, and nothing was done with it. The last one is answered for the whole.
"""

from collections.abc import Sequence

from adapters.hl7v2.continuation import continues, joined
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from fhir_server.kernel.errors import Category, fault
from fhir_server.storage import inbox
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.unit_of_work import UnitOfWork

#: A fragment older than this waits in vain: its message was given up.
LONGEST_WAIT_MS = 24 * 3600 * 1000
#: More fragments than that are no message.
_MOST = 1000


def earlier(uow: UnitOfWork, last: Receipt, message: Message, charset: str) -> tuple[Message, Sequence[Receipt]]:
    """The whole message that `message` ends, and the fragments that waited for it.

    Raises FhirError: NOT_FOUND when the fragment before it, or one before that, never came or came too long ago.
    """
    receipts: list[Receipt] = []
    messages = [message]
    while pointer := continues(messages[0]):
        since = last.received_ms - LONGEST_WAIT_MS
        found = inbox.waiting(uow, last.feed, last.sender, pointer, since) if len(receipts) < _MOST else None
        if found is None or found.pk in {receipt.pk for receipt in receipts}:
            text = "The fragment before this one, whose DSC-1 is the pointer in MSH-14, is not here."
            raise fault(Category.NOT_FOUND, text, "MSH^1^14")
        receipts.append(found)
        messages.insert(0, parse(found.raw, charset))
    return joined(messages), receipts
