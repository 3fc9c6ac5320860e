"""The cache: what is in it is found again, and what is not the user's own is never loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compiling import COMPILER, TEXT, Fresh
from support.shares import shared

from autograd.native import Library, NativeWarning, cache, compilers, loading

ROOT = Path(__file__).parents[2]
OTHERS = [f"void scale(double *x, double by) {{ x[0] = x[0] * by + {n}; }}" for n in range(3)]

posix = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")

PROGRAM = """
import sys, ctypes
from autograd.native import library
for number in range(3):
    text = f"void scale(double *x, double by) {{ x[0] = x[0] * by + {number}; }}"
    functions = {"scale": (ctypes.c_void_p, ctypes.c_double)}
    made = library(text, functions, trials={"scale": (8, 2.0)})
    if isinstance(made, str):
        sys.exit(made)
    x = (ctypes.c_double * 1)(3.0)
    made["scale"](x, 2.0)
    print(x[0], made.from_cache)
"""


def start(program: str = PROGRAM, *before: str, **environment: str) -> subprocess.Popen[str]:
    """A process of the project's."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(process: subprocess.Popen[str]) -> list[list[str]]:
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert not errors
    return [line.split() for line in printed.splitlines()]


def test_it_is_found_again(real: Fresh) -> None:
    real.alone(real.script('exec "$CC" "$@"'))
    assert not real.works().from_cache
    calls = real.calls()
    assert calls
    assert real.make() is real.make()
    real.again()
    made = real.works()
    assert made.from_cache
    assert made.path in real.kept()
    assert real.calls() == calls
    real.works("void scale(double *x, double by) { x[0] += by; }", of=5)
    assert len(real.kept()) == 2


def test_its_names_are_of_all_that_a_library_depends_on(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = real.script('exec "$CC" "$@"')
    real.alone(fake)
    real.works()

    def anew(count: int) -> None:
        real.again()
        assert not real.works().from_cache
        assert len({path.name.partition("-")[0] for path in real.kept()}) == count

    machine = compilers.machine()
    monkeypatch.setattr(compilers, "machine", lambda: f"{machine} avx1024")
    anew(2)
    fake.write_text(fake.read_text().replace("fake 1.0", "fake 1.1"))
    anew(3)
    os.utime(fake, (0, 0))
    anew(4)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", "~/my own")
    assert cache.chosen_folder() == Path.home() / "my own"
    monkeypatch.setenv("PULLBACK_CACHE", "")
    assert cache.chosen_folder().name == "pullback"
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache.chosen_folder() == tmp_path / "pullback"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        assert cache.chosen_folder() == Path.home() / ".cache" / "pullback"


def _with(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """In a file of its own: the old one is loaded here, and its pages are those of the disk."""

    def damaged(path: Path) -> None:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(change(content))

    return damaged


def _by(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def planted(path: Path) -> None:
        path.rename(path.parent.parent / "elsewhere.so")
        make(path)

    return planted


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut": _with(lambda content: content[:5000]),
    "changed": _with(lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    "longer": _with(lambda content: content + b"and more"),
    "empty": _with(lambda content: b""),
    "a folder": _by(Path.mkdir),
    "gone": _by(lambda path: None),
}
PLANTED: dict[str, Callable[[Path], None]] = {
    "a link to it": _by(lambda path: path.symlink_to(path.parent.parent / "elsewhere.so")),
    "a link to nothing": _by(lambda path: path.symlink_to("nowhere")),
    "a pipe": _by(lambda path: os.mkfifo(path)),  # type: ignore[attr-defined,unused-ignore]
    "one that others can write": lambda path: path.chmod(0o622),
}


@posix
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=marks) for kind, marks in shared([*DAMAGES, *PLANTED], 3)],
)
def test_what_is_damaged_or_planted_is_made_anew(real: Fresh, kind: str) -> None:
    real.works()
    (path,) = real.kept()
    (DAMAGES | PLANTED)[kind](path)
    real.again()
    if kind in PLANTED:
        with pytest.warns(NativeWarning, match="made anew: .* not loaded"):
            made = real.works()
    elif kind == "a folder":  # is in the way of a file of the same name
        with pytest.warns(NativeWarning, match="no plain file|Is a directory") as told:
            made = real.works()
        assert len(told) <= 2
    else:
        made = real.works()
    assert not made.from_cache
    real.again()
    if kind != "a folder":
        assert real.works().from_cache
        assert real.kept() == [path]
    assert not real.left()


