"""Deliver HL7 v2 messages over MLLP and judge their acknowledgements."""

from adapters.channels.attempt import DELIVERED, Attempt
from adapters.feeds import Send
from adapters.hl7v2.acknowledge import answers, read_acknowledgement
from adapters.mllp.client import Client
from fhir_server.kernel.errors import FhirError

#: Seconds to wait for an acknowledgement.
_TIMEOUT = 30.0


class MllpChannel:
    """A connection to one destination, opened when first needed and again after any trouble."""

    def __init__(self, send: Send) -> None:
        self._client = Client(send.host, send.port, _TIMEOUT, answers=answers)

    def deliver(self, payload: bytes) -> Attempt:
        """Send one message and wait for its answer."""
        try:
            answer = read_acknowledgement(self._client.send(payload))
        except FhirError as error:
            self.close()
            return Attempt(False, error=str(error))
        if answer.is_accepted:
            return DELIVERED
        # AE finds fault with the message: sending the same again will not help. AR does not.
        return Attempt(False, answer.is_rejected, f"answered {answer.code} {answer.error_code}".strip())

    def close(self) -> None:
        """Close the connection; the next delivery opens another."""
        self._client.close()
