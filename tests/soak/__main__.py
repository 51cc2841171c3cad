"""`python -m tests.soak --store postgres --seconds 600 --kill-every 5`: exits with 1 when something is lost or doubled.

The whole server runs as an operator runs it; every few seconds one of its processes, taken in turn, is killed by
`kill -9` and left to its supervisor.
"""

import argparse
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.supervise import creneau
from tests.benchmark.databases import database
from tests.end_to_end.conftest import free_ports
from tests.soak.senders import Sender
from tests.soak.verdict import faults

SENDERS = 4


def main() -> int:
    """Run the soak; the exit code."""
    options = _options()
    with TemporaryDirectory(prefix="soak") as folder, database(options.store, Path(folder) / "store") as url:
        acknowledged, kills, other = _soak(url, Path(folder) / "log", options.seconds, options.kill_every)
        found = faults(url, acknowledged)
    print(f"{options.store}: {len(acknowledged)} messages acknowledged, {kills} processes killed, {len(found)} faults")
    print(f"answered otherwise: {dict(other)}")
    for line in found[:50]:
        print(line)
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--kill-every", type=float, default=5.0, help="seconds between two kills")
    return parser.parse_args()


def _soak(url: str, log: Path, seconds: float, kill_every: float) -> tuple[list[str], int, dict[str, int]]:
    port, http, samu = free_ports(3)
    environment = os.environ | {
        "CRENEAU_DATABASE_URL": url,
        "CRENEAU_AUDIT_FOLDER": f"{log}-audit",
        "CRENEAU_DEMO": "true",
        "CRENEAU_HTTP_PORT": str(http),
        "CRENEAU_FEED_HOSPITAL_PORT": str(port),
        "CRENEAU_FEED_SAMU_PORT": str(samu),
    }
    stop = threading.Event()
    senders = [Sender(number, port, stop) for number in range(SENDERS)]
    with log.open("wb") as output:
        server = subprocess.Popen(creneau("serve"), env=environment, stdout=output, stderr=output)
        try:
            # A process that dies during the start is the end of it: the kills wait for the word.
            while b"ready" not in log.read_bytes():
                assert server.poll() is None, log.read_text()[-2000:]
                time.sleep(0.1)
            kills = _under_fire(server.pid, senders, stop, seconds, kill_every)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    other = sum((sender.other for sender in senders), start=senders[0].other.__class__())
    return [name for sender in senders for name in sender.acknowledged], kills, dict(other)


def _under_fire(parent: int, senders: list[Sender], stop: threading.Event, seconds: float, kill_every: float) -> int:
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    deadline, kills = time.monotonic() + seconds, 0
    for turn in itertools.count():
        time.sleep(kill_every)
        if time.monotonic() > deadline:
            break
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children:
            os.kill(int(children[turn % len(children)]), signal.SIGKILL)
            kills += 1
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), (
            f"a sender waits for an answer that does not come: {[one.other for one in senders]}"
        )
    return kills


if __name__ == "__main__":
    sys.exit(main())
