"""Nothing is loaded that another user could have put there, wherever it lies."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.compiling import Fresh

from autograd.native import NativeWarning, cache

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0, 0o077, 0o777])
def test_the_user_alone_can_read_and_write_it_and_what_leads_to_it(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    chosen = real.folder / "a" / "b" / "c"
    monkeypatch.setenv("PULLBACK_CACHE", str(chosen))
    with umask(mask):
        real.works()
        real.again()
        assert real.works().from_cache
    for folder in (chosen, *chosen.parents[:2]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(chosen.glob("*-*"))) == 2  # the library, and a lock
    for path in chosen.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_file_of_another_user_is_not_loaded(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    real.works()
    real.again()
    of_another(monkeypatch, "fstat", lambda status: stat.S_ISREG(status.st_mode))
    with pytest.warns(NativeWarning, match=r"belongs to user \d+, and was not loaded"):
        assert not real.works().from_cache


@pytest.mark.parametrize("up", range(4))
def test_a_folder_of_another_user_is_not_used_nor_one_within(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, up: int
) -> None:
    chosen = real.cache / "a" / "b" / "c"
    monkeypatch.setenv("PULLBACK_CACHE", str(chosen))
    real.works()
    real.again()
    inode = (chosen, *chosen.parents)[up].stat().st_ino
    of_another(monkeypatch, "lstat", lambda status: status.st_ino == inode)
    with pytest.warns(NativeWarning, match=r"compiles anew: .* belongs to user \d+"):
        assert chosen not in real.works().path.parents
    assert len(list(chosen.glob("*.so"))) + len(list(chosen.glob("*.dylib"))) == 1


def of_another(
    monkeypatch: pytest.MonkeyPatch, call: str, which: Callable[[os.stat_result], bool]
) -> None:
    """Some files look as if they belonged to another user."""
    true = getattr(os, call)

    def status(*args: Any, **options: Any) -> os.stat_result:
        found: os.stat_result = true(*args, **options)
        if not which(found):
            return found
        return os.stat_result([*found[:4], found.st_uid + 1, *found[5:]])

    monkeypatch.setattr(os, call, status)


def test_a_folder_that_others_can_write_or_exchange_is_not_used(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    real.works()
    for folder, mode, reason in [
        (real.cache, 0o770, "others can write"),
        (real.cache, 0o702, "others can write"),
        (real.folder, 0o777, "others can exchange"),
    ]:
        real.again()
        folder.chmod(mode)
        with pytest.warns(NativeWarning, match=reason):
            assert not real.works().from_cache
        folder.chmod(0o700)
    assert len(real.kept()) == 1
    real.folder.chmod(0o1777)  # as /tmp
    real.again()
    assert real.works().from_cache
    real.folder.chmod(0o700)
    link = real.folder / "link"
    link.symlink_to(real.cache)
    monkeypatch.setenv("PULLBACK_CACHE", str(link))
    real.again()
    with pytest.warns(NativeWarning, match="is a link or a file"):
        assert not real.works().from_cache


def test_the_owner_of_all_is_trusted(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root has another number in a container that knows few users."""
    top = os.lstat("/").st_ino
    of_another(monkeypatch, "lstat", lambda status: status.st_ino == top)
    real.works()
    assert len(real.kept()) == 1


@pytest.mark.parametrize("members", [[], ["somebody"]])
@pytest.mark.parametrize("named", ["", "staff"])
def test_a_folder_that_a_group_can_write_is_used_where_the_group_is_the_users(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, members: list[str], named: str
) -> None:
    os.chown(real.folder, -1, os.getegid())
    real.folder.chmod(0o770)
    user = cache.pwd.struct_passwd(("me", "x", os.geteuid(), os.getegid(), "", "/", "sh"))
    group = cache.grp.struct_group((named or "me", "x", os.getegid(), members))
    monkeypatch.setattr(cache.pwd, "getpwuid", lambda number: user)
    monkeypatch.setattr(cache.grp, "getgrgid", lambda number: group)
    if members or named:
        with pytest.warns(NativeWarning, match="others can exchange"):
            real.works()
        real.folder.chmod(0o1770)  # where nobody renames what is another's
        real.again()
    real.works()
    assert len(real.kept()) == 1


def test_the_folder_for_what_is_temporary_is_looked_at_too(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = real.folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("PULLBACK_CACHE", str(real.folder / "a file" / "within"))
    (real.folder / "a file").touch()
    temporary.chmod(0o777)
    with pytest.warns(NativeWarning, match="no folder to compile in .*others can exchange") as told:
        assert isinstance(real.make(), str)
    assert len(told) == 1
    assert not list(temporary.iterdir())
    temporary.chmod(0o1777)
    real.again()
    with pytest.warns(NativeWarning, match="compiles anew"):
        real.works()
    assert not list(temporary.iterdir())
