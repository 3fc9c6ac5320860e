"""Files: those that anyone may have put there are opened without waiting and refused in one line;
those of this program are replaced whole or not at all, whatever happens in between, in a folder
that one process at a time may have, by locks of the system, which end with the process."""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PAUSE = 0.05  # seconds between two looks at a folder that another has
_PATIENCE = 2.0  # seconds for others to close a file that is to be replaced


def shown(path: str | Path) -> str:
    """The path as it may stand in a message: a line break in a name would make two lines of it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))


@contextmanager
def told_as(error: type[Exception], name: str) -> Iterator[None]:
    """What the system refuses within the block is an `error`: one line about the file `name`."""
    try:
        yield
    except FileNotFoundError as refusal:
        raise error(f"{name}: no such file; check the name") from refusal
    except OSError as refusal:
        reason, remedy = refusal.strerror or type(refusal).__name__, "check the disk and the path"
        if isinstance(refusal, PermissionError):
            remedy = "make it readable for yourself"
        raise error(f"{name}: cannot be read ({reason}); {remedy}") from refusal


@contextmanager
def opened(path: str | Path, error: type[Exception]) -> Iterator[io.BufferedReader]:
    """A regular file to read from; whatever else it is, and what the system refuses while it is
    opened or read, is an `error` of one line."""
    name = shown(path)
    with told_as(error, name):
        # Looked at before it is opened, for opening may do something to a device; and again, as it
        # may have become a pipe since then.
        _expect_regular(os.stat(path).st_mode, error, name)
        with open(path, "rb", opener=at_once) as file:
            _expect_regular(os.fstat(file.fileno()).st_mode, error, name)
            yield file


def at_once(path: str, flags: int) -> int:
    """For `open`: a pipe that nobody writes to is empty, where else a writer is waited for."""
    if sys.platform == "win32":
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _expect_regular(mode: int, error: type[Exception], name: str) -> None:
    if stat.S_ISDIR(mode):
        raise error(f"{name}: is a folder where a file is expected; name the file itself")
    if not stat.S_ISREG(mode):
        raise error(f"{name}: is a device or pipe where a file is expected; name a file")


# --- written -----------------------------------------------------------------------------------


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` at the end.

    It is on the disk before it has the name, so that at every moment, also when the power fails,
    `path` is the old file or the new one. On an error the old one stays, and nothing is left over.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(part, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:  # as where the disk is full
            error.filename = str(path)
        with suppress(OSError):
            part.unlink()
        raise
    _sync_folder(path.parent)


def write_whole(path: Path, parts: Iterable[bytes], error: type[Exception]) -> None:
    """Write a file that is replaced whole or not at all; what the system refuses is an `error` of
    one line, and what was there before is as it was."""
    try:
        with replacing(path) as file:
            file.writelines(parts)
    except OSError as refusal:
        reason = refusal.strerror or type(refusal).__name__
        raise error(
            f"{shown(path)}: cannot be written ({reason}); what was there before is as it was: "
            "make room, or name a folder that you may write to"
        ) from refusal


def _replace(part: Path, path: Path) -> None:
    """Windows replaces no file that somebody has open, if only to read it: a moment is waited."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.replace(part, path)
        except PermissionError as error:
            if sys.platform != "win32":
                raise
            if time.monotonic() > deadline:
                reason = "another program has the file open, or it is read-only"
                raise PermissionError(error.errno, reason, str(path)) from error
        time.sleep(_PATIENCE / 100)


def _sync_folder(folder: Path) -> None:
    """The new name on the disk too; where folders cannot be opened there is no way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# --- a folder for one process --------------------------------------------------------------------


class LockedError(OSError):
    """Another process (or thread) is at work in the folder. The message is one line."""


@contextmanager
def alone_in(folder: Path, *, wait: bool) -> Iterator[Callable[[], bool]]:
    """Make `folder` if need be, and have it alone among all that ask for it by this function.

    With `wait` this waits until the folder is free, and raises `LockedError` otherwise. Nothing is
    left behind, by a killed process least of all: POSIX locks the folder itself; Windows, which
    cannot, an empty file `.lock` in it. Where the file system has no locks the block just runs.

    Gives a function that says whether the folder still has its name: it may have been removed or
    renamed, and another have been made in its place, of which this process has no lock.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # Opened anew each time: who had the folder may have removed it, and its lock with it.
        handle, free = _locked(folder)
        try:
            if free:
                yield partial(_is_at, handle, folder)
                return
            if not wait:
                raise LockedError(
                    f"{shown(folder)}: another process is at work in this folder; "
                    "wait for its end or name another folder"
                )
        finally:
            if handle is not None:
                os.close(handle)
            if sys.platform == "win32":
                with suppress(OSError):  # open elsewhere: whoever waits removes it
                    (folder / ".lock").unlink()
        time.sleep(_PAUSE)


def _locked(folder: Path) -> tuple[int | None, bool]:
    """The handle that holds the lock, and whether the folder is this process's, locked or not."""
    try:
        if sys.platform == "win32":
            handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
        else:
            handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None, False  # removed since it was made
    except OSError:
        return None, True  # what cannot be done here is told by what is done next
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle, _is_at(handle, folder)
    except (BlockingIOError, PermissionError):  # POSIX and Windows say so
        return handle, False
    except OSError:
        pass  # some network file systems have no locks
    return handle, True


def _is_at(handle: int | None, folder: Path) -> bool:
    """Whether the handle that holds a folder's lock is of what has its name now."""
    place = folder / ".lock" if sys.platform == "win32" else folder
    with suppress(FileNotFoundError, NotADirectoryError):
        return handle is None or os.path.samestat(os.fstat(handle), os.stat(place))
    return False
