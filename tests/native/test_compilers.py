"""Compilers that fail in every way: the next one is taken, or there is a reason; never a crash."""

from __future__ import annotations

import ctypes
import doctest
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from support.compiling import Fresh

from autograd.native import Library, NativeWarning, compilers, last_cache, library, loading

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the compilers are scripts")

OUTPUT = 'while [ "$1" != -o ]; do shift; done; output="$2"\n'

BROKEN = {
    "fails": ("echo 'program.c: error: no, never' >&2; exit 3", r"code 3: program.c: error: no, n"),
    "fails silently": ("exit 1", "code 1"),
    "crashes": ("kill -SEGV $$", "ended by SIGSEGV"),
    "writes nothing": ("exit 0", "made no library"),
    "writes an empty file": (f'{OUTPUT}: > "$output"', "something that is no library"),
    "writes a folder": (f'{OUTPUT}mkdir "$output"', "something that is no library"),
    "writes a link": (f'{OUTPUT}ln -s /dev/zero "$output"', "something that is no library"),
    "writes garbage": (f'{OUTPUT}echo garbage > "$output"', "another process, ended with code"),
    "crashes what it makes": (
        'echo "void __attribute__((constructor)) f(void) { *(volatile int *)0 = 0; }" > crash.c\n'
        'exec "$CC" crash.c "$@"',
        "tried in another process, was ended by SIG",
    ),
}


for how in ("exit", "_exit"):
    BROKEN[f"makes what calls {how} when it is loaded"] = (
        f'echo "void {how}(int); void __attribute__((constructor)) f(void) {{ {how}(0); }}" > e.c\n'
        'exec "$CC" e.c "$@"',
        "tried in another process, ended before all was tried",
    )

SLOW = [
    "writes garbage",
    "crashes what it makes",
    "makes what calls _exit when it is loaded",
]  # a process for each that is tried


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in SLOW)) for kind in BROKEN]
)
def test_one_that_fails_is_told_once_and_the_reason(real: Fresh, kind: str) -> None:
    does, reason = BROKEN[kind]
    real.alone(real.script(does))
    with pytest.warns(NativeWarning, match=f"in NumPy, not in C: .*{reason}") as told:
        made = real.make()
    assert len(told) == 1
    assert re.search(reason, str(made))
    assert str(made).endswith(compilers.ADVICE)
    calls = real.calls()
    assert real.make() == made
    assert real.make("void scale(double *x, double by) { x[0] /= by; }") == made
    assert real.calls() == calls, "a compiler that does not work was tried again"
    assert not real.kept()
    assert not real.left()


@pytest.mark.parametrize("kind", ["writes a folder", "writes garbage", "crashes what it makes"])
def test_another_one_takes_its_place(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("CC", f"'{real.script(BROKEN[kind][0])}'")
    with pytest.warns(NativeWarning, match="a compiler is passed over: .*fake"):
        real.works()
    assert "fake" not in real.works().compiler


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("exit 1", "--version ended with code 1"),
        ("exit 0", "--version says nothing"),
        ("kill -KILL $$", "--version was ended by SIGKILL"),
        ("sleep 60 & sleep 60", r"--version did not end within 0\.2 s"),
        ("while :; do echo yes; done", r"--version did not end within 0\.2 s"),
    ],
)
def test_one_that_does_not_say_what_it_is(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, version: str, reason: str
) -> None:
    monkeypatch.setattr(compilers, "VERSION_LIMIT", 0.2)
    real.alone(real.script(version, version=False))
    with pytest.warns(NativeWarning, match=reason):
        assert isinstance(real.make(), str)


def test_one_without_end_is_ended_with_what_it_started(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilers, "PROBE_LIMIT", 0.3)
    started = real.folder / "started"
    real.alone(real.script(f"sleep 60 & echo $! > '{started}'; wait"))
    with pytest.warns(NativeWarning, match=r"did not end within 0\.3 s"):
        assert isinstance(real.make(), str)
    assert real.calls() == 1, "it was given as much time again"
    _gone(int(started.read_text()))
    assert not real.left()


def test_one_without_end_for_one_text_is_not_asked_for_another(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilers, "COMPILE_LIMIT", 0.3)
    real.alone(real.script('grep -q probe program.c && exec "$CC" "$@"; sleep 60'))
    with pytest.warns(NativeWarning, match=r"runs in NumPy, not in C: .* did not end within"):
        assert "did not end" in str(real.make())
    calls = real.calls()
    with pytest.warns(NativeWarning, match=r"run in NumPy, not in C: .* did not end within"):
        assert "no C compiler" in str(real.make(f"{loading._PROBE} // probe"))
    assert real.calls() == calls


