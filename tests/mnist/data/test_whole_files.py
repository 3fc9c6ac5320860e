"""Files that are replaced: at once, or on Windows as soon as nobody has them open."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from mnist.data import files
from mnist.data.files import replacing


def write(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"new")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"old")
    return tmp_path / "file"


def held_open(monkeypatch: pytest.MonkeyPatch, times: float) -> list[int]:
    """A file that cannot be replaced so many times; gives the tries."""
    replace, tries = os.replace, [0]

    def refuse(source: Path, target: Path) -> None:
        tries[0] += 1
        if tries[0] <= times:
            raise PermissionError(errno.EACCES, "Access is denied", str(source), None, str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(files, "_PATIENCE", 0.2)
    return tries


def test_windows_waits_until_a_file_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = held_open(monkeypatch, 5)
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        write(path)
    assert tries == [6]
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_windows_gives_up_and_says_which_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held_open(monkeypatch, float("inf"))
    with (
        monkeypatch.context() as windows,
        pytest.raises(PermissionError, match="another program has the file open") as caught,
    ):
        windows.setattr(sys, "platform", "win32")
        write(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="how others do it")
def test_elsewhere_nothing_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = held_open(monkeypatch, float("inf"))
    with pytest.raises(PermissionError, match="Access is denied"):
        write(path)
    assert tries == [1]


def test_a_file_that_is_being_read(path: Path) -> None:
    with path.open("rb") as reader:
        if sys.platform == "win32":
            with pytest.raises(PermissionError):
                write(path)
        else:
            write(path)
            assert reader.read() == b"old"
