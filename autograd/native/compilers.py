"""The C compilers of this machine: which there are, what they are, and how they are asked.

Files are named within the folder in which a compiler runs, so that it never meets a path with
spaces or letters that it cannot read.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from autograd.native.cache import ZIG, CacheError, new_file, new_folder, temporary
from autograd.native.running import run

VERSION_LIMIT = 20.0  # seconds
PROBE_LIMIT = 60.0  # zig compiles libraries of its own when it is first called
COMPILE_LIMIT = 180.0

SOURCE = "program.c"
LIBRARY = {"win32": "library.dll", "darwin": "library.dylib"}.get(sys.platform, "library.so")

ADVICE = "pip install ziglang brings a compiler"

_ALWAYS = [
    *["-std=gnu11", "-O3", "-w"],
    # Not -ffast-math: NaN, infinities and signed zeros are as in NumPy. These give up errno and
    # floating point exceptions, which nothing reads, and without which loops with comparisons
    # would not become vectors.
    *["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"],
    *(["-arch", platform.machine()] if sys.platform == "darwin" else []),  # Python's, maybe Rosetta
    "-shared",
    *(["-fPIC"] if sys.platform != "win32" else []),  # an error there
]


class CompilingError(Exception):
    """A text became no library: `late` where there was no end of it."""

    def __init__(self, reason: str, late: bool = False) -> None:
        super().__init__(reason)
        self.late = late


@dataclass(frozen=True)
class Compiler:
    """A C compiler.

    Attributes:
        command: its path, and arguments that it always gets.
        version: the first line of what it says of itself.
        build: size and time of its file, which change with it though the version may not.
    """

    command: tuple[str, ...]
    version: str
    build: str

    def __str__(self) -> str:
        return f"{shlex.join(self.command)} ({self.version})"


def found(passed_over: list[str]) -> Iterator[Compiler]:
    """The compilers that there are, best first: CC, cc, gcc, clang, and that of `ziglang`.

    Each is asked for its version when its turn comes, once in a process. The order is that in which
    a user would expect them: what CC names was chosen, cc is what the system is built with.

    Args:
        passed_over: gets a reason for each that is there, or was named, and is none.
    """
    seen = set()
    for command in _commands(passed_over):
        known = (os.path.realpath(command[0]), *command[1:])  # cc is mostly a link to another
        if known in seen:
            continue
        seen.add(known)
        try:
            status = os.stat(command[0])
        except OSError as error:
            passed_over.append(f"{command[0]}: {error}")
            continue
        compiler = _identified(command, f"{status.st_size} {status.st_mtime_ns}")
        if isinstance(compiler, Compiler):
            yield compiler
        else:
            passed_over.append(compiler)


def _commands(passed_over: list[str]) -> Iterator[tuple[str, ...]]:
    chosen = os.environ.get("CC", "").strip()
    if chosen:
        try:
            yield _chosen(chosen)
        except ValueError as error:
            passed_over.append(f"the environment variable CC is {chosen!r}, {error}")
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path is not None:
            yield (os.path.abspath(path),)
    zig = _zig()
    if zig is not None:
        yield zig


def _chosen(text: str) -> tuple[str, ...]:
    """CC as a command: a path, which may have spaces in it, or a program with arguments."""
    whole = shutil.which(text)
    if whole is not None:
        return (os.path.abspath(whole),)
    if os.path.isdir(text):
        raise ValueError("which is a folder")
    try:
        name, *arguments = shlex.split(text, posix=os.name == "posix")
    except ValueError as error:
        raise ValueError(f"which cannot be read ({error})") from None
    path = shutil.which(name.strip('"'))
    if path is None:
        raise ValueError("which is no program that can be run")
    return (os.path.abspath(path), *arguments)


def _zig() -> tuple[str, ...] | None:
    """The compiler in the package `ziglang`, without the Python between that `-m ziglang` is."""
    try:
        package = importlib.util.find_spec("ziglang")
    except (ImportError, ValueError):
        return None
    for folder in (package and package.submodule_search_locations) or []:
        program = os.path.join(folder, "zig.exe" if sys.platform == "win32" else "zig")
        if os.path.isfile(program):
            return (os.path.abspath(program), "cc")
    return None


@lru_cache(maxsize=64)
def _identified(command: tuple[str, ...], build: str) -> Compiler | str:
    """The compiler, or why it is taken for none. `build` has a changed one asked anew."""
    asking = [*command, "--version"]
    try:
        # Even for that zig wants folders to write to, and one that it runs in.
        with temporary() as place, place.working() as work:
            asked = run(asking, VERSION_LIMIT, work, _environment(work))
    except (OSError, CacheError):
        asked = run(asking, VERSION_LIMIT, None, _environment(None))
    lines = [line.strip() for line in asked.printed.splitlines() if line.strip()]
    if asked.failure:
        return f"{shlex.join(command)} --version {asked.failure}"
    if not lines:
        return f"{shlex.join(command)} --version says nothing"
    return Compiler(command, lines[0][:200], build)


def native_flags() -> list[tuple[str, ...]]:
    """Flags for the processor of this machine, the best first; compilers do not take all.

    Registers of 512 bits are asked for where there are any: compilers keep to half of that by
    themselves, on account of processors that ran slower then.
    """
    if platform.machine().lower() in ("x86_64", "amd64", "i386", "i686", "x86"):
        return [("-march=native", "-mprefer-vector-width=512"), ("-march=native",), ()]
    return [("-mcpu=native",), ("-march=native",), ()]


def command_line(compiler: Compiler, flags: Sequence[str]) -> list[str]:
    """What makes LIBRARY of SOURCE. Libraries come last, behind what needs them."""
    return [*compiler.command, *_ALWAYS, *flags, "-o", LIBRARY, SOURCE, "-lm"]


def compile_in(
    folder: Path,
    text: str,
    compiler: Compiler,
    flags: Sequence[str],
    limit: float,
) -> Path:
    """Make a library of a text of C, and return its path.

    Args:
        folder: for the files, which lie in a new folder within it. It is one of `Cache.working`.
        limit: seconds that it may take.

    Raises:
        CompilingError: the compiler failed, had no end, or left nothing.
        OSError: the text could not be written.
    """
    new = new_folder("", folder)
    new_file(new / SOURCE, text.encode())
    made = new / LIBRARY
    ended = run(command_line(compiler, flags), limit, new, _environment(folder))
    if ended.failure:
        raise CompilingError(f"{compiler} {ended.failure}", ended.late)
    try:
        status = os.lstat(made)
    except OSError:
        raise CompilingError(f"{compiler} made no library, and says that it did") from None
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        raise CompilingError(f"{compiler} made something that is no library")
    return made


def _environment(folder: Path | None) -> dict[str, str]:
    """English messages, and intermediate files where they are removed even after a kill.

    Where there is no PATH, compilers are found by the default one, and do not find their parts.
    """
    variables = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
    if folder is not None:
        variables["ZIG_LOCAL_CACHE_DIR"] = str(folder)
        # For its C library, which takes seconds to make. Not in the home, which may be read-only.
        shared = str(folder.parent / ZIG)
        variables["ZIG_GLOBAL_CACHE_DIR"] = os.environ.get("ZIG_GLOBAL_CACHE_DIR", shared)
        if os.name == "posix":
            variables["TMPDIR"] = str(folder)
    return variables


@lru_cache(maxsize=1)
def machine() -> str:
    """What a library depends on beside its text and compiler: processor, system, C library.

    On Linux the kernel says what the processor can do, also where a virtual machine hides a part of
    it. Elsewhere NumPy knows what it looks for.
    """
    parts = [sys.platform, platform.machine(), str(sys.maxsize)]
    if sys.platform.startswith("linux"):
        parts += _described_by_kernel()
        with suppress(OSError, ValueError):  # another C library
            parts.append(os.confstr("CS_GNU_LIBC_VERSION") or "")
    elif sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        parts += [platform.release(), run(command, VERSION_LIMIT).printed]
    else:
        parts.append(os.environ.get("PROCESSOR_IDENTIFIER", ""))
    shown = np.show_config(mode="dicts") or {}
    parts += sorted(shown.get("SIMD Extensions", {}).get("found", []))
    return "\n".join(parts)


@lru_cache(maxsize=1)
def vector_registers() -> tuple[int, int]:
    """The bytes of a vector register of this processor, and how many it has: what text is written
    for, which runs anywhere, if slower."""
    known = " ".join(_described_by_kernel()).lower().split()
    shown = np.show_config(mode="dicts") or {}
    known += [name.lower() for name in shown.get("SIMD Extensions", {}).get("found", [])]
    if "avx512f" in known or "x86_v4" in known:
        return 64, 32
    if platform.machine().lower() in ("arm64", "aarch64"):
        return 16, 32
    return (32, 16) if "avx2" in known or "x86_v3" in known else (16, 16)


@lru_cache(maxsize=1)
def last_cache() -> int:
    """The bytes of the last cache before memory, as the kernel has it; 0 where it says nothing."""
    largest = 0
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        with suppress(OSError, ValueError):
            size = file.read_text().strip()
            number = int(size.rstrip("KM"))
            largest = max(largest, number << (10 * "KM".find(size[-1]) + 10))
    return largest


# Kinds and abilities of processors in /proc/cpuinfo, by architecture; not what changes from one
# moment to the next, such as the clock.
_KINDS = {
    *["vendor_id", "cpu family", "model", "model name", "stepping", "flags"],  # x86
    *["Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part"],  # ARM
    *["cpu", "isa", "uarch", "features"],  # POWER, RISC-V, S/390
}


def _described_by_kernel() -> list[str]:
    lines: list[str] = []
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as about:
        for line in about:
            if not line.strip() and lines:
                break  # the other cores are the same
            if line.partition(":")[0].strip() in _KINDS:
                lines.append(line.strip())
    return lines
