"""Where a process runs, and what befalls it: right answers, or one line; never a crash."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.compiling import FUNCTIONS, Fresh

from autograd.native import NativeWarning, cache, compilers, loading, trial

ROOT = Path(__file__).parents[2]

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files in memory")
LOOPING = "void scale(double *x, double by) { for (volatile int on = 1; on;) ; }"
ADDING = "void scale(double *x, double by) { x[0] += by; }"


def test_a_folder_that_is_gone(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = real.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    real.works()
    real.again()
    monkeypatch.setenv("PULLBACK_CACHE", "relative")
    with pytest.warns(NativeWarning, match="compiles anew: there is no folder for a cache"):
        real.works()


@pytest.mark.skipif(sys.platform == "win32", reason="homes of POSIX")
def test_a_home_that_nobody_knows(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(real.folder)
    monkeypatch.setenv("PULLBACK_CACHE", "~no-such-user/cache")
    before = set(real.folder.iterdir())
    with pytest.warns(NativeWarning, match="compiles anew: .*home"):
        real.works()
    assert set(real.folder.iterdir()) == before


@pytest.mark.parametrize("off", ["0", " 0", "False", "off", "no"])
def test_values_that_turn_it_off(real: Fresh, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("PULLBACK_JIT", off)
    assert "turns C off" in str(real.make())
    monkeypatch.setenv("PULLBACK_JIT", "1")
    real.works()


def test_there_are_no_more_threads(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    real.alone(real.script('exec "$CC" "$@"'))
    with pytest.warns(NativeWarning, match="could not be listened to .*new thread") as told:
        assert isinstance(real.make(), str)
    assert len(told) == 1


def test_a_process_that_waits_for_no_child(real: Fresh) -> None:
    """It does not learn how a child ended, and so not by that whether a trial was a crash."""
    real.works()
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        real.works(ADDING, of=5)
        with pytest.warns(NativeWarning, match="ended before all was tried"):
            assert isinstance(real.make("void scale(double *x, double by) { *(int *)0 = 0; }"), str)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_zig_needs_no_home(real: Fresh) -> None:
    """Even to say its version it writes to its folders."""
    version = """[ "$1" = --version ] && {
    mkdir "$ZIG_GLOBAL_CACHE_DIR" "$ZIG_LOCAL_CACHE_DIR/h" || exit 1; echo clang 22; exit 0; }
exec "$CC" "$@\""""
    real.alone(real.script(version, version=False))
    assert "clang 22" in real.works().compiler
    assert set(real.cache.iterdir()) >= set(real.kept())
    assert not (real.cache / cache.ZIG).exists()


def test_what_zig_keeps_has_a_bound_and_is_forgotten_where_it_may_be_damaged(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = real.cache / cache.ZIG / "o" / "libc.so"

    def fill(size: int) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(bytes(size))

    real.works()
    monkeypatch.setattr(cache, "LARGEST", 100_000)
    fill(100_000)
    real.works(ADDING, of=5)
    assert kept.exists()
    fill(100_001)
    real.works("void scale(double *x, double by) { x[0] -= by; }", of=1)
    assert not kept.exists()
    fill(1)
    real.alone(real.script('[ -e "$ZIG_GLOBAL_CACHE_DIR/o/libc.so" ] && exit 1; exec "$CC" "$@"'))
    real.again()
    with pytest.warns(NativeWarning, match="nothing new is kept"):
        real.works()
    assert not kept.exists()
    real.again()
    assert real.works().path.parent == real.cache


def test_clocks_that_were_set_back(real: Fresh) -> None:
    (made, left) = (real.works().path, real.cache / "making-in the future")
    left.mkdir()
    for path in (made, left):
        os.utime(path, (4e9, 4e9))
    real.again()
    assert real.works().from_cache
    assert abs(made.stat().st_mtime - time.time()) < 3600
    real.works(ADDING, of=5)
    assert not left.exists()


def test_a_library_under_the_name_of_another(real: Fresh) -> None:
    first, second = real.works().path, real.works(ADDING, of=5).path
    (key, _, digest), suffix = first.stem.partition("-"), first.suffix
    second.rename(first.with_name(f"{key}-{second.stem.partition('-')[2]}{suffix}"))
    first.unlink()
    real.again()
    assert not real.works().from_cache
    assert real.kept() == [first.with_name(f"{key}-{digest}{suffix}")]


@linux
def test_a_file_that_is_changed_after_it_was_loaded(real: Fresh) -> None:
    for change in (lambda path: os.truncate(path, 0), lambda path: path.write_bytes(b"no" * 9999)):
        made = real.works()
        change(made.path)
        x = (FUNCTIONS["scale"][1] * 1)(3.0)
        made["scale"](x, 2.0)
        assert x[0] == 6.0
        real.again()
        assert not real.works().from_cache


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="alarms of POSIX")
@pytest.mark.slow
def test_a_trial_ends_itself_where_nobody_ends_it(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = real.folder / "work"
    work.mkdir()
    real.works()
    compiler = next(compilers.found([]))
    made = compilers.compile_in(work, LOOPING, compiler, (), 60)
    called = [made.name, ["scale"], {"scale": [(8, None), (2.0, "c_double")]}]
    (made.parent / "trial.json").write_text(json.dumps(called))
    command = [sys.executable, "-I", "-S", trial.__file__, "trial.json", "1"]
    ended = subprocess.run(command, cwd=made.parent, timeout=60, check=False)
    assert ended.returncode == -signal.SIGALRM


def test_a_library_without_end_takes_its_time_once(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_TRIAL_LIMIT", 0.5)
    makes = f"echo '{LOOPING.replace('scale', 'pullback_probe')}' > program.c"
    real.alone(real.script(f'{makes}; exec "$CC" "$@"'))
    with pytest.warns(NativeWarning, match=r"did not end within 0\.5 s") as told:
        assert isinstance(real.make(), str)
    assert len(told) == 1
    assert real.calls() == 1


PROGRAM = """
import sys, ctypes, random, time
from autograd.native import library, loading
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    if random.random() < 0.5:
        loading._shop = loading._Shop()
    number = random.randrange(9)
    text = f"void scale(double *x, double by) {{ x[0] = x[0] * by + {number}; }}"
    functions = {"scale": (ctypes.c_void_p, ctypes.c_double)}
    made = library(text, functions, trials={"scale": (8, 2.0)})
    if isinstance(made, str):
        sys.exit(made)
    for _ in range(50):
        x = (ctypes.c_double * 1)(3.0)
        made["scale"](x, 2.0)
        assert x[0] == 6 + number
"""


@linux
@pytest.mark.slow
def test_eight_processes_while_a_ninth_damages_files_in_their_place(real: Fresh) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, "8"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(8)
    ]
    draws = random.Random(0)
    damaged = 0
    while any(process.poll() is None for process in processes):
        time.sleep(0.05)
        for within, _, names in os.walk(real.cache):
            for name in draws.sample(names, min(len(names), 2)):
                try:
                    with open(Path(within) / name, "r+b") as file:
                        size = file.seek(0, os.SEEK_END)
                        file.seek(size // 2)
                        if draws.random() < 0.5:
                            file.truncate()
                        else:
                            file.write(draws.randbytes(size // 2))
                    damaged += 1
                except OSError:
                    continue
    for process in processes:
        printed = process.communicate()[0]
        assert process.returncode == 0, printed
    assert damaged > 50
    real.again()
    real.works()
