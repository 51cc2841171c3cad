"""Deliver HL7 v2 messages over MLLP and judge their acknowledgements."""

import time

from adapters.channels.attempt import DELIVERED, Attempt
from adapters.feeds import Send
from adapters.hl7v2.acknowledge import Acknowledgement, answers, read_acknowledgement
from adapters.lines import RETRY, SKIP
from adapters.mllp.client import Client
from fhir_server.kernel.errors import FhirError


class MllpChannel:
    """A connection to one destination, opened when first needed and again after any trouble."""

    def __init__(self, send: Send) -> None:
        wire = send.wire
        context = wire.tls.client_context() if wire.tls else None
        self._client = Client(
            send.host, send.port, wire.timeout_seconds, answers=answers, ssl_context=context, release=wire.release
        )
        self._wire = wire
        self._free_at = 0.0

    def deliver(self, payload: bytes, *, is_new: bool = False) -> Attempt:
        """Send one message and wait for its answer; before it, whatever is left of the pause after the last.

        Whether it is new, the receiver sees by its control id.
        """
        time.sleep(max(self._free_at - time.monotonic(), 0.0))
        try:
            answer = read_acknowledgement(self._client.send(payload))
        except FhirError as error:
            self.close()
            return Attempt(False, error=str(error))
        self._free_at = time.monotonic() + self._wire.pause_seconds
        return DELIVERED if answer.is_accepted else self._refused(answer)

    def _refused(self, answer: Acknowledgement) -> Attempt:
        """AE finds fault with the message: sending the same again will not help, unless the partner says so."""
        told = f"answered {answer.code} {answer.error_code}".strip()
        if answer.is_rejected or self._wire.on_error == RETRY:
            return Attempt(False, True, told)
        return Attempt(False, False, told, is_given_up=self._wire.on_error == SKIP)

    def close(self) -> None:
        """Close the connection; the next delivery opens another."""
        self._client.close()
