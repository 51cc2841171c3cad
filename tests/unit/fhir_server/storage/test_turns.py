"""One writer at a time, over threads and processes."""

import subprocess
import sys
import threading
from pathlib import Path

from fhir_server.storage.turns import Turns

#: Takes its turn, says so, and keeps it until it is told to go on.
OTHER = """
import sys
from fhir_server.storage.turns import Turns
with Turns(sys.argv[1]).taken():
    print("mine", flush=True)
    sys.stdin.readline()
"""


def test_threads_take_turns(tmp_path: Path) -> None:
    turns, inside, most = Turns(str(tmp_path / "a.db")), [0], [0]

    def write() -> None:
        for _ in range(100):
            with turns.taken():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    turns.close()

    assert most == [1]


def test_a_dead_process_gives_its_turn_back(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    turns, has_turn = Turns(path), threading.Event()
    with subprocess.Popen([sys.executable, "-c", OTHER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"

        def wait() -> None:
            with turns.taken():
                has_turn.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not has_turn.wait(0.2)
        other.kill()
        assert has_turn.wait(10)
        waiting.join(10)
    turns.close()


def test_the_file_opens_again_after_a_close(tmp_path: Path) -> None:
    turns = Turns(str(tmp_path / "a.db"))
    for _ in range(2):
        with turns.taken():
            pass
        turns.close()
