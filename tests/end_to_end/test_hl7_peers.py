"""Other people's HL7 software over real sockets: what we send is taken by it, what it sends is answered, and both sides
understand the other's acknowledgement.

python-hl7 (Debian's python3-hl7 is the same), node-hl7-client, node-hl7-server and simple-hl7 of npm, and bash's
`/dev/tcp` as a peer that knows nothing.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.client import MLLPClient
from hl7.mllp import HL7StreamReader, HL7StreamWriter, open_hl7_connection, start_hl7_server

from adapters.lines import Wire
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.scheduling.events import EVENTS
from fhir_server.settings import Settings
from tests.conftest import StandingClock
from tests.contract.line import port_of
from tests.contract.outbound import office
from tests.contract.siu import PID, sch
from tests.contract.test_outbound import CASES

WAIT = 60
#: What a receiver took: trigger and control id of each message.
Taken = list[tuple[str, str]]
Receiver = Callable[[Path], AbstractContextManager[tuple[int, Taken]]]
#: Sends messages to a port; the code and control id of each answer.
Sender = Callable[[Path, int, list[str]], Taken]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the libraries of npm and the script that uses them."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not installed, so its HL7 libraries cannot run")
    folder = tmp_path_factory.mktemp("hl7")
    wanted = ["node-hl7-client@3", "node-hl7-server@2", "simple-hl7@3"]
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", *wanted]
    installed = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    if installed.returncode:
        pytest.skip("the npm registry cannot be reached, so its HL7 libraries are not there")
    shutil.copy(Path(__file__).with_name("hl7_peers.mjs"), folder)
    return folder


@contextmanager
def python_hl7(folder: Path) -> Iterator[tuple[int, Taken]]:
    """python-hl7's asynchronous server, in a thread of its own."""
    taken: Taken = []
    port: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                header = message.segment("MSH")
                taken.append(("^".join(str(header[9]).split("^")[:2]), str(header[10])))
                writer.writemessage(message.create_ack("AA"))
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def run() -> None:
        server = await start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8")
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(WAIT)
    try:
        yield port[0], taken
    finally:
        stop.set()
        thread.join(WAIT)


def of_node(library: str) -> Receiver:
    """A server of npm, in a process of its own."""

    @contextmanager
    def run(folder: Path) -> Iterator[tuple[int, Taken]]:
        command = ["node", "hl7_peers.mjs", "receive", library]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        taken: Taken = []
        port = json.loads(process.stdout.readline())["port"]
        reader = threading.Thread(target=_note, args=(process.stdout, taken))
        reader.start()
        try:
            yield port, taken
        finally:
            process.terminate()
            process.wait(WAIT)
            reader.join(WAIT)
            process.stdout.close()

    return run


def _note(lines: Any, taken: Taken) -> None:
    for line in lines:
        told = json.loads(line)
        taken.append((told.get("trigger", "error"), told.get("id") or told.get("error")))


RECEIVERS: dict[str, Receiver] = {
    "python-hl7": python_hl7,
    "node-hl7-server": of_node("node-hl7-server"),
    "simple-hl7": of_node("simple-hl7"),
}


@pytest.mark.parametrize("version", ["2.3", "2.5", "2.8"])
@pytest.mark.parametrize("name", RECEIVERS)
def test_what_we_send_is_taken(settings: Settings, clock: StandingClock, node: Path, name: str, version: str) -> None:
    """A message of every event; the receiver's own acknowledgement of each is ours to understand."""
    with (
        RECEIVERS[name](node) as (port, taken),
        office(settings, clock, port, Wire(timeout_seconds=5.0), has_all_referrals=True, version=version) as desk,
    ):
        for case in CASES:
            case.change(desk, SYSTEM, case.before(desk))  # type: ignore[arg-type]
        desk.deliver()
        owed = desk.deliveries

    assert {one.event for one in owed} == EVENTS
    assert {one.state for one in owed} == {"delivered"}
    # node-hl7-server takes, and answers, all earlier messages of a connection again with each new one.
    assert {number for _, number in taken} == {f"CRN{one.pk}" for one in owed}
    assert {trigger for trigger, _ in taken} == {case.trigger for case in CASES}


