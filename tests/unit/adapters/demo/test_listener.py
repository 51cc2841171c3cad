"""The hospital's listener, over a real socket."""

import socket

import pytest

from adapters.demo.listener import Listener
from adapters.hl7v2.acknowledge import answers, read_acknowledgement
from adapters.mllp.client import Client


def siu(control_id: str) -> bytes:
    return f"MSH|^~\\&|CRENEAU|CPTS-DEMO|GAM|CH-DEMO|20260105091500||SIU^S12^SIU_S12|{control_id}|P|2.5\r".encode()


def test_what_is_sent_is_acknowledged_and_remembered() -> None:
    with Listener("127.0.0.1", 0) as listener:
        with Client("127.0.0.1", listener.port, 10, answers=answers) as client:
            acknowledgements = [read_acknowledgement(client.send(siu(number))) for number in ("A1", "A2")]
        found = listener.wait_for(lambda message: b"|A2|" in message, 10)

    assert [("AA", "A1"), ("AA", "A2")] == [(item.code, item.control_id) for item in acknowledgements]
    assert siu("A2") == found


def test_what_never_comes_is_not_waited_for_longer_than_asked() -> None:
    with Listener("127.0.0.1", 0) as listener:
        assert None is listener.wait_for(lambda message: True, 0.01)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listener = Listener("127.0.0.1", taken.getsockname()[1])

        with pytest.raises(OSError, match="address already in use"), listener:
            pass
