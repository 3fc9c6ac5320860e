"""Where disturbed trainings are played: programs in processes of their own, and what they leave.

Most programs run in a fork of this process, which imports everything once and computes nothing; so
that a training of two epochs takes a fifth of a second and can be disturbed at any moment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.programs.idx_files import write_digits

import train
from autograd import keep_pages, set_num_threads
from mnist import commands
from mnist.storage import checkpoints

ROOT = Path(train.__file__).parent
SECONDS = 300.0  # after which something hangs, on a busy machine too
# Ten steps, in which everything random takes part; and a checkpoint within each epoch.
SETTINGS = ("--epochs", "2", "--batch-size", "20", "--validation", "20", "--checkpoint-every", "2")
# What two trainings with the same settings have in common, byte by byte; times are of the day.
SAME = ("config.json", "metrics.jsonl", "last.ckpt", "best.ckpt")
REPORT = "report.html"


@dataclass(frozen=True)
class Result:
    """How a program ended; negative codes are those of signals."""

    code: int
    out: str
    err: str

    def expect(self, code: int, *told: str) -> Result:
        """It ended with this code, and what it said has these texts in it."""
        assert self.code == code, (
            f"code {self.code}, {code} expected; it said {self.err or self.out}"
        )
        for text in told:
            assert text in self.out + self.err, f"{text!r} expected, said: {self.out + self.err}"
        return self

    def refused(self, *told: str) -> Result:
        """It ended with 1 and one line of error."""
        self.expect(1, *told)
        return self.orderly()

    def orderly(self) -> Result:
        """No traceback, no more than a line of error, nothing that moves a terminal's cursor."""
        assert "Traceback" not in self.err, self.err
        errors = [line for line in self.err.splitlines() if "error: " in line]
        assert len(errors) <= 1, self.err
        assert bool(errors) == (self.code == 1), f"code {self.code}: {self.err}"
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", self.out + self.err), ascii(self.err)
        return self


