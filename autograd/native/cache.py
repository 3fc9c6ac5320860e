"""Libraries that were made before, in a folder of the user's own.

What is loaded runs with all that the user may do, so nothing is loaded that somebody else could
have put there: the folder is the user's, nobody else can write to it or take its place (all folders
above it are looked at), and its files are plain files of the user. A file's name has the key of
what it was made of, and a digest of that key and its contents: what was damaged, renamed, or cut
short by a full disk, is known by that and removed. Files are written beside and renamed, so that
none is seen half written, and no process waits for another that was killed. Notes lie beside the
libraries in the same way: that something holds, which the key of the note says.

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
    import grp
    import pwd

LARGEST = 256 << 20  # bytes, of all libraries together; and of what zig keeps beside them
ZIG = "zig"  # where that is
_MAKING = "making-"
_LOCKS = "lock-"
_LEFT_BEHIND = 3600.0  # seconds, after which nobody works in such a folder any more
_USED = 3600.0  # seconds between two notes of a library's use
_DIGITS = 40
_OURS = re.compile(rf"[0-9a-f]{{{_DIGITS}}}-[0-9a-f]{{{_DIGITS}}}\.(so|dylib|dll|note)")
_NOTE = b"it holds\n"
_LEAST = 4096  # bytes that a file takes on a disk, however short it is


class CacheError(Exception):
    """The folder, or a file in it, is not to be trusted or cannot be used; says why."""


def digest(content: bytes) -> str:
    """What names are made of."""
    return sha256(content).hexdigest()[:_DIGITS]


def chosen_folder() -> Path:
    """Where the libraries are to lie: PULLBACK_CACHE, else a folder where the system has caches.

    Raises:
        CacheError: the user has no home, or the folder is within one that is gone.
    """
    try:
        chosen = os.environ.get("PULLBACK_CACHE")
        if chosen:
            return Path(os.path.abspath(Path(chosen).expanduser()))
        home = Path.home()
    except (RuntimeError, OSError) as error:
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
            # From the top: where a folder is safe, nobody exchanges those in it that are safe.
            for path in (*reversed(self.folder.parents), self.folder):
                if not os.path.lexists(path):
                    with suppress(FileExistsError):  # another process was faster
                        os.mkdir(path, 0o700)
                        os.chmod(path, 0o700)  # whatever the umask is
                _check(path, self.folder)
        except (OSError, ValueError) as error:  # ValueError: NUL in a name
            raise CacheError(f"the cache {str(folder)!r} cannot be used ({error})") from None

    def find(self, key: str) -> tuple[Path, bytes] | None:
        """The library that was kept under a key, and its bytes, if there is one that is whole.

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
                if path.stem == _stem(key, content):
                    self._note_use(path)
                    return path, content
            _remove(path)
        if planted is not None:
            raise planted
        return None

    def keep(self, made: Path, content: bytes, key: str) -> Path:
        """Move a library from a folder of `working` here, and the oldest out where there are many.

        Args:
            made: the library.
            content: its bytes as they were before it was tried.
            key: what it can be found by.

        Raises:
            OSError: it cannot be moved.
            CacheError: it is larger than the cache may be.
        """
        if len(content) > LARGEST:
            raise CacheError(f"a library of {len(content)} bytes is too large for the cache")
        os.chmod(made, 0o600)
        kept = self.folder / f"{_stem(key, content)}{made.suffix}"
        try:
            os.replace(made, kept)
        except PermissionError:  # on Windows, where it is in use already
            if self.find(key) != (kept, content):
                raise
        self._shrink(kept)
        return kept

    def note(self, key: str) -> None:
        """Keep that something holds, which the key says.

        Raises:
            OSError, CacheError: it cannot be kept.
        """
        with self.working() as work:
            made = work / f"{key}.note"
            new_file(made, _NOTE)
            self.keep(made, _NOTE, key)

    def has_note(self, key: str) -> bool:
        """Whether it was kept that something holds.

        Raises:
            CacheError: as `find` does.
        """
        found = self.find(key)
        return found is not None and found[1] == _NOTE

    @contextmanager
    def working(self) -> Iterator[Path]:
        """A new folder to make a library in, on the same disk; removed after the block.

        Raises:
            OSError: there can be none.
        """
        work = new_folder(_MAKING, self.folder)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def forget_zig(self) -> None:
        """Remove what zig has kept: it trusts it, also where it was damaged."""
        shutil.rmtree(self.folder / ZIG, ignore_errors=True)

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
                os.fchmod(lock, 0o600)  # whatever the umask is
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
            if abs(time.time() - path.stat().st_mtime) > _USED:  # clocks are set, too
                os.utime(path)

    def _shrink(self, newest: Path) -> None:
        """Remove what was used longest ago, and what killed processes have left."""
        files = []
        for path in self._files():
            with suppress(OSError):
                status = os.lstat(path)
                size = max(status.st_size, _LEAST)
                files.append((path != newest, -status.st_mtime, size, path))
        total = 0
        for *_, size, path in sorted(files):  # the newest first
            total += size
            if total > LARGEST:
                _remove(path)
        for left in self.folder.glob(f"{_MAKING}*"):
            with suppress(OSError):
                status = os.lstat(left)
                age = abs(time.time() - status.st_mtime)
                if stat.S_ISDIR(status.st_mode) and age > _LEFT_BEHIND:
                    shutil.rmtree(left, ignore_errors=True)
        total = 0
        for within, _, names in os.walk(self.folder / ZIG):
            with suppress(OSError):
                total += sum(os.lstat(os.path.join(within, name)).st_size for name in names)
        if total > LARGEST:
            self.forget_zig()