def _gone(process: int) -> None:
    """Wait for the end of a process that nobody waits for but the system."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z" or not sys.platform.startswith("linux"):
            return
        time.sleep(0.01)
    raise AssertionError(f"process {process} is still there")


def test_none_at_all_is_said_once(fresh: Fresh) -> None:
    fresh.alone(None)
    with pytest.warns(NativeWarning, match=r"run in NumPy, not in C.*install ziglang") as told:
        reason = fresh.make()
    assert fresh.make("void scale(double *x, double by) { x[0] -= by; }") == reason
    assert len(told) == 1
    assert reason == f"no C compiler was found that works; {compilers.ADVICE}"


def test_it_can_be_turned_off(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")
    real.alone(real.script('exec "$CC" "$@"'))
    assert "PULLBACK_JIT" in str(real.make())
    assert not real.calls()
    assert not real.cache.exists()
    monkeypatch.delenv("PULLBACK_JIT")
    real.works()


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ("/", "which is a folder"),
        ("no-such-compiler -O2", "which is no program"),
        ("'unfinished", "cannot be read"),
        ("/dev/null", "which is no program"),
    ],
)
def test_a_cc_that_is_none(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, chosen: str, reason: str
) -> None:
    monkeypatch.setenv("CC", chosen)
    with pytest.warns(NativeWarning, match=reason):
        real.works()


def test_cc_is_first_may_have_arguments_and_lie_anywhere(
    real: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(real.folder)
    real.script('exec "$CC" "$@"', name="mine ☃")
    monkeypatch.setenv("CC", "./mine ☃")
    assert "(fake 1.0)" in real.works().compiler
    real.script('[ "$1" = -v1 ] && shift; exec "$CC" "$@"', name="other", version=False)
    monkeypatch.setenv("CC", "./other -v1")
    assert "other -v1 (" in real.works().compiler


def test_no_shell_reads_cc(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = real.folder / "touched"
    for chosen in (f"cc; touch {touched}", f"cc $(touch {touched})"):
        monkeypatch.setenv("CC", chosen)
        with pytest.warns(NativeWarning):
            real.works()
    assert not touched.exists()


def test_one_that_is_no_program_of_this_machine(real: Fresh) -> None:
    odd = real.folder / "odd"
    odd.write_bytes(b"\x7fELF and no more")
    odd.chmod(0o700)
    real.alone(odd)
    with pytest.warns(NativeWarning, match="could not be started"):
        assert isinstance(real.make(), str)


def test_flags_that_a_compiler_does_not_take(real: Fresh) -> None:
    real.alone(real.script('case "$*" in *native*) exit 1;; esac; exec "$CC" "$@"'))
    real.works()
    assert real.calls() == len(compilers.native_flags()) + 1
    real.works("void scale(double *x, double by) { x[0] += by; }", of=5)
    assert real.calls() == len(compilers.native_flags()) + 2


def test_flags_of_another_processor(real: Fresh) -> None:
    """As where a virtual machine has less than the compiler believes."""
    trap = 'echo "void __attribute__((constructor)) f(void) { __builtin_trap(); }" > trap.c'
    does = f'case "$*" in *native*) {trap}; exec "$CC" trap.c "$@";; esac; exec "$CC" "$@"'
    real.alone(real.script(does))
    real.works()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("__builtin_trap();", "was ended by SIG(ILL|TRAP)"),
        ("for (volatile int on = 1; on;) ;", r"did not end within 0\.5 s"),
        ("nowhere(x, by);", "undefined symbol|ended with code"),
        ("void exit(int); exit(0);", "ended before all was tried"),
        ("not C", "error: "),
    ],
)
def test_a_text_that_is_wrong_is_no_crash(
    real: Fresh, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    monkeypatch.setattr(loading, "_TRIAL_LIMIT", 0.5 if "volatile int" in body else 60.0)
    text = f"void nowhere(double *, double); void scale(double *x, double by) {{ {body} }}"
    with pytest.warns(NativeWarning, match="runs in NumPy, not in C"):
        made = real.make(text)
    assert isinstance(made, str)
    assert re.search(reason, made)
    assert not real.kept()
    assert not real.left()
    monkeypatch.setattr(loading, "_TRIAL_LIMIT", 60.0)
    real.works()  # the compiler is not to blame


def test_a_function_that_is_not_there(real: Fresh) -> None:
    with pytest.warns(NativeWarning, match="scale"):
        assert isinstance(real.make("void other(void) {}"), str)


def test_functions_without_arguments_are_called_before_they_are_loaded(real: Fresh) -> None:
    with pytest.warns(NativeWarning, match="SIG"):
        made = library("void go(void) { __builtin_trap(); }", {"go": ()})
    assert isinstance(made, str)


def test_numbers_of_all_kinds_reach_a_trial_and_a_call(real: Fresh) -> None:
    kinds = [ctypes.c_int64, ctypes.c_float, ctypes.c_uint8, ctypes.c_bool, ctypes.c_size_t]
    text = """#include <stdint.h>
