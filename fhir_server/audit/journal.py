"""Journals: where the events of reads, searches and refusals wait, so that none of them costs a transaction.

Each process appends lines to a file of its own: one write, which a kill of the process cannot undo. Whoever seals the
trail reads the files on, and removes one once its process has left it. A process holds a lock on its file for as long
as it writes to it, so a dead one is told from a slow one whatever numbers processes have.
"""

import fcntl
import os
import socket
import threading
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fhir_server.kernel.ids import new_id

_SUFFIX = ".journal"
#: A longer file is left for a new one, so that the old one can be removed.
_LONGEST = 16 * 1024 * 1024


class Journal:
    """The journal of one process. Cheap to make: its file comes with the first line."""

    def __init__(self, folder: Path, longest: int = _LONGEST) -> None:
        self._folder = folder
        self._longest = longest
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._length = 0
        self._is_torn = False

    def append(self, line: bytes) -> None:
        """Add a line, which must hold no end of line. Raises OSError when it cannot be kept whole."""
        with self._lock:
            if self._descriptor is None or self._length >= self._longest:
                self._begin()
            assert self._descriptor is not None
            octets = b"%b%b\n" % (b"\n" if self._is_torn else b"", line)
            # A write that fails half way leaves half a line: the next one ends it first.
            self._is_torn = True
            count = os.write(self._descriptor, octets)
            self._length += count
            if count < len(octets):
                raise OSError("the journal took only a part of the line")
            self._is_torn = False

    def close(self) -> None:
        """Leave the file to whoever seals the trail; another line begins a new one."""
        with self._lock:
            self._leave()

    def _begin(self) -> None:
        self._leave()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{socket.gethostname()}-{os.getpid()}-{new_id()}{_SUFFIX}"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # Locked before it has its name: nobody may take it for one that was left.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            fresh.rename(path)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._length, self._is_torn = descriptor, 0, False

    def _leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole lines of a journal, read on from where its last reader was."""

    #: Name of the file.
    name: str
    lines: tuple[bytes, ...]
    #: Octets of the file that are read with these lines.
    read_to: int


def names(folder: Path) -> list[str]:
    """The journals there are."""
    return sorted(path.name for path in folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []


def sizes(folder: Path) -> dict[str, int]:
    """How many octets the journals hold."""
    found: dict[str, int] = {}
    for name in names(folder):
        try:
            found[name] = (folder / name).stat().st_size
        except FileNotFoundError:
            continue
    return found


def read_on(folder: Path, name: str, read_to: int, most: int) -> Stretch:
    """Up to `most` lines after the first `read_to` octets, without empty ones. A line that has no end yet is left."""
    lines: list[bytes] = []
    try:
        with (folder / name).open("rb") as file:
            file.seek(read_to)
            for line in islice(file, most):
                if not line.endswith(b"\n"):
                    break
                read_to += len(line)
                lines.append(line[:-1])
    except FileNotFoundError:
        # Another has read it to its end and removed it meanwhile.
        pass
    return Stretch(name, tuple(line for line in lines if line), read_to)


def remove_if_left(folder: Path, name: str, read_to: int) -> bool:
    """Remove a journal that was read up to `read_to` and that its process has left; whether it is gone.

    What stands behind is half a line, of an event that its process did not get to tell anybody it had kept.
    """
    path = folder / name
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.seek(read_to)
            # The process may have written between its reader's last look and its end.
            if b"\n" in file.read():
                return False
            path.unlink()
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