@contextmanager
def temporary() -> Iterator[Cache]:
    """The same for one library, in a new folder within the system's for what is temporary.

    It is gone after the block, and what is loaded from it stays; on Windows it cannot be removed.

    Raises:
        CacheError: there is none that others cannot write to or exchange.
        OSError: there can be none.
    """
    made = new_folder("pullback-")
    try:
        yield Cache(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def new_folder(prefix: str, within: Path | None = None) -> Path:
    """One with a new name, which the user alone may use, whatever the umask is."""
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    os.chmod(made, 0o700)
    return made


def new_file(path: Path, content: bytes) -> None:
    """The same for a file."""
    path.write_bytes(content)
    os.chmod(path, 0o600)


def _stem(key: str, content: bytes) -> str:
    return f"{key}-{digest(key.encode() + content)}"


def _user() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _check(path: Path, cache: Path) -> None:
    """Nobody but the user and the system may write to a cache, or to a folder on the way to it."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise CacheError(f"the cache {str(path)!r} is a link or a file, and no folder")
    if sys.platform == "win32":
        return
    # Who owns the uppermost folder can exchange all that there is, this program included. In a
    # container that knows few users it is not root by name.
    system = () if path == cache else (0, os.lstat(path.anchor).st_uid)
    if status.st_uid not in (_user(), *system):
        raise CacheError(
            f"{str(path)!r} belongs to user {status.st_uid}, and this is user {_user()}, so "
            f"nothing is kept in {str(cache)!r} or loaded from there; set PULLBACK_CACHE to a "
            "folder of your own"
        )
    if path == cache and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(
            f"others can write to the cache {str(cache)!r}, so nothing is loaded from there: "
            "chmod go-w it, once you know what is in it"
        )
    group = status.st_mode & stat.S_IWGRP and not _of_one(status.st_gid)
    if (group or status.st_mode & stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX:
        raise CacheError(
            f"others can exchange the cache {str(cache)!r}, because they can write to "
            f"{str(path)!r}; set PULLBACK_CACHE to another folder"
        )


def _of_one(group: int) -> bool:
    """Whether a group is the user's own: many systems give each user one, by the user's name."""
    if sys.platform != "win32":
        with suppress(KeyError):
            user, of = pwd.getpwuid(_user()), grp.getgrgid(group)
            named = user.pw_name == of.gr_name and user.pw_gid == group
            return named and set(of.gr_mem) <= {user.pw_name}
    return False


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
