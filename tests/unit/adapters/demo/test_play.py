"""The day against a server that is not there: every step says so, and the verdict is no."""

import socket
from io import StringIO

from adapters.demo.listener import Listener
from adapters.demo.play import STEPS, Endpoints, play


def test_a_day_without_a_server_keeps_no_promise() -> None:
    with socket.socket() as bound:
        # Bound but not listening: connections are refused at once.
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        out = StringIO()

        with Listener("127.0.0.1", 0) as hospital:
            verdict = play(Endpoints(f"{base}/fhir", f"{base}/oauth/token", port, port), hospital, out)

    assert 1 == verdict
    assert len(STEPS) == sum(line.lstrip().startswith("BROKEN") for line in out.getvalue().splitlines())
    assert f"{len(STEPS)} promises did not hold: 0 of {len(STEPS)}." in out.getvalue()


def test_every_step_has_a_title() -> None:
    assert [] == [step.__name__ for step in STEPS if not (step.__doc__ or "").endswith(".")]
