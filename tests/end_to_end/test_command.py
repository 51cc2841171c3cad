"""The commands an operator types."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from adapters.supervise import creneau, wait_until_ready
from tests import builders
from tests.end_to_end.conftest import Server
from tests.mllp_peer import listening

ADMISSION = (
    rb"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||ADT^A28^ADT_A05|%s|P|2.5|||||FRA|UNICODE UTF-8" + b"\n"
    b"EVN||20260302080000\n%s\n"
)
PERSON = b"PID|1||77^^^CH-DEMO^PI||ESSAI^Ada^^^^^L||19790328|F"


def run(server: Server, *words: str, code: int = 0) -> str:
    """Standard output of a command that must end with this code."""
    result = subprocess.run(
        creneau(*words), env=server.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout


def test_messages_are_sent_listed_shown_and_replayed(server: Server, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.hl7", tmp_path / "bad.hl7"
    good.write_bytes(ADMISSION % (b"S1", PERSON))
    bad.write_bytes(ADMISSION % (b"S2", b"PID|1||||ESSAI^Ada"))
    server.start("listen")
    port = str(server.hospital_port)

    assert "MSA|AA|S1" in run(server, "send", str(good), "--port", port)
    assert "MSA|AE|S2" in run(server, "send", str(bad), "--port", port, code=1)
    listed = run(server, "inbox", "list").splitlines()
    refused = run(server, "inbox", "list", "--state", "refused").splitlines()
    assert (len(listed), len(refused)) == (2, 1)
    assert "ESSAI" not in "".join(listed)
    number = refused[0].split()[0]
    shown = run(server, "inbox", "show", number)
    assert "PID|1||||ESSAI^Ada" in shown
    assert "PID-3 Patient identifier list is required and has no value." in shown
    assert "is required" not in run(server, "inbox", "show", listed[1].split()[0])
    assert run(server, "inbox", "replay", number).startswith(f"{number} AE")
    assert "no message 99" in run_error(server, "inbox", "show", "99")


def run_error(server: Server, *words: str) -> str:
    result = subprocess.run(
        creneau(*words), env=server.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    return result.stderr


def test_a_partner_is_added_and_books(server: Server) -> None:
    printed = run(server, "partner", "add", "agenda-x", "--name", "Agenda X", "--scope", "system/Patient.cruds")
    secret = printed.split("client_secret ")[1].split()[0]
    assert secret not in run(server, "partner", "list")
    server.start("web")

    token = server.token("agenda-x", secret)

    assert server.fhir("POST", "Patient", builders.patient(), token=token).status == 201
    assert server.fhir("GET", "Slot", token=token).status == 403


def test_deliveries_are_listed_sent_again_and_dropped(server: Server) -> None:
    server.start("web", "dispatch")
    token = server.token("demo-vendor")
    with listening(int(server.environment["CRENEAU_FEED_HOSPITAL_SEND_PORT"])) as hospital:
        assert server.fhir("POST", "Appointment", builders.appointment(), token=token).status == 201
        deadline = time.monotonic() + 30
        while "delivered" not in run(server, "outbox", "list") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert hospital.triggers == ["S12"]
    server.fhir("POST", "Appointment", builders.appointment(), token=token)
    (line,) = run(server, "outbox", "list", "--state", "waiting").splitlines()

    assert run(server, "outbox", "replay", line.split()[0]) == "1 will be sent again\n"
    assert run(server, "outbox", "drop", line.split()[0]) == "1 dropped\n"


def test_the_schema_goes_up_and_down(server: Server) -> None:
    assert run(server, "migrate", "--revision", "base") == "The schema is at base.\n"
    assert run(server, "migrate") == "The schema is at head.\n"


def test_wrong_settings_are_one_clear_line(server: Server) -> None:
    server.environment["CRENEAU_HTTP_PORT"] = "many"

    assert run_error(server, "check") == "Error: http_port: 'many' is not a whole number\n"


def test_help_tells_a_newcomer_where_to_begin(server: Server) -> None:
    text = run(server, "--help")

    assert "creneau demo" in text
    assert all(name in text for name in ("demo", "serve", "send", "check", "migrate", "inbox", "outbox", "partner"))


def _child(parent: int, last_word: str) -> int:
    """Process id of the child whose command line ends so."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2:-1] == [last_word.encode()]:
            return int(pid)
    raise AssertionError(f"no child {last_word}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_whole_server_comes_up_restarts_what_dies_and_stops(server: Server, number: int) -> None:
    parent = subprocess.Popen(creneau("serve"), env=server.environment, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"ready http://127.0.0.1:")
        children = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(parent.pid)], capture_output=True, text=True, check=True
        )
        listener = next(line for line in children.stdout.splitlines() if line.endswith(" listen"))
        os.kill(int(listener.split()[0]), signal.SIGKILL)
        time.sleep(0.5)
        ports = [("127.0.0.1", server.hospital_port)]
        assert wait_until_ready([f"{server.origin}/ready"], ports, lambda: parent.poll() is not None)
    finally:
        parent.send_signal(number)
        assert parent.wait(60) == 0
        parent.stdout.close() if parent.stdout else None


def test_workers_stop_that_are_asked_before_they_serve(server: Server) -> None:
    server.environment["CRENEAU_WORKERS"] = "6"
    server.start("web")
    process = server.processes.pop("web")

    # The first worker answers while the others are still coming up.
    process.send_signal(signal.SIGTERM)

    assert process.wait(15) == 0
