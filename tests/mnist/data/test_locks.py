"""A folder for one at a time: among processes, after kills, without locks, on Windows."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mnist.data import files
from mnist.data.files import shown

fcntl = pytest.importorskip("fcntl")
_HOLDER = """
import sys
from pathlib import Path
from mnist.data.files import alone_in
with alone_in(Path(sys.argv[1]), wait=True):
    print("mine", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the folder until its standard input ends."""
    command = [sys.executable, "-c", _HOLDER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "mine\n"
        yield process


def test_another_process_is_told_of_in_one_line_and_waited_for(tmp_path: Path) -> None:
    odd = "\udcff" if sys.platform == "linux" else ""  # others take no undecodable names
    folder = tmp_path / "new" / f"a b\n{odd}"
    with another_process(folder) as process:
        with pytest.raises(files.LockedError) as refusal, files.alone_in(folder, wait=False):
            pass
        assert str(refusal.value) == (
            f"{shown(folder)}: another process is at work in this folder; "
            "wait for its end or name another folder"
        )
        assert process.stdin is not None
        threading.Timer(0.2, process.stdin.close).start()
        began = time.monotonic()
        with files.alone_in(folder, wait=True):
            assert time.monotonic() - began > 0.1
    assert list(folder.iterdir()) == []


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.kill()
    with files.alone_in(tmp_path, wait=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_who_had_the_folder_may_remove_it(tmp_path: Path) -> None:
    folder, had = tmp_path / "run", threading.Event()

    def waiting() -> None:
        with files.alone_in(folder, wait=True):
            (folder / "file").touch()

    thread = threading.Thread(target=waiting)
    with files.alone_in(folder, wait=True):
        thread.start()
        had.wait(0.1)
        folder.rmdir()
    thread.join()
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_what_is_raised_within_comes_out_and_frees_the_folder(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), files.alone_in(tmp_path, wait=False):
            raise KeyboardInterrupt


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError), files.alone_in(tmp_path / "file", wait=True):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with files.alone_in(tmp_path, wait=False):
        pass


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as Windows would load it; its locks, and its open files that stay, by POSIX."""

    def locking(handle: int, mode: int, count: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    unlink = Path.unlink

    def unless_open(path: Path) -> None:
        for handle in Path("/proc/self/fd").iterdir():
            if os.path.realpath(handle) == str(path):
                raise PermissionError(errno.EACCES, "The process cannot access the file")
        unlink(path)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(Path, "unlink", unless_open)
    spec = importlib.util.spec_from_file_location("locks_on_windows", files.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "platform", "win32")
    spec.loader.exec_module(module)
    return module


def test_windows_locks_a_file_that_it_removes(windows: ModuleType, tmp_path: Path) -> None:
    inside, most = [], []

    def run() -> None:
        with windows.alone_in(tmp_path, wait=True):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=run) for _ in range(4)]
    with windows.alone_in(tmp_path, wait=False):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
        for thread in threads:
            thread.start()
        with pytest.raises(windows.LockedError), windows.alone_in(tmp_path, wait=False):
            pass
        assert most == []
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
    assert list(tmp_path.iterdir()) == []