def _by_client(folder: Path, port: int, messages: list[str]) -> Taken:
    """python-hl7's blocking client: it takes what one `recv` gives."""
    with MLLPClient("127.0.0.1", port) as client:
        return [_read(client.send_message(text).strip(b"\x0b\x1c\r").decode()) for text in messages]


def _by_streams(folder: Path, port: int, messages: list[str]) -> Taken:
    """python-hl7's asynchronous client."""

    async def send() -> Taken:
        reader, writer = await open_hl7_connection("127.0.0.1", port, encoding="utf-8")
        taken = []
        for text in messages:
            writer.writemessage(hl7.parse(text))
            await writer.drain()
            taken.append(_read(str(await reader.readmessage())))
        writer.close()
        return taken

    return asyncio.run(send())


def _by_command(folder: Path, port: int, messages: list[str]) -> Taken:
    """python-hl7's command: mllp_send."""
    (folder / "messages.hl7").write_text("".join(messages), encoding="utf-8")
    program = "import sys, hl7.client; sys.argv[0] = 'mllp_send'; hl7.client.mllp_send()"
    command = [sys.executable, "-c", program, "--loose", "--file", "messages.hl7", "--port", str(port), "127.0.0.1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=WAIT, check=True)
    return [_read(text.strip("\x0b\r\n")) for text in done.stdout.decode().split("\x1c") if text.strip()]


def _by_node(library: str) -> Sender:
    def send(folder: Path, port: int, messages: list[str]) -> Taken:
        (folder / "messages.json").write_text(json.dumps(messages), encoding="utf-8")
        command = ["node", "hl7_peers.mjs", "send", library, str(port), "messages.json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=WAIT, check=True)
        answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return [(answer.get("code", "error"), answer.get("id", answer.get("error"))) for answer in answers]

    return send


def _by_bash(folder: Path, port: int, messages: list[str]) -> Taken:
    """Bytes on a socket, and what comes back up to the end byte."""
    script = "\n".join(
        [f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
        + [
            f"cat {number}.frame >&3; IFS= read -r -d $'\\x1c' -u 3 answer; echo \"$answer\"; echo ----"
            for number in range(len(messages))
        ]
    )
    for number, text in enumerate(messages):
        (folder / f"{number}.frame").write_bytes(b"\x0b" + text.encode() + b"\x1c\r")
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, timeout=WAIT, check=True)
    return [_read(text.strip("\x0b\r\n")) for text in done.stdout.decode().split("----") if text.strip()]


def _read(answer: str) -> tuple[str, str]:
    stated = hl7.parse(answer).segment("MSA")
    return str(stated[1]), str(stated[2])


SENDERS: dict[str, Sender] = {
    "python-hl7 client": _by_client,
    "python-hl7 streams": _by_streams,
    "python-hl7 mllp_send": _by_command,
    "node-hl7-client": _by_node("node-hl7-client"),
    "simple-hl7": _by_node("simple-hl7"),
    "bash": _by_bash,
}


def messages() -> list[str]:
    """Booked, moved, cancelled, and one that is refused because it has no time."""
    told = [("S12", "0900", "F1"), ("S13", "1000", "F1"), ("S15", "1000", "F1"), ("S12", "", "F2")]
    return [
        "\r".join(
            [
                rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|2026030208{number:02d}00||SIU^{event}^SIU_S12|M{number}|P|2.5|||"
                "||FRA|UNICODE UTF-8",
                sch(start, start[:2] + "20", filler),
                PID.replace("Camille", "Hélène"),
                "RGS|1",
                "",
            ]
        )
        for number, (event, start, filler) in enumerate(told)
    ]


@pytest.mark.parametrize("name", SENDERS)
def test_what_others_send_is_answered(house: House, node: Path, name: str) -> None:
    with port_of(house) as port:
        answers = SENDERS[name](node, port, messages())

    assert answers == [("AA", "M0"), ("AA", "M1"), ("AA", "M2"), ("AE", "M3")]
