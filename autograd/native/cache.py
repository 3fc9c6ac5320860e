"""Libraries that were made before, in a folder of the user's own.

What is loaded runs with all that the user may do, so nothing is loaded that somebody else could
have put there: the folder is the user's, nobody else can write to it or take its place, and its
files are plain files of the user. A file's name has the key of what it was made of, and the digest
of its contents: what was damaged, or cut short by a full disk, is known by that and removed. Files
are written beside and renamed, so that none is seen half written, and no process waits for another
that was killed.

On Windows the folder has the protection that Windows gives the user's profile; owner and mode are
not looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LARGEST = 256 << 20  # bytes, of all libraries together
_MAKING = "making-"
_LOCKS = "lock-"
_LEFT_BEHIND = 3600.0  # seconds, after which nobody works in such a folder any more
_USED = 3600.0  # seconds between two notes of a library's use
_DIGITS = 40
_OURS = re.compile(rf"[0-9a-f]{{{_DIGITS}}}-[0-9a-f]{{{_DIGITS}}}\.(so|dylib|dll)")


class CacheError(Exception):
    """The folder, or a file in it, is not to be trusted or cannot be used; says why."""


def digest(content: bytes) -> str:
    """What names are made of."""
    return sha256(content).hexdigest()[:_DIGITS]


def chosen_folder() -> Path:
    """Where the libraries are to lie: PULLBACK_CACHE, else a folder where the system has caches.

    Raises:
        CacheError: the user has no home.
    """
    chosen = os.environ.get("PULLBACK_CACHE")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    try:
        home = Path.home()
    except RuntimeError as error:
        raise CacheError(f"there is no folder for a cache ({error}); set PULLBACK_CACHE") from None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")  # which its specification has absolute
        base = Path(given) if os.path.isabs(given) else home / ".cache"
    return base / "pullback"


class Cache:
    """The libraries in a folder, which is made with mode 0700 where there is none.

    Raises:
        CacheError: the folder cannot be made, is a link, belongs to another user, or others can
            write to it or exchange it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            # The folder itself may be no link; those on the way to it are followed once, here.
            self.folder = Path(os.path.realpath(folder.parent)) / folder.name
            self._make()
            self._check()
        except (OSError, ValueError) as error:  # ValueError: NUL in a name
            raise CacheError(f"the cache {str(folder)!r} cannot be used ({error})") from None

    def _make(self) -> None:
        if os.path.lexists(self.folder):
            return
        existing = next(parent for parent in self.folder.parents if parent.exists())
        _check_owner(existing, (0, _user()))
        os.makedirs(self.folder.parent, mode=0o700, exist_ok=True)
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(self.folder, 0o700)
            os.chmod(self.folder, 0o700)  # whatever the umask is

    def _check(self) -> None:
        if not stat.S_ISDIR(os.lstat(self.folder).st_mode):
            raise CacheError(f"the cache {str(self.folder)!r} is a link or a file, and no folder")
        if sys.platform == "win32":
            return
        _check_owner(self.folder, (_user(),))
        _check_owner(self.folder.parent, (0, _user()))
        if os.lstat(self.folder).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise CacheError(
                f"others can write to the cache {str(self.folder)!r}, so nothing is loaded from "
                "there: chmod go-w it, once you know what is in it"
            )
        for parent in self.folder.parents:
            mode = os.lstat(parent).st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise CacheError(
                    f"anybody can exchange the cache {str(self.folder)!r}, because anybody can "
                    f"write to {str(parent)!r}; set PULLBACK_CACHE to another folder"
                )

    def find(self, key: str) -> Path | None:
        """The library that was kept under a key, if there is one that is whole.

        What goes by its name and is none is removed.

        Raises:
            CacheError: there is a file that somebody else may have put there, and nothing else.
        """
        planted = None
        for path in self._files():
            if not path.name.startswith(f"{key}-"):
                continue
            try:
                content = _content(path)
            except CacheError as error:
                planted = error
            except OSError:
                continue  # gone, or not to be read
            else:
                if digest(content) == path.stem.rpartition("-")[2]:
                    self._note_use(path)
                    return path
            _remove(path)
        if planted is not None:
            raise planted
        return None

    def keep(self, made: Path, key: str) -> Path:
        """Move a library from a folder of `working` here, and the oldest out where there are many.

        Raises:
            OSError: it cannot be moved.
            CacheError: it is larger than the cache may be.
        """
        if made.stat().st_size > LARGEST:
            raise CacheError(f"a library of {made.stat().st_size} bytes is too large for the cache")
        content = made.read_bytes()
        os.chmod(made, 0o600)
        kept = self.folder / f"{key}-{digest(content)}{made.suffix}"
        try:
            os.replace(made, kept)
        except PermissionError:  # on Windows, where it is in use already
            if self.find(key) != kept:
                raise
        self._shrink(kept)
        return kept

    @contextmanager
    def working(self) -> Iterator[Path]:
        """A new folder to make a library in, on the same disk; removed after the block.

        Raises:
            OSError: there can be none.
        """
        work = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self.folder))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def alone(self, key: str, limit: float) -> Iterator[None]:
        """A block that one process at a time enters for a key: the others find what it has made.

        A courtesy and no more: where locks do not work, or one is held for longer than `limit`
        seconds, several make the same.
        """
        lock = None
        if sys.platform != "win32":
            with suppress(OSError):
                path = self.folder / f"{_LOCKS}{key[0]}"
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
                until = time.monotonic() + limit
                while not _locked(lock) and time.monotonic() < until:
                    time.sleep(0.01)
        try:
            yield
        finally:
            if lock is not None and sys.platform != "win32":
                # To close it is not enough: a child forked meanwhile has it open as well.
                with suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_UN)
                os.close(lock)

    def _files(self) -> list[Path]:
        with suppress(OSError), os.scandir(self.folder) as entries:
            return [Path(entry.path) for entry in entries if _OURS.fullmatch(entry.name)]
        return []

    def _note_use(self, path: Path) -> None:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _USED:
                os.utime(path)

    def _shrink(self, newest: Path) -> None:
        """Remove what was used longest ago, and what killed processes have left."""
        files = []
        for path in self._files():
            with suppress(OSError):
                status = os.lstat(path)
                files.append((path != newest, -status.st_mtime, status.st_size, path))
        total = 0
        for *_, size, path in sorted(files):  # the newest first
            total += size
            if total > LARGEST:
                _remove(path)
        for left in self.folder.glob(f"{_MAKING}*"):
            with suppress(OSError):
                status = os.lstat(left)
                if stat.S_ISDIR(status.st_mode) and time.time() - status.st_mtime > _LEFT_BEHIND:
                    shutil.rmtree(left, ignore_errors=True)


