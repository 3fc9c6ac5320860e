"""Ends without warning, and disks that are full, at each moment at which files are written."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.disturbed.cases import CASES, Case, case
from support.disturbed.scene import SETTINGS, Disk, Result, Scene

import train

MOMENTS = 100


def killed_at(scene: Scene, *arguments: object, calls: int, **options: Any) -> Result:
    """A training that ends without warning at the n-th of its calls that change a file."""
    folder = next(argument for argument in arguments if isinstance(argument, Path))
    disk = Disk(folder, calls, lambda: os.kill(os.getpid(), signal.SIGKILL))
    return scene.train(*arguments, before=disk.watch, **options)


def calls_of_all(scene: Scene) -> int:
    """How many calls a whole training makes that change a file."""
    with scene.room() as room:
        disk = Disk(room / "run", 0, lambda: None)

        def counted(arguments: list[str]) -> int:
            code = train.main(arguments)
            print(disk.calls, file=sys.stderr)
            return code

        arguments = (*SETTINGS, "--out", room / "run")
        return int(scene.start(counted, arguments, before=disk.watch).end().expect(0).err)


def _killed_while_writing(scene: Scene, at: int) -> None:
    with scene.room() as room:
        run = room / "run"
        killed_at(scene, "--out", run, calls=at).expect(-signal.SIGKILL)
        scene.expect_honest(run)
        scene.expect_goes_on(run)


def _killed_any_time(scene: Scene, share: float) -> None:
    with scene.room() as room:
        run = room / "run"
        run.mkdir()
        running = scene.training("--out", run)
        time.sleep(share * 0.6)
        running.kill()
        assert running.end().code in (-signal.SIGKILL, 0)
        scene.expect_honest(run)
        scene.expect_goes_on(run)


def _killed_overwriting(scene: Scene, at: int) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        (run / "notes.txt").write_text("mine")
        killed_at(scene, "--out", run, "--overwrite", calls=at).expect(-signal.SIGKILL)
        scene.expect_honest(run)
        scene.train("--out", run, "--overwrite").expect(0).orderly()
        assert (run / "notes.txt").read_text() == "mine"
        (run / "notes.txt").unlink()
        scene.expect_whole(run)


def _killed_again_and_again(scene: Scene) -> None:
    with scene.room() as room:
        run = room / "run"
        result, calls = killed_at(scene, "--out", run, calls=15), 15
        while result.code == -signal.SIGKILL:
            scene.expect_honest(run)
            calls += 2
            result = killed_at(scene, "--resume", run, calls=calls)
        result.expect(0)
        scene.expect_whole(run)


def _killed_reporting(scene: Scene, at: int) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        disk = Disk(run, at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        scene.mnist("report", run, before=disk.watch).expect(-signal.SIGKILL)
        scene.expect_honest(run)
        scene.expect_goes_on(run)


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _full_at(scene: Scene, at: int, for_good: bool) -> None:
    with scene.room() as room:
        run = room / "run"
        disk = Disk(run, at, _full, for_good=for_good)
        result = scene.train("--out", run, before=disk.watch)
        assert result.code in (0, 1)
        result.orderly()
        if run.exists():
            scene.expect_honest(run)
        scene.expect_goes_on(run) if run.exists() else scene.train("--out", run).expect(0)
        scene.expect_whole(run)


def _too_large(scene: Scene, size: int) -> None:
    """No file may be larger: the system's own limit, which is met in the middle of a file."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with scene.room() as room:
        run = room / "run"
        scene.train("--out", run, before=limit).refused("run")
        scene.expect_honest(run)
        scene.expect_goes_on(run)


_RESUMED = "what is told is right or refused; --resume ends with the bytes of a run let be"


def declare(scene: Scene) -> None:
    """The cases, of which there are as many as a training has moments."""
    calls = calls_of_all(scene)
    rng = random.Random(scene.seed)
    shorts = {2, calls // 2}
    few = {3}

    def add(kind: str, name: str, play: Callable[[Scene], None], short: bool = False) -> None:
        CASES.append(Case(kind, name, _RESUMED, play, short))

    for at in range(1, calls + 1):
        add(
            "kills",
            f"at the call {at} of {calls} that change a file",
            lambda scene, at=at: _killed_while_writing(scene, at),
            at in shorts,
        )
        for for_good in (False, True):
            words = "from" if for_good else "only at"
            add(
                "full disks",
                f"{words} call {at} of {calls}",
                lambda scene, at=at, for_good=for_good: _full_at(scene, at, for_good),
                at in few and for_good,
            )
    for number in range(max(20, MOMENTS - calls)):
        share = rng.random()
        add(
            "kills",
            f"at any time, number {number}",
            lambda scene, share=share: _killed_any_time(scene, share),
            number < 1,
        )
    for at in range(1, 11):
        add(
            "kills",
            f"of --overwrite, at call {at}",
            lambda scene, at=at: _killed_overwriting(scene, at),
            at == 6,
        )
    for at in range(1, 4):
        add(
            "kills",
            f"of a report, at call {at}",
            lambda scene, at=at: _killed_reporting(scene, at),
            at == 3,
        )
    for size in (100, 2_000, 100_000, 250_000):
        add(
            "full disks",
            f"no file above {size:,} bytes",
            lambda scene, size=size: _too_large(scene, size),
            size == 2_000,
        )


@case("kills", "again and again, until it ends", _RESUMED)
def _(scene: Scene) -> None:
    _killed_again_and_again(scene)
