"""Messages sent in fragments (HL7 2.5 section 2.10.2): told apart, and put together again.

A fragment that is not the last ends with DSC, whose first field is a pointer; the next repeats the pointer in MSH-14.
A segment cut in two is followed by an empty ADD, and goes on in the ADD that begins the next fragment:

    MSH|...|1|...            MSH|...|2|P|2.5||POINTER
    OBX|1|FT|||The first     ADD| and the second half
    ADD|                     OBX|2|...
    DSC|POINTER|F
"""

from collections.abc import Sequence

from adapters.hl7v2.message import NULL, Message, Segment
from fhir_server.kernel.errors import Category, fault

#: Queries and their answers use DSC to ask for and to give the next page: no fragments.
_PAGED = ("Q", "SQ", "VX", "RSP", "RTB", "RDY", "ORF", "DSR", "ADR", "EQQ", "SPQ", "TBR", "OSQ", "OSR")
#: DSC-2 (table 0398).
_FRAGMENT, _PAGE = "F", "I"


def goes_on(message: Message) -> str:
    """The pointer to the fragment that follows this message; empty when none does."""
    ends = message.segments_named("DSC")
    pointer = ends[-1].get("1") if ends else None
    if not pointer or pointer is NULL:
        return ""
    style = ends[-1].get("2") or (_PAGE if (message["MSH-9.1"] or "").startswith(_PAGED) else _FRAGMENT)
    return "" if style == _PAGE else pointer


def continues(message: Message) -> str:
    """The pointer by which this message goes on from an earlier fragment; empty when it does not."""
    pointer = message["MSH-14"]
    return "" if not pointer or pointer is NULL or (message["MSH-9.1"] or "").startswith(_PAGED) else pointer


def joined(fragments: Sequence[Message]) -> Message:
    """The message whose fragments these are, in order, with the header of the first.

    Raises FhirError (STRUCTURE) when one is not written with the delimiters of the first.
    """
    first = fragments[0]
    segments: list[Segment] = []
    for message in fragments:
        if message.delimiters != first.delimiters:
            raise fault(Category.STRUCTURE, "The fragments of the message are not written with one set of delimiters.")
        body = [segment for segment in message.segments[0 if message is first else 1 :] if segment.name != "DSC"]
        if body and segments and body[0].name == "ADD":
            _append(segments, body.pop(0))
        segments += [Segment(segment.raw, first.notation, segment.end) for segment in body]
    return first.with_segments(segments)


def _append(segments: list[Segment], addition: Segment) -> None:
    """Go on with the segment that was cut: behind it stands the empty ADD that says so."""
    if segments[-1].name == "ADD":
        segments.pop()
    cut = segments[-1]
    rest = addition.raw.partition(addition.notation.delimiters.field)[2]
    segments[-1] = Segment(cut.raw + rest, cut.notation, addition.end)
