"""Files that are replaced whole or not at all, whatever happens in between."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mnist.data.files import shown
from mnist.storage.reading import CheckpointError

_PATIENCE = 2.0  # seconds for others to close a file that is to be replaced


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


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that is replaced whole or not at all.

    Raises CheckpointError where it cannot be written; what was there before is as it was.
    """
    try:
        with replacing(path) as file:
            file.writelines(parts)
    except OSError as error:
        raise CheckpointError(
            f"{shown(path)}: cannot be written ({error.strerror or type(error).__name__}); what "
            "was there before is as it was: make room, or name a folder that you may write to"
        ) from error


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
