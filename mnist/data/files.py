"""Files that anyone may have put there: opened without waiting, and refused in one line."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
