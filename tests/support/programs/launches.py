"""Commands that become several processes, and how all of these end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = 240  # for processes that do something: on a busy machine they wait for each other

# Read by every Python that starts: who it is, and no pictures, which take longer than the training.
_SITE = {
    "sitecustomize.py": """
import os
from pathlib import Path
if "PIDS" in os.environ:
    name = os.environ.get("PMI_RANK", "launcher")
    (Path(os.environ["PIDS"]) / f"{name}.part").write_text(str(os.getpid()))
    (Path(os.environ["PIDS"]) / f"{name}.part").rename(Path(os.environ["PIDS"]) / name)
""",
    "matplotlib.py": "raise ImportError('hidden')",
}


def write_site(folder: Path) -> Path:
    for name, text in _SITE.items():
        (folder / name).write_text(text)
    return folder


@dataclass
class Result:
    code: int
    out: str
    err: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Started:
    """A command, and the processes that come of it."""

    def __init__(self, command: list[object], cwd: Path, site: Path, **environment: str) -> None:
        self.pids = cwd / f"pids-{time.monotonic_ns()}"
        self.pids.mkdir()
        taken = ("PMI_", "PMIX_", "OMPI_", "MNIST_DIR")  # what belongs to who runs the tests
        clean = {k: v for k, v in os.environ.items() if not k.startswith(taken)}
        paths = [environment.pop("PYTHONPATH", ""), str(site)]
        self.process = subprocess.Popen(
            [*map(str, command)],
            cwd=cwd,
            env=clean
            | {"PIDS": str(self.pids), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pid(self, name: str) -> int:
        return int((self.pids / name).read_text())

    def wait_for(self, path: Path) -> None:
        begin = time.monotonic()
        while not path.exists():
            if self.process.poll() is not None or time.monotonic() - begin > SECONDS:
                self.kill()
                pytest.fail(f"no {path.name}: {self.process.communicate()}")
            time.sleep(0.01)

    def end(self, seconds: float) -> Result:
        """What came of it. All processes have the pipes open, so this waits for the last."""
        begin = time.monotonic()
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"not all have ended in {seconds} s: {self.process.communicate()}")
        return Result(self.process.returncode, out, err, time.monotonic() - begin)

    def kill(self) -> None:
        """End it, also the ranks, of which each leads a process group of its own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        for path in self.pids.iterdir():
            if path.suffix != ".part":
                with suppress(ProcessLookupError):
                    os.kill(int(path.read_text()), signal.SIGKILL)


ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / "tests" / "support" / "programs" / "mpi_programs.py"
TRAIN = ROOT / "train.py"
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")

needs_mpi = [
    pytest.mark.mpi,
    pytest.mark.skipif(
        find_spec("mpi4py") is None or MPIEXEC is None,
        reason="mpi4py or mpiexec is missing: pip install mpi4py mpich",
    ),
]


Start = Callable[..., Started]


def mpiexec(count: int, *command: object) -> tuple[object, ...]:
    return (MPIEXEC, "-n", count, sys.executable, *command)