def _user() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _check_owner(path: Path, owners: tuple[int, ...]) -> None:
    if sys.platform == "win32":
        return
    owner = os.lstat(path).st_uid
    if owner not in owners:
        raise CacheError(
            f"{str(path)!r} belongs to user {owner}, and this is user {_user()}, so nothing is "
            "kept there or loaded from there; set PULLBACK_CACHE to a folder of your own"
        )


def _content(path: Path) -> bytes:
    """The bytes of a plain file of the user's own. Links are not followed, pipes not waited for."""
    flags = os.O_RDONLY
    if sys.platform == "win32":
        flags |= os.O_BINARY
    else:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            raise CacheError(f"{str(path)!r} is a link, and was not loaded")
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise CacheError(f"{str(path)!r} is no plain file, and was not loaded")
        if sys.platform != "win32":
            if status.st_uid != _user():
                raise CacheError(
                    f"{str(path)!r} belongs to user {status.st_uid}, and was not loaded"
                )
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise CacheError(f"others can write to {str(path)!r}; it was not loaded")
        return file.read(LARGEST)


def _remove(path: Path) -> None:
    """Where that can be: a folder stays, and what is in use on Windows."""
    with suppress(OSError):
        os.unlink(path)


if sys.platform != "win32":

    def _locked(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True  # other errors: there are no locks here; the caller goes on
