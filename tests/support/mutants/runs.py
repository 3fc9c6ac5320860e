"""Running tests on mutants: in copies of the source, the fastest tests first, until one fails.

The process that does it has imported NumPy and pytest, never the code under test, and forks: a
child begins with what takes long to import, and imports the mutant and the tests that it runs.
Nothing is written to the tree that the mutants are made of.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import py_compile
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.mutants.sampling import Mutant

_FORK = get_context("fork")
MEMORY = 4 << 30  # bytes of addresses that the tests of a mutant may take
SURVIVED, KILLED, IMPORT, TIMEOUT = "survived", "killed", "import", "timeout"


class Stage(NamedTuple):
    """Test files that one child runs, and what they take on the code as it is."""

    files: tuple[str, ...]
    seconds: float


class Job(NamedTuple):
    """Stages to run one after the other; without a mutant, on the code as it is."""

    mutant: Mutant | None
    stages: Sequence[Stage]


class Outcome(NamedTuple):
    """What became of a job."""

    verdict: str
    by: str = ""  # the test that failed, or what went wrong
    stage: int = 0
    seconds: float = 0.0
    ran: int = 0  # tests, in the last stage


def stages(durations: dict[str, float], first: float = 1.5) -> list[Stage]:
    """Test files by their duration, in stages of which each takes four times the one before."""
    found: list[Stage] = []
    files: list[str] = []
    spent, limit = 0.0, first
    for file in sorted(durations, key=lambda file: durations[file]):
        if files and spent + durations[file] > limit:
            found.append(Stage(tuple(files), spent))
            files, spent, limit = [], 0.0, limit * 4
        files.append(file)
        spent += durations[file]
    return [*found, Stage(tuple(files), spent)] if files else found


def copied(root: Path, folder: Path, needed: Iterable[str]) -> None:
    """Copy to `folder` the packages of `root`, the folders that hold what is needed, and its files.

    Everything is compiled, so that a child has to compile the mutant alone.
    """
    tops = {Path(path).parts[0] for path in needed}
    tops |= {path.parent.name for path in root.glob("*/__init__.py")}
    for path in sorted(root.iterdir()):
        if path.name in tops and path.is_dir():
            shutil.copytree(
                path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        elif path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)
    for source in folder.rglob("*.py"):
        py_compile.compile(str(source), quiet=1)


def run(jobs: Iterable[Job], root: Path, folders: Sequence[Path]) -> Iterator[tuple[Job, Outcome]]:
    """Run jobs, as many at a time as there are folders (copies of `root`); as they end."""
    importlib.import_module("numpy")  # so that no child has to
    waiting = iter(jobs)
    slots = [_Slot(root, folder) for folder in folders]
    busy: list[_Slot] = []
    try:
        while True:
            for slot in slots:
                job = None if slot in busy else next(waiting, None)
                if job is not None:
                    slot.begin(job)
                    busy.append(slot)
            if not busy:
                return
            nearest = min(slot.deadline for slot in busy)
            sentinels = [slot.process.sentinel for slot in busy]
            connection.wait(sentinels, max(nearest - time.monotonic(), 0))
            for slot in list(busy):
                outcome = slot.ended()
                if outcome is not None:
                    busy.remove(slot)
                    yield slot.job, outcome
    finally:
        for slot in busy:
            slot.kill()
            slot.restore()


class _Slot:
    """A copy of the source, and the child that runs tests in it."""

    process: BaseProcess
    job: Job
    deadline: float

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder

    def begin(self, job: Job) -> None:
        self.job, self.stage, self.began = job, 0, time.monotonic()
        if job.mutant is not None:
            path = self.folder / job.mutant.key.file
            # Compiled, it may be as long and, by the second, as old as what it stands for.
            Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
            path.write_text(job.mutant.applied(path.read_text("utf-8")), "utf-8")
        self._fork()

    def _fork(self) -> None:
        stage = self.job.stages[self.stage]
        # A loop without an end spends the processor's time, which others cannot take from it; only
        # a wait without an end is measured by the clock, generously.
        processor = math.ceil(3 + 4 * stage.seconds)
        self.deadline = time.monotonic() + 20 + 10 * stage.seconds
        self.receiver, sender = _FORK.Pipe(duplex=False)
        module = None if self.job.mutant is None else _module(self.job.mutant.key.file)
        arguments = (self.root, self.folder, module, stage.files, processor, sender)
        self.process = _FORK.Process(target=_child, args=arguments)
        self.process.start()
        sender.close()

    def ended(self) -> Outcome | None:
        """What became of the job, if it has ended; otherwise its next stage has begun."""
        if self.process.is_alive() and time.monotonic() < self.deadline:
            return None
        outcome = self._outcome()
        self.kill()
        if outcome.verdict == SURVIVED and self.stage + 1 < len(self.job.stages):
            self.stage += 1
            self._fork()
            return None
        self.restore()
        return outcome._replace(stage=self.stage, seconds=time.monotonic() - self.began)

    def _outcome(self) -> Outcome:
        if self.process.is_alive():
            return Outcome(TIMEOUT, "the clock")
        self.process.join()
        if self.receiver.poll():
            try:
                return Outcome(*self.receiver.recv())
            except EOFError:
                pass
        if self.process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
            return Outcome(TIMEOUT, "the processor's time")
        return Outcome(KILLED, f"the process ended with {self.process.exitcode}")

    def kill(self) -> None:
        """End the child and all that it has started."""
        assert self.process.pid is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # all have ended, or it had no time to become their leader
            self.process.kill()
        self.process.join()
        self.receiver.close()

    def restore(self) -> None:
        if self.job.mutant is not None:
            path = self.folder / self.job.mutant.key.file
            shutil.copy(self.root / self.job.mutant.key.file, path)
            py_compile.compile(str(path), quiet=1)


# --- in the child --------------------------------------------------------------------------------


class _Watcher:
    """A plugin of pytest that notes the first failure, and how many tests have run."""

    def __init__(self) -> None:
        self.failed = ""
        self.verdict = KILLED
        self.ran = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran += report.when == "call"
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed, self.verdict = report.nodeid, IMPORT


def _child(
    root: Path,
    folder: Path,
    module: str | None,
    files: Sequence[str],
    processor: int,
    sender: connection.Connection,
) -> None:
    os.setsid()  # so that what it starts can be ended with it
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _leave(root)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)
    sys.path.insert(0, str(folder))
    sender.send(_tested(folder, module, files))
    sender.close()
    sys.stdout.flush()
    os._exit(0)  # threads that a mutant has left waiting are not waited for


def _leave(root: Path) -> None:
    """Forget the modules that lie in `root` and where they were found: the copy has its own."""
    inside = str(root.resolve()) + os.sep
    places = {
        name: [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        for name, module in list(sys.modules.items())
    }  # of all, before any is gone: a folder without __init__ asks the one that it lies in
    for name, paths in places.items():
        if name != "__main__" and any(path and str(path).startswith(inside) for path in paths):
            del sys.modules[name]
    sys.path[:] = [p for p in sys.path if not (os.path.realpath(p) + os.sep).startswith(inside)]
    importlib.invalidate_caches()


def _tested(folder: Path, module: str | None, files: Sequence[str]) -> tuple[Any, ...]:
    """The fields of an Outcome."""
    if module is not None:
        try:
            importlib.import_module(module)
        except BaseException as error:
            return IMPORT, repr(error)
    watcher = _Watcher()
    options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider", "-m", "not oracle and not mpi"]
    places = ["--rootdir", str(folder), "--basetemp", str(folder.with_suffix(".tmp"))]
    code = pytest.main([*options, *places, *files], plugins=[watcher])
    if watcher.failed:
        return watcher.verdict, watcher.failed, 0, 0.0, watcher.ran
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return IMPORT, f"pytest ended with {code!r}"
    return SURVIVED, "", 0, 0.0, watcher.ran


def _module(file: str) -> str:
    parts = Path(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
