"""Original and enhanced acknowledgement (HL7 2.5 sections 2.9.2 and 2.9.3): which answers a message asks for.

In original mode the receiver answers once, on the connection, that it has applied the message (AA, AE, AR). In enhanced
mode it answers on the connection that it has the message (CA, CE, CR), and tells later, in an exchange of its own, what
became of it.
"""

from dataclasses import dataclass
from typing import Final

from adapters.hl7v2.parse import Header

ORIGINAL, AUTO, ENHANCED = "original", "auto", "enhanced"
#: What a feed may ask for: one answer always, what MSH-15 and MSH-16 say, enhanced mode always.
MODES: Final = frozenset({ORIGINAL, AUTO, ENHANCED})

#: Table 0155.
_ALWAYS, _NEVER, _ON_ERROR, _ON_SUCCESS = "AL", "NE", "ER", "SU"
_CONDITIONS = frozenset({_ALWAYS, _NEVER, _ON_ERROR, _ON_SUCCESS})


@dataclass(frozen=True, slots=True)
class Wanted:
    """When to answer, by table 0155. Without `accept` the message is answered in original mode."""

    accept: str = ""
    application: str = ""

    @property
    def is_enhanced(self) -> bool:
        return bool(self.accept)


def wanted(header: Header, mode: str) -> Wanted:
    """The answers that the message with that header gets from a feed of that mode.

    The standard does not say what one of MSH-15 and MSH-16 alone means. `AL` alone is what senders of original mode
    write by habit; any other word asks for enhanced mode, and the one left out is never.
    """
    accept, application = (_condition(text) for text in (header.accept_ack, header.application_ack))
    if mode == ENHANCED:
        return Wanted(accept or _ALWAYS, application or _NEVER)
    is_habit = _ALWAYS in (accept, application) and not (accept and application)
    if mode == ORIGINAL or is_habit or not (accept or application):
        return Wanted()
    return Wanted(accept or _NEVER, application or _NEVER)


def is_due(condition: str, *, is_success: bool) -> bool:
    """Whether an answer asked for under that condition is to be given."""
    return condition == _ALWAYS or condition == (_ON_SUCCESS if is_success else _ON_ERROR)


def _condition(text: str) -> str:
    word = text.strip().upper()
    return word if word in _CONDITIONS else ""