@pytest.mark.parametrize("name", ["\0", "x" * 300, "a file/within"])
def test_a_folder_that_cannot_be(real: Fresh, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (real.folder / "a file").touch()
    monkeypatch.setattr(cache, "chosen_folder", lambda: real.folder / name)
    with pytest.warns(NativeWarning, match="each process compiles anew"):
        real.works()


def test_what_is_read_only_is_read(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    real.works()
    make = tempfile.mkdtemp

    def refused(*args: Any, **options: Any) -> str:
        if str(options.get("dir") or "").startswith(str(real.cache)):
            raise PermissionError(13, "Permission denied")
        return make(*args, **options)

    monkeypatch.setattr(tempfile, "mkdtemp", refused)  # the tests may run as root, who may all
    real.again()
    assert real.works().from_cache
    with pytest.warns(NativeWarning, match=r"nothing new is kept .* Permission denied") as told:
        assert real.works(OTHERS[1], of=7).path.parent != real.cache
    real.works(OTHERS[2], of=8)
    assert len(told) == 1
    assert len(real.kept()) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts")
@pytest.mark.parametrize(
    "options", ["size=16k", pytest.param("ro,size=1m", marks=pytest.mark.slow)]
)
def test_a_small_disk_and_one_that_is_read_only(real: Fresh, options: str) -> None:
    real.cache.mkdir(mode=0o700)
    mount = f'mount -t tmpfs -o mode=700,{options} none "$PULLBACK_CACHE" && exec "$@"'
    apart = ["unshare", "-rm", "sh", "-c", mount, "sh"]
    tried = subprocess.run([*apart, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("needs mounts in a namespace of its own")
    process = start(PROGRAM, *apart)
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert [line.split()[0] for line in printed.splitlines()] == ["6.0", "7.0", "8.0"]
    assert errors.count("NativeWarning: nothing new is kept in the cache") == 1, errors


def test_it_has_a_bound(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    first = real.works().path
    size = first.stat().st_size
    monkeypatch.setattr(cache, "LARGEST", int(2.5 * size))
    paths = [first]
    for n, text in enumerate(OTHERS):
        for age, path in enumerate(reversed(paths), 1):
            if path.exists():
                os.utime(path, (1e9 - age, 1e9 - age))
        paths.append(real.works(text, of=6 + n).path)
    assert real.kept() == sorted(paths[-2:])
    real.again()
    assert real.works(OTHERS[1], of=7).from_cache  # and so was used last
    real.works()
    assert set(real.kept()) == {paths[-2], first}
    monkeypatch.setattr(cache, "LARGEST", size - 1)
    with pytest.warns(NativeWarning, match="too large for the cache"):
        real.works(OTHERS[0])


def test_only_its_own_files_are_removed(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    real.cache.mkdir(mode=0o700)
    theirs = [real.cache / name for name in ("thesis.txt", "numbers.so", "lock-file")]
    for path in theirs:
        path.write_text("theirs")
        os.utime(path, (0, 0))
    old, young = real.cache / "making-old", real.cache / "making-young"
    for path in (old, young):
        path.mkdir()
        (path / "program.c").touch()
    os.utime(old, (0, 0))
    monkeypatch.setattr(cache, "LARGEST", 40_000)
    for n, text in enumerate(OTHERS):
        real.works(text, of=6 + n)
    assert all(path.read_text() == "theirs" for path in theirs)
    assert young.exists()
    assert not old.exists()


def test_one_that_is_removed_at_any_time_is_made_anew(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    real.works()
    load = loading._load

    looks = iter([True, True])  # before it waits for other processes, and after it

    def gone(*arguments: Any) -> Library:
        if next(looks, False):
            raise OSError("no such file")
        return load(*arguments)

    monkeypatch.setattr(loading, "_load", gone)
    real.again()
    assert not real.works().from_cache


def test_what_is_kept_alone_is_asked_for(real: Fresh) -> None:
    real.alone(real.script('exec "$CC" "$@"'))
    assert "not been compiled" in str(real.make(only_kept=True))
    made = real.works()
    calls = real.calls()
    assert real.make(only_kept=True) is made
    real.again()
    kept = real.make(only_kept=True)
    assert isinstance(kept, Library)
    assert kept.from_cache
    assert kept.key == made.key
    assert real.make() is kept
    assert real.calls() == calls


def test_notes_are_kept_and_no_libraries(real: Fresh) -> None:
    made = real.works()
    folder = cache.Cache(real.cache)
    key, other = cache.digest(b"this"), cache.digest(b"that")
    folder.note(key)
    assert folder.has_note(key)
    assert not folder.has_note(other)
    assert made.key is not None
    assert not folder.has_note(made.key)
    (note,) = real.cache.glob("*.note")
    note.write_bytes(note.read_bytes() + b"!")
    assert not folder.has_note(key)
    assert not note.exists()


def test_notes_have_a_bound_too(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST", 5 * 4096)
    folder = cache.Cache(real.cache)
    keys = [cache.digest(str(number).encode()) for number in range(9)]
    for age, key in enumerate(keys):
        folder.note(key)
        for path in real.cache.glob(f"{key}-*"):
            os.utime(path, (1e9 + age, 1e9 + age))
    assert [key for key in keys if folder.has_note(key)] == keys[-5:]


def test_threads_make_one_together(real: Fresh) -> None:
    real.alone(real.script('exec "$CC" "$@"'))
    made: list[Any] = []
    threads = [threading.Thread(target=lambda: made.append(real.make())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(one is made[0] for one in made)
    assert isinstance(made[0], Library)
    assert real.calls() == 2  # what tries the flags, and the text


@pytest.mark.parametrize("count", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_share_it(real: Fresh, count: int) -> None:
    real.alone(real.script('exec "$CC" "$@"'))
    processes = [start() for _ in range(count)]
    printed = [outputs(process) for process in processes]
    assert [[value for value, _ in lines] for lines in printed] == [["6.0", "7.0", "8.0"]] * count
    assert len(real.kept()) == 3
    assert sum(found == "False" for lines in printed for _, found in lines) == 3
    assert not real.left()


def test_it_works_where_locks_do_not(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("there are none")

    def refused(*args: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(cache.fcntl, "flock", refused)
    real.works()
    assert len(real.kept()) == 1


@posix
@pytest.mark.parametrize(
    "ending", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_killed_while_compiling(real: Fresh, ending: int) -> None:
    real.alone(real.script('grep -q probe program.c || sleep 2; exec "$CC" "$@"'))
    process = start()
    until = time.monotonic() + 60
    while real.calls() < 2 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(ending)
    process.communicate()
    assert process.returncode == -ending
    assert not real.kept()
    real.script('exec "$CC" "$@"')
    lines = outputs(start())
    assert [value for value, _ in lines] == ["6.0", "7.0", "8.0"]
    assert {found for _, found in lines} == {"False"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_fork_while_a_thread_compiles(real: Fresh) -> None:
    program = """
import os, threading, time, warnings
warnings.simplefilter("ignore")  # of Python, which warns of forks beside threads
from ctypes import c_double, c_void_p
from autograd.native import Library, library
def make():
    text = "void scale(double *x, double by) { x[0] *= by; }"
    return library(text, {"scale": (c_void_p, c_double)})
thread = threading.Thread(target=make)
thread.start()
time.sleep(0.1)
child = os.fork()
if not child:
    os._exit(0 if isinstance(make(), Library) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
thread.join()
"""
    real.alone(real.script('grep -q probe program.c || sleep 0.5; exec "$CC" "$@"'))
    assert outputs(start(program)) == [["0"]]


def test_the_text_is_the_one_that_was_asked_for(real: Fresh) -> None:
    """Also where two differ by nothing but a number."""
    assert COMPILER
    paths = {real.works(text, of=6 + n).path for n, text in enumerate(OTHERS)}
    assert len(paths | {real.works(TEXT).path}) == 4