@dataclass
class Running:
    """A program that has been started.

    Attributes:
        streams: the ends to read of the pipes that are its standard output and error: pipes, as a
            limit to the sizes of its files is none to what it says.
    """

    pid: int
    streams: tuple[int, int]
    said: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))

    def end(self, seconds: float = SECONDS) -> Result:
        """Wait for its end."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._listen()
            if pid:
                break
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"it did not end within {seconds} s")
            time.sleep(0.002)
        for stream in self.streams:
            os.close(stream)
        out, err = (said.decode(encoding="utf-8", errors="replace") for said in self.said)
        return Result(os.waitstatus_to_exitcode(status), out, err)

    def _listen(self) -> None:
        """Read what it has said meanwhile; a full pipe would stop it."""
        for stream, said in zip(self.streams, self.said, strict=True):
            with suppress(BlockingIOError):
                while read := os.read(stream, 1 << 16):
                    said += read

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)


class Disk:
    """The calls of a process that change files in a folder; something happens at the n-th.

    Args:
        happens: is called then, and with `for_good` at all that follow; what it raises is what the
            call raises.
    """

    def __init__(
        self, folder: Path, at: int, happens: Callable[[], None], *, for_good: bool = False
    ) -> None:
        self.folder, self.at, self.happens, self.for_good = str(folder), at, happens, for_good
        self.calls = 0

    def watch(self) -> None:
        """From now on, in this process, for ever."""
        sys.addaudithook(self._heard)
        fsync = os.fsync

        def watched(descriptor: int) -> None:
            self._count()
            fsync(descriptor)

        os.fsync = watched

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (
                bool(flags & (os.O_WRONLY | os.O_RDWR)) if mode is None else set(mode) & set("wax+")
            )
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            path, writes = arguments[0], True
        else:
            return
        if (
            writes
            and isinstance(path, str | os.PathLike)
            and os.fspath(path).startswith(self.folder)
        ):
            self._count()

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.at or (self.for_good and self.calls > self.at > 0):
            self.happens()


@dataclass
class Scene:
    """A folder to play in, with a data set and the run of a training that nobody disturbed.

    Attributes:
        seed: what random choices of moments are drawn from.
        engine: what runs the trainings; op by op they take half the time, as they are short.
    """

    folder: Path
    seed: int = 0
    engine: str = "auto"
    data: Path = field(init=False)
    whole: Path = field(init=False)

    def __post_init__(self) -> None:
        keep_pages()  # as the programs do
        self.data = self.folder / "data"
        self.data.mkdir()
        write_digits(self.data, train=120, test=40)
        self.whole = self.folder / "whole"
        self.train("--out", self.whole).expect(0)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A new folder, which is removed where nothing failed."""
        room = Path(tempfile.mkdtemp(dir=self.folder))
        yield room
        for path in room.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(room)

    def copy(self, room: Path, name: str = "run") -> Path:
        """The undisturbed run, once more."""
        return shutil.copytree(self.whole, room / name)

    # --- programs ----------------------------------------------------------------------------

    def start(
        self,
        program: Callable[[list[str]], int],
        arguments: Sequence[object],
        *,
        at: Path | None = None,
        before: Callable[[], None] | None = None,
        **environment: str,
    ) -> Running:
        """Start the main function of a program in a fork, in a folder, after `before`()."""
        (out, says), (err, complains) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid:
            os.close(says)
            os.close(complains)
            for stream in (out, err):
                os.set_blocking(stream, False)
            return Running(pid, (out, err))
        code = 99
        try:
            os.dup2(says, 1)
            os.dup2(complains, 2)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            sys.modules["matplotlib"] = None  # type: ignore[assignment]  # ten times faster
            os.environ.update({"MNIST_DIR": str(self.data), **environment})
            os.chdir(at or self.folder)
            set_num_threads(1)
            if before is not None:
                before()
            code = program([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code % 256)

    def training(self, *arguments: object, **options: Any) -> Running:
        """train.py with the settings of all trainings here, unless it goes on with one."""
        return self.start(train.main, [*self._settings(arguments), *arguments], **options)

    def _settings(self, arguments: Sequence[object]) -> tuple[object, ...]:
        return () if "--resume" in arguments else (*SETTINGS, "--engine", self.engine)

    def train(self, *arguments: object, **options: Any) -> Result:
        return self.training(*arguments, **options).end()

    def mnist(self, *arguments: object, **options: Any) -> Result:
        """python -m mnist"""
        return self.start(commands.main, arguments, **options).end()

    def alone(self, *arguments: object, at: Path, **options: Any) -> subprocess.Popen[bytes]:
        """train.py in a process that knows nothing of this one, where streams and signals count."""
        hidden = at / "hidden"
        hidden.mkdir(exist_ok=True)
        (hidden / "matplotlib.py").write_text("raise ImportError('hidden')\n")
        environment = {
            **os.environ,
            "MNIST_DIR": str(self.data),
            "PYTHONPATH": os.pathsep.join([str(hidden), str(ROOT)]),
            **options.pop("env", {}),
        }
        command = [sys.executable, ROOT / "train.py", *self._settings(arguments), *arguments]
        return subprocess.Popen(list(map(_fs, command)), cwd=at, env=environment, **options)

    # --- what must hold ----------------------------------------------------------------------

    def expect_whole(self, run: Path) -> None:
        """The run ended with the bytes of the one that was let be, and nothing is left over."""
        for name in SAME:
            found, expected = (_but_threads(folder / name) for folder in (run, self.whole))
            assert found == expected, f"{name} differs"
        names = {path.name for path in run.iterdir()}
        wanted = {*SAME, "times.jsonl", REPORT}
        assert names == wanted, f"{sorted(names ^ wanted)} too many or missing"
        page = (run / REPORT).read_text(encoding="utf-8")
        assert page.endswith("</html>\n") and "unfinished: " not in page

    def expect_honest(self, run: Path) -> None:
        """What is told of the run is what its checkpoint has; before an epoch is over, nothing."""
        told = self.mnist("evaluate", run, "--json").orderly()
        last = run / "last.ckpt"
        state = checkpoints.read(last) if last.exists() else {"metrics": []}
        metrics = state["metrics"]
        assert (told.code == 0) == (len(metrics) > 0), told.err
        if metrics:
            assert ("unfinished" in told.err) == (len(metrics) < 2), told.err
            if state["progress"]["step"] == 0:  # the weights are those that were measured
                assert json.loads(told.out)["accuracy"] == metrics[-1]["test_accuracy"]

    def expect_goes_on(self, run: Path, **options: Any) -> None:
        """From whatever is in its folder, the training comes to where nobody had disturbed it."""
        if (run / "config.json").exists():
            self.train("--resume", run, **options).expect(0).orderly()
        else:
            self.train("--resume", run, **options).refused(str(run))
            self.train("--out", run, **options).expect(0).orderly()
        self.expect_whole(run)


def _but_threads(path: Path) -> bytes:
    """The bytes of a file; but for how many threads there were, in config.json."""
    content = path.read_bytes()
    return re.sub(rb'"threads": \d+', b"", content) if path.name == "config.json" else content


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _fs(argument: object) -> bytes:
    return os.fsencode(argument if isinstance(argument, str | bytes | Path) else str(argument))
