"""Run the server's processes as children: start them, start again what dies, stop all of them gracefully."""

import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

#: Seconds a child has to finish what is in flight before it is killed.
GRACE_SECONDS = 30.0
_LONGEST_PAUSE = 30.0
_LOOK_SECONDS = 0.2
#: The variable that tells a child its parent's number.
_PARENT = "CRENEAU_PARENT"


@dataclass(slots=True)
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Keeps one process of each command alive until told to stop."""

    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    _children: list[_Child] = field(default_factory=list)

    def start(self) -> None:
        """Start every child."""
        self._children = [_Child(name, command) for name, command in self.commands.items()]
        for child in self._children:
            self._spawn(child)

    def watch(self, stop: threading.Event) -> None:
        """Start again what dies, with growing pauses, until `stop` is set."""
        while not stop.wait(_LOOK_SECONDS):
            for child in self._children:
                self._look_after(child)

    def stop(self) -> None:
        """Ask every child to finish; kill what has not after GRACE_SECONDS."""
        running = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("process %d did not stop in time and is killed", process.pid)
                process.kill()
                process.wait()

    def has_failed(self) -> bool:
        """Whether a child died; during the start that is the end of it."""
        return any(child.process is not None and child.process.poll() is not None for child in self._children)

    def _look_after(self, child: _Child) -> None:
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.failures = child.failures + 1 if time.monotonic() - child.started < _LONGEST_PAUSE else 1
            pause = min(_LONGEST_PAUSE, 0.5 * 2 ** (child.failures - 1))
            log.error("%s ended with code %s; started again in %.1f s", child.name, code, pause)
            child.process, child.not_before = None, time.monotonic() + pause
        if time.monotonic() >= child.not_before:
            self._spawn(child)

    def _spawn(self, child: _Child) -> None:
        # A session of its own: Ctrl-C reaches the parent only, which stops the children in order.
        environment = {**self.environment, _PARENT: str(os.getpid())}
        child.process = subprocess.Popen(child.command, env=environment, start_new_session=True)
        child.started = time.monotonic()


def end_with_parent() -> None:
    """Stop this process when the one that started it as its child dies: an orphan would go on serving unwatched.

    Nothing happens in a process that was started by anyone else: a shell may well end before it.
    """
    parent = int(os.environ.get(_PARENT, 0))
    # What this process starts in turn is its own child.
    os.environ[_PARENT] = str(os.getpid())
    if parent == os.getppid():
        threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def creneau(*words: str) -> list[str]:
    """The command line of one of our own commands, run by this interpreter."""
    return [sys.executable, "-m", "adapters.cli", *words]


def wait_until_ready(
    urls: Sequence[str],
    ports: Sequence[tuple[str, int]],
    has_failed: Callable[[], bool],
    seconds: float = 60.0,
    trusted: ssl.SSLContext | None = None,
) -> bool:
    """Wait until every URL answers 200 and every port accepts connections; false when that does not happen.

    `trusted` is by what an https address is known.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not has_failed():
        if all(_answers(url, trusted) for url in urls) and all(_accepts(host, port) for host, port in ports):
            return True
        time.sleep(0.05)
    return False


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _answers(url: str, trusted: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=trusted) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False