#include <stddef.h>
void put(double *to, int64_t a, float b, uint8_t c, _Bool d, size_t e) {
    if ((size_t)to % 64 == 0 && a == -1 && b == 0.5f && c == 255 && d && e == 1) to[2047] = 1;
    else if (to[0] != 7) __builtin_trap();
}"""
    values = (-1, 0.5, 255, True, 1)
    pointer = ctypes.POINTER(ctypes.c_double)
    made = library(text, {"put": (pointer, *kinds)}, trials={"put": (16384, *values)})
    assert isinstance(made, Library), made
    room = (ctypes.c_double * 4096)(7.0)
    made["put"](room, *values)
    with pytest.raises(ctypes.ArgumentError):
        made["put"](room, "one", *values[1:])


def test_requests_that_are_wrong_are_errors(fresh: Fresh) -> None:
    with pytest.raises(ValueError, match="no function of the library"):
        library("", {"two words": ()})
    with pytest.raises(ValueError, match=r"'other' is no function .* those are: one"):
        library("", {"one": ()}, trials={"other": ()})
    with pytest.raises(ValueError, match="tried with 0 arguments, and has 1"):
        library("", {"one": (ctypes.c_int,)}, trials={"one": ()})


def test_numbers_are_as_in_numpy(real: Fresh) -> None:
    """No flag takes NaN, infinities or signed zeros away."""
    text = """#include <math.h>
void odd(const double *x, double *y) {
    y[0] = x[0] != x[0]; y[1] = isnan(x[0]); y[2] = isinf(x[1]); y[3] = x[1] - x[1];
    y[4] = 1 / (x[2] + x[2]); y[5] = x[3] + x[2] * x[0]; y[6] = (x[4] + x[5]) - x[5];
}"""
    made = library(text, {"odd": (ctypes.c_void_p, ctypes.c_void_p)})
    assert isinstance(made, Library), made
    x = (ctypes.c_double * 6)(float("nan"), float("inf"), -0.0, 1.0, 1.0, 2.0**60)
    y = (ctypes.c_double * 7)()
    made["odd"](x, y)
    assert list(y)[:3] == [1, 1, 1]
    assert [str(value) for value in list(y)[3:]] == ["nan", "-inf", "nan", "0.0"]


def test_what_is_printed_without_end_takes_no_memory(real: Fresh) -> None:
    real.alone(real.script("head -c 5000000 /dev/zero | tr '\\0' x; exit 1"))
    with pytest.warns(NativeWarning) as told:
        assert isinstance(real.make(), str)
    assert all(len(str(w.message)) < 1000 for w in told)


def test_zig_alone_is_found_as_a_package(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    package = fresh.folder / "packages" / "ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / ("zig.exe" if os.name == "nt" else "zig")).touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PATH", str(fresh.folder))
    monkeypatch.delitem(sys.modules, "ziglang", raising=False)
    commands = list(compilers._commands([]))
    assert commands == [(str(next(package.glob("zig*"))), "cc")]


@pytest.mark.slow
def test_zig_alone_compiles(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang", reason="pip install ziglang")
    monkeypatch.setenv("PATH", str(fresh.folder))
    assert "zig cc" in fresh.works().compiler
    fresh.again()
    assert fresh.works().from_cache
    assert not fresh.left()


def test_the_example_of_its_docstring(real: Fresh) -> None:
    example = doctest.DocTestFinder().find(library, globs={"library": library, "Library": Library})
    assert len(example) == 1
    assert doctest.DocTestRunner().run(example[0]).failed == 0
    assert len(real.kept()) == 1


def test_no_disk_at_all(real: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the cache nor in the system's folder: NumPy, with the reason."""

    def refused(*args: Any, **options: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    with pytest.warns(NativeWarning, match=r"in NumPy, not in C: .* No space left") as told:
        assert "No space left" in str(real.make())
    assert len(told) == 1


@pytest.mark.skipif(shutil.which("getconf") is None, reason="needs getconf")
def test_the_last_cache_is_what_the_system_says() -> None:
    names = [f"LEVEL{level}_CACHE_SIZE" for level in (2, 3, 4)]
    sizes = []
    for name in names:
        done = subprocess.run(["getconf", name], capture_output=True, text=True, check=False)
        sizes.append(int(done.stdout) if done.stdout.strip().isdigit() else 0)
    if not any(sizes):
        pytest.skip("the system says nothing of its caches")
    assert last_cache() == max(sizes)
