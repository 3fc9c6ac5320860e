"""Several processes that are one program: how they start, who speaks, and how all of them end."""

from __future__ import annotations

import argparse
import io
import os
import platform
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path
from time import sleep

import numpy as np

from autograd import set_num_threads
from nn.distributed import DistributedError, Group, expect_alike, launched, world

_INTERRUPTED = 130  # 128 and the number of the signal, as shells have it
_KILL = 9  # SIGKILL, which signal lacks on Windows
_PATIENCE = 5.0  # seconds that a process which gives up waits for the others to do so too


def as_one(program: Callable[[Group | None], int], name: str) -> int:
    """Run a program at each of the processes that a launcher has started; its exit code.

    Rank 0 alone speaks. Where they cannot work together it says so in one line; where a process
    fails by itself, all are ended.

    Args:
        program: is given the group, None for a process alone.
        name: of the program, before what is said.
    """
    try:
        group = world()
    except DistributedError as error:
        _give_up(f"{name}: error: {error}")
        return 1
    if group is None:
        return program(None)
    code = 1
    with _speaking(group) as unsaid:
        try:
            expect_alike(group, _versions())
            _share_cores(group)
            code = program(group)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except DistributedError as error:
            print(f"{name}: error: {error}", file=sys.stderr)
        except KeyboardInterrupt:  # a second Ctrl-C
            group.abort(_INTERRUPTED)
        except BaseException:
            print(f"{name}: at rank {group.rank}:\n{traceback.format_exc()}", file=sys.stderr)
    sys.stdout.flush()
    if not group.part(None if code == 0 else _PATIENCE):
        # This process alone has failed.
        print(unsaid.getvalue(), end="", file=sys.stderr, flush=True)
        group.abort(code)
    return code


def arguments(
    parser: argparse.ArgumentParser, given: Sequence[str], group: Group | None
) -> argparse.Namespace:
    """What the parser makes of the arguments of the command line, alike at all processes.

    Raises SystemExit, at all, where the parser does so at any, and DistributedError where they
    differ.
    """
    if group is None:
        return parser.parse_args(given)
    args, code = argparse.Namespace(), None
    try:
        args = parser.parse_args(given)
    except SystemExit as end:
        code = end.code
    codes = group.gather(code)
    for rank, its in enumerate(codes):
        if its is not None:
            if codes[0] is None:
                parser.exit(2, f"{parser.prog}: error: rank {rank} refuses its arguments\n")
            raise SystemExit(its)
    expect_alike(
        group, {f"--{name.replace('_', '-')}": str(value) for name, value in vars(args).items()}
    )
    return args


def start(count: int, script: str, arguments: Sequence[str], name: str) -> int:
    """Run a script in `count` processes by mpiexec; its exit code.

    A process that is killed takes the others with it; the line that says so tells how to go on.
    """
    if launched() is not None:
        print(f"{name}: error: --processes within mpiexec; leave out one of them", file=sys.stderr)
        return 2
    mpiexec = find_mpiexec()
    if mpiexec is None:
        print(
            f"{name}: error: --processes needs mpiexec, and none was found; "
            "pip install mpi4py mpich",
            file=sys.stderr,
        )
        return 1
    command = [mpiexec, "-n", str(count), sys.executable, script, *arguments]
    # In a session of its own, what is sent to this process or typed at its terminal comes once:
    # from here. At Ctrl-C the processes save and end.
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    with running, _handing_on(running) as asked:
        code = running.wait()
    if code == _INTERRUPTED and asked:
        return 128 + asked[0]
    if code in (_KILL, 128 + _KILL, signal.SIGTERM, 128 + signal.SIGTERM):
        print(
            f"{name}: error: a process was ended from outside (signal {code % 128}), and the others"
            " with it; go on from the last checkpoint with --resume",
            file=sys.stderr,
        )
        return 1
    return code


@contextmanager
def _handing_on(running: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Within it, signals that would end this process go to `running` instead, as Ctrl-C, at which
    its processes save and end; gives those that have come.

    What is ignored (by `nohup`, or in the background of a shell) stays ignored.
    """

    def hand_on(number: int, frame: object) -> None:
        asked.append(number)
        # On Windows Ctrl-C comes to all processes of a console, and can be sent to none.
        if sys.platform != "win32":
            running.send_signal(signal.SIGINT)

    asked: list[int] = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {
        number: signal.signal(number, hand_on)
        for number in numbers
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _give_up(line: str) -> None:
    """Say why this process does not even know the others; rank 0 says it for all.

    Where there are other machines, they may be fine and wait for this one for ever: that it ended
    by a signal makes the launcher end them.
    """
    rank, size = launched() or (0, 1)
    if rank == 0:
        print(line, file=sys.stderr, flush=True)
    if int(os.environ.get("MPI_LOCALNRANKS", size)) < size:
        sleep(_PATIENCE)
        if rank:
            print(f"{line} (at rank {rank})", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)


def find_mpiexec() -> str | None:
    """That of the environment that runs this, as its mpi4py loads the MPI beside it; or any."""
    return shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")


@contextmanager
def _speaking(group: Group) -> Iterator[io.StringIO]:
    """Within it, rank 0 alone is heard; gives what the others would have complained of."""
    unsaid = io.StringIO()
    if group.rank == 0:
        yield unsaid
        return
    with (
        open(os.devnull, "w", encoding="utf-8", errors="replace") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(unsaid),
    ):
        yield unsaid


def _versions() -> dict[str, str]:
    try:
        own = metadata.version("pullback")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return {
        "the version of pullback": own,
        "the version of NumPy": np.__version__,
        "the version of Python": platform.python_version(),
    }


def _share_cores(group: Group) -> None:
    """As many threads as there are cores for each process of this machine."""
    cores = set(range(os.cpu_count() or 1))
    if hasattr(os, "sched_getaffinity"):
        cores = os.sched_getaffinity(0)
    everyone = group.gather((platform.node(), cores))
    here = [its for node, its in everyone if node == platform.node()]
    set_num_threads(max(1, len(set().union(*here)) // len(here)))
