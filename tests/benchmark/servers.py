"""The servers under load: Créneau as an operator starts it, and the bare route that is its ceiling."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.processes import commands
from adapters.supervise import wait_until_ready
from fhir_server.settings import load


@dataclass(frozen=True, slots=True)
class Ports:
    """Where Créneau listens."""

    http: int
    hospital: int


@contextmanager
def product(url: str, log: Path, options: Mapping[str, str], *, has_dispatcher: bool = False) -> Iterator[Ports]:
    """The processes of `creneau serve`, in demonstration mode, the dispatcher only if asked for.

    `options` are CRENEAU_ variables.
    """
    http, hospital, samu = _free_ports(3)
    variables = {
        "DATABASE_URL": url,
        "DEMO": "true",
        "REQUESTS_PER_SECOND": "0",
        "HTTP_PORT": str(http),
        "FEED_HOSPITAL_PORT": str(hospital),
        "FEED_SAMU_PORT": str(samu),
        **options,
    }
    environment = os.environ | {f"CRENEAU_{name}": value for name, value in variables.items()}
    with ExitStack() as stack:
        for name, command in commands(load(environment)).items():
            if name != "dispatch" or has_dispatcher:
                process = stack.enter_context(_running(command, environment, log))
        _await(f"http://127.0.0.1:{http}/ready", [hospital, samu], process, log)
        yield Ports(http, hospital)


@contextmanager
def bare(url: str, statements: Path, log: Path) -> Iterator[int]:
    """The bare route over the same database, with as many workers and threads; its port."""
    (port,) = _free_ports(1)
    environment = os.environ | {
        "CRENEAU_DATABASE_URL": url,
        "CRENEAU_HTTP_PORT": str(port),
        "CRENEAU_BENCHMARK_STATEMENTS": str(statements),
    }
    with _running([sys.executable, "-m", "tests.benchmark.bare_server"], environment, log) as server:
        _await(f"http://127.0.0.1:{port}/ready", [], server, log)
        yield port


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(ready_url: str, ports: Sequence[int], process: "subprocess.Popen[bytes]", log: Path) -> None:
    addresses = [("127.0.0.1", port) for port in ports]
    if not wait_until_ready([ready_url], addresses, lambda: process.poll() is not None):
        raise RuntimeError(f"a server did not come up; its last words:\n{log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
