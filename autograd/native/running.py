"""Other people's programs, run for a limited time, and never through a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEPT = 1 << 16  # bytes of what a program prints; it may print without end
_CHUNK = 1 << 14
_LOOK = 0.05  # seconds between two looks at a program that has left others at its pipe
_GRACE = 2.0  # seconds to read the rest of what was printed


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code, below 0 the signal that ended it; None where it was not started, or did
            not end in time.
        printed: the beginning of its output and errors.
        failure: in words what went wrong, behind the name of the program; empty where nothing did.
        late: it was ended because its time was over.
    """

    code: int | None
    printed: str
    failure: str
    late: bool = False


def run(
    command: Sequence[str],
    limit: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program, with nothing to read, and wait for its end.

    Args:
        command: the program's path and its arguments.
        limit: seconds, after which it is ended, and with it what it started.
        folder: in which it runs.
        environment: what is added to the variables of this process.
    """
    try:
        # In a session of its own, so that all that a compiler starts can be ended together.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            umask=-1 if sys.platform == "win32" else 0o077,  # compilers read what they write
        )
    except (OSError, ValueError, RuntimeError) as error:  # NUL in an argument; Python is ending
        return Ended(None, "", f"could not be started ({error})")
    assert process.stdout is not None
    kept = bytearray()
    # A pipe read by a thread needs no disk, which may be full, and keeps no more than it should.
    reader = threading.Thread(target=_read, args=(process.stdout, kept), daemon=True)
    until = time.monotonic() + limit
    try:
        reader.start()
    except RuntimeError as error:  # there can be no more threads
        _end(process)
        process.stdout.close()
        return Ended(None, "", f"could not be listened to ({error})")
    try:
        # Its end closes the pipe, which wakes the reader at once; `wait` alone looks now and then.
        while reader.is_alive() and process.poll() is None and time.monotonic() < until:
            reader.join(min(limit, _LOOK))
        process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return Ended(None, "", f"did not end within {limit:g} s", late=True)
    finally:
        if process.returncode is None:
            _end(process)
        reader.join(_GRACE)
        if not reader.is_alive():  # else something that it left behind still writes
            process.stdout.close()
    printed = bytes(kept).decode(errors="replace")
    return Ended(process.returncode, printed, _in_words(process.returncode, printed))


def _read(pipe: IO[bytes], kept: bytearray) -> None:
    while chunk := pipe.read(_CHUNK):
        kept += chunk[: _KEPT - len(kept)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started. It was not waited for, so its number is still its."""
    if sys.platform == "win32":
        system = os.environ.get("SYSTEMROOT", r"C:\Windows")
        kill = [os.path.join(system, "System32", "taskkill.exe"), "/F", "/T", "/PID"]
        subprocess.run([*kill, str(process.pid)], capture_output=True, check=False)
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:  # it has ended already: macOS, or children that nobody waits for
            process.kill()
    process.wait()


def _in_words(code: int, printed: str) -> str:
    if code == 0:
        return ""
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    number = f"{code:#x}" if code > 255 else str(code)  # how Windows' exceptions are known
    line = _telling_line(printed)
    return f"ended with code {number}" + (f": {line}" if line else "")


def _telling_line(printed: str) -> str:
    """The first line that speaks of an error, else the last one; of some length, and printable."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    telling = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return "".join(c if c.isprintable() else "?" for c in telling[:300])
