"""A folder for one process at a time, by locks of the system, which end with the process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mnist.data.files import shown

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PAUSE = 0.05  # seconds between two looks at a folder that another has


class LockedError(OSError):
    """Another process (or thread) is at work in the folder. The message is one line."""


@contextmanager
def alone_in(folder: Path, *, wait: bool) -> Iterator[None]:
    """Make `folder` if need be, and have it alone among all that ask for it by this function.

    With `wait` this waits until the folder is free, and raises `LockedError` otherwise. Nothing is
    left behind, by a killed process least of all: POSIX locks the folder itself; Windows, which
    cannot, an empty file `.lock` in it. Where the file system has no locks the block just runs.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # Opened anew each time: who had the folder may have removed it, and its lock with it.
        handle, free = _locked(folder)
        try:
            if free:
                yield
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
            with suppress(FileNotFoundError):
                return handle, os.path.samestat(os.fstat(handle), folder.stat())
            return handle, False
    except (BlockingIOError, PermissionError):  # POSIX and Windows say so
        return handle, False
    except OSError:
        pass  # some network file systems have no locks
    return handle, True
