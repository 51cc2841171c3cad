"""How an attempt to deliver went."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: delivered, or not and why."""

    is_delivered: bool
    #: The same may be accepted later (AR, no answer); false when the other side finds fault with the message (AE).
    is_worth_retrying: bool = True
    #: What went wrong, without patient data.
    error: str | None = None
    #: What cannot be delivered does not hold back what follows it.
    is_given_up: bool = False
    #: Nobody answered, for as long as that may take: what else goes there waits, so that others are not kept waiting.
    is_silent: bool = False


DELIVERED = Attempt(True)
