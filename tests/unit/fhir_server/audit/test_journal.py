"""Journals: no line is lost, none is read twice, and a file is removed once its process has left it."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fhir_server.audit import journal
from fhir_server.audit.journal import Journal, names, read_on, remove_if_left

MOST = 1_000


def only(folder: Path) -> str:
    (name,) = names(folder)
    return name


def test_lines_are_read_on_from_where_the_last_reader_was(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    for number in range(5):
        written.append(b"line %d" % number)
    name = only(tmp_path)

    first = read_on(tmp_path, name, 0, 3)
    rest = read_on(tmp_path, name, first.read_to, MOST)

    assert (b"line 0", b"line 1", b"line 2") == first.lines
    assert (b"line 3", b"line 4") == rest.lines
    assert () == read_on(tmp_path, name, rest.read_to, MOST).lines


def test_there_is_no_file_before_the_first_line(tmp_path: Path) -> None:
    written = Journal(tmp_path / "below")
    written.close()

    assert [] == names(tmp_path / "below")


def test_only_its_user_may_read_it(tmp_path: Path) -> None:
    Journal(tmp_path / "audit").append(b"line")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "audit", *(tmp_path / "audit").iterdir())]
    assert [0o700, 0o600] == modes


def test_a_journal_in_use_is_not_removed(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    written.append(b"line")
    name = only(tmp_path)
    read_to = read_on(tmp_path, name, 0, MOST).read_to

    in_use = remove_if_left(tmp_path, name, read_to)
    written.close()
    unread = remove_if_left(tmp_path, name, 0)
    left = remove_if_left(tmp_path, name, read_to)

    assert (False, False, True) == (in_use, unread, left)
    assert [] == names(tmp_path)


def test_one_that_is_gone_is_read_as_empty(tmp_path: Path) -> None:
    assert () == read_on(tmp_path, "gone.journal", 7, MOST).lines
    assert remove_if_left(tmp_path, "gone.journal", 7)


def test_a_long_journal_is_left_for_a_new_one(tmp_path: Path) -> None:
    written = Journal(tmp_path, longest=20)
    for number in range(5):
        written.append(b"line %d" % number)

    found = sorted(line for name in names(tmp_path) for line in read_on(tmp_path, name, 0, MOST).lines)
    assert [b"line %d" % number for number in range(5)] == found
    assert len(names(tmp_path)) > 1


def test_half_a_line_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Journal(tmp_path)
    written.append(b"first")
    write = os.write
    monkeypatch.setattr(journal.os, "write", lambda descriptor, octets: write(descriptor, octets[:4]))
    with pytest.raises(OSError, match="part of the line"):
        written.append(b"a line that the disk has no room for")
    monkeypatch.undo()
    written.append(b"last")

    assert (b"first", b"a li", b"last") == read_on(tmp_path, only(tmp_path), 0, MOST).lines


def test_a_line_without_its_end_is_left(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    written.append(b"whole")
    name = only(tmp_path)
    written.close()
    with (tmp_path / name).open("ab") as file:
        file.write(b"hal")

    found = read_on(tmp_path, name, 0, MOST)

    assert ((b"whole",), 6) == (found.lines, found.read_to)
    assert remove_if_left(tmp_path, name, found.read_to)


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    written = Journal(tmp_path, longest=4_000)

    def write(thread: int) -> None:
        for number in range(300):
            written.append(b"thread %d line %d" % (thread, number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [line for name in names(tmp_path) for line in read_on(tmp_path, name, 0, 10_000).lines]
    assert sorted(found) == sorted(b"thread %d line %d" % (one, two) for one in range(4) for two in range(300))


def test_what_a_killed_process_wrote_is_there(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys\n"
        "from fhir_server.audit.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "for number in range(100): journal.append(b'line %d' % number)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    name = only(tmp_path)

    found = read_on(tmp_path, name, 0, MOST)

    assert tuple(b"line %d" % number for number in range(100)) == found.lines
    assert remove_if_left(tmp_path, name, found.read_to)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(OSError, match="file"):
        Journal(tmp_path / "file" / "audit").append(b"line")
