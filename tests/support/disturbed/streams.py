"""Signals, streams that are closed, names that cannot be written, homes that are not there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from support.disturbed.cases import CASES, Case, case
from support.disturbed.scene import Result, Scene


def ended(process: subprocess.Popen[bytes], seconds: float = 60) -> Result:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        process.kill()
        process.communicate()
        raise AssertionError(f"it did not end within {seconds} s") from late
    text = [(part or b"").decode("utf-8", "replace") for part in (out, err)]
    return Result(process.returncode, *text)


def training(run: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the training has saved something."""
    while not (run / "last.ckpt").exists():
        assert process.poll() is None, ended(process)
        time.sleep(0.005)


def pipes() -> dict[str, Any]:
    return {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def _signalled(scene: Scene, number: int) -> None:
    with scene.room() as room:
        run = room / "run"
        process = scene.alone("--out", "run", "--epochs", 400, at=room, **pipes())
        training(run, process)
        process.send_signal(number)
        result = ended(process).expect(128 + number, "python train.py --resume run")
        assert result.err == ""
        scene.mnist("evaluate", run).orderly()
        # It goes on from there, to what it would have been: the same with two epochs.
    with scene.room() as room:
        run = room / "run"
        process = scene.alone("--out", "run", at=room, **pipes())
        training(run, process)
        process.send_signal(number)
        assert ended(process).code in (0, 128 + number)
        scene.expect_goes_on(run)


for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    CASES.append(
        Case(
            "signals",
            _name,
            "saved, 128 and the signal's number as the code; --resume ends with the bytes let be",
            lambda scene, name=_name: _signalled(scene, getattr(signal, name)),
            short=_name == "SIGTERM",
        )
    )


@case("signals", "SIGINT and SIGHUP, ignored from the start", "the training goes on to its end")
def _(scene: Scene) -> None:
    def ignoring() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    with scene.room() as room:
        process = scene.alone("--out", "run", at=room, preexec_fn=ignoring, **pipes())
        training(room / "run", process)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        ended(process).expect(0)
        scene.expect_whole(room / "run")


@case(
    "streams", "no standard output, no standard error, neither, none at all", "trained to its end"
)
def _(scene: Scene) -> None:
    for closed in ((1,), (2,), (1, 2), (0, 1, 2)):

        def closing(closed: tuple[int, ...] = closed) -> None:
            for number in closed:
                os.close(number)

        with scene.room() as room:
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = scene.alone("--out", "run", at=room, preexec_fn=closing, **silent)
            ended(process).expect(0)
            scene.expect_whole(room / "run")


@case(
    "streams",
    "a reader that reads a line, as head -1 does",
    "it says how to go on, and trains to its end",
    short=True,
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        process = scene.alone("--out", "run", at=room, **pipes())
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"IDX files in ")
        process.stdout.close()
        process.stdout = None
        result = ended(process).expect(0, "python train.py --resume run")
        assert len(result.err.splitlines()) == 1
        scene.expect_whole(room / "run")


@case("streams", "no reader of either stream any more", "trained to its end")
def _(scene: Scene) -> None:
    with scene.room() as room:
        process = scene.alone("--out", "run", at=room, **pipes())
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        process.stdout = process.stderr = None
        ended(process).expect(0)
        scene.expect_whole(room / "run")


@case("streams", "a full disk behind standard output", "trained to its end")
def _(scene: Scene) -> None:
    if not os.path.exists("/dev/full"):
        return
    with scene.room() as room, open("/dev/full", "wb") as full:
        process = scene.alone("--out", "run", at=room, stdout=full, stderr=subprocess.PIPE)
        ended(process).expect(0)
        scene.expect_whole(room / "run")


_NAMES = {
    "a space": "my runs/the first",
    "letters of other alphabets": "数字/Größe",
    "bytes that are no text": os.fsdecode(b"r\xff\xfen"),
    "a line break and an escape": "a\nb\x1b[31m",
    "quotes and a percent sign": "a'\"%s{}$HOME",
    "a leading dash": "./-run",
    "dots": "a/../b/.run",
}


def _named(scene: Scene, name: str, environment: dict[str, str]) -> None:
    with scene.room() as room:
        run = Path(os.path.normpath(room / name))
        if ".." in name:
            (room / "a").mkdir()
        process = scene.alone("--out", name, at=room, env=environment, **pipes())
        result = ended(process).expect(0)
        assert result.err == ""
        assert "\x1b" not in result.out
        scene.expect_whole(run)
        (run / "last.ckpt").unlink()
        process = scene.alone("--resume", name, at=room, env=environment, **pipes())
        ended(process).expect(0)
        scene.expect_whole(run)
        for command in ("evaluate", "report"):
            scene.mnist(command, run).expect(0).orderly()
        scene.mnist("compare", run, run).expect(0).orderly()
        scene.mnist("evaluate", run / "none").refused()


for _what, _path in _NAMES.items():
    for _words, _environment in (
        ("", {}),
        (", where only ASCII can be printed", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}),
    ):
        CASES.append(
            Case(
                "names",
                f"a folder with {_what}{_words}",
                "trained, resumed and judged",
                lambda scene, name=_path, env=_environment: _named(scene, name, env),
                short=_what.startswith("bytes") and bool(_environment),
            )
        )


@case("names", "no home, no user, no temporary folder", "trained")
def _(scene: Scene) -> None:
    with scene.room() as room:
        bare = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "USER": "", "XDG_CACHE_HOME": ""}
        ended(scene.alone("--out", "run", at=room, env=bare, **pipes())).expect(0)
        scene.expect_whole(room / "run")


@case("names", "a link to a folder", "trained; the link stays")
def _(scene: Scene) -> None:
    with scene.room() as room:
        (room / "real").mkdir()
        (room / "run").symlink_to(room / "real", target_is_directory=True)
        scene.train("--out", room / "run").expect(0).orderly()
        assert (room / "run").is_symlink()
        scene.expect_whole(room / "real")
        scene.train("--out", room / "real").refused("holds a run already")
