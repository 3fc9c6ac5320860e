"""The sides of a comparison, each in a process of its own, by an interpreter of its own if named.

PULLBACK_HIPS_PYTHON, PULLBACK_JAX_PYTHON, PULLBACK_MYGRAD_PYTHON and PULLBACK_TINYGRAD_PYTHON each
name the interpreter of an environment that has the library (and NumPy); the peers need such since
HIPS autograd's package has the name of ours. PyTorch is looked for beside this project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent


@dataclass(frozen=True)
class Variant:
    """A library, and how it is used.

    Args:
        name: of its rows.
        library: it is used by benchmarks.on_<library>.
        pages: whether its process calls autograd.keep_pages.
        tree: the checkout of this project that it sees; none: not at all.
    """

    name: str
    library: str
    pages: bool = False
    tree: Path | None = None


# Who is compared with the others: this project as train.py runs it.
OURS, NO_PAGES, OTHER = "pullback", "pullback-no-pages", "other"
REFERENCE, REFERENCE_PAGES, COMPILED = "pytorch", "pytorch-pages", "torch-compile"
PEERS = ("jax", "hips", "mygrad", "tinygrad")
_ALL = (
    Variant(OURS, "pullback", pages=True, tree=ROOT),
    Variant(NO_PAGES, "pullback", tree=ROOT),
    Variant(REFERENCE, "pytorch", tree=ROOT),
    Variant(REFERENCE_PAGES, "pytorch", pages=True, tree=ROOT),
    Variant(COMPILED, "torch_compile", tree=ROOT),
    *(Variant(peer, peer) for peer in PEERS),
)
SIDES = {variant.name: variant for variant in _ALL}

# Nothing of the user's own cache of programs in C is used, and nothing is left there.
_bytecode = tempfile.TemporaryDirectory(prefix="pullback-bytecode-")
_programs = tempfile.TemporaryDirectory(prefix="pullback-programs-")


@dataclass(frozen=True)
class Request:
    """What to run, and how, as `worker` understands it.

    Args:
        checked: the numbers of so many runs are compared.
        warm: seconds after which the runs count as settled in any case; 0: at once.
        seconds: how long to time; 0: only to run what is checked.
    """

    task: str
    arguments: dict[str, Any] = field(default_factory=dict)
    checked: int = 3
    warm: float = 0.0
    seconds: float = 0.0


class SideError(RuntimeError):
    """A side that is not there or that could not do what was asked."""


class Side:
    """A running process of one side, held to `threads` cores and threads.

    `programs` is the folder where this project keeps programs in C; none: one that all share.

    Raises SideError when the library, or the interpreter that should have it, is not there.
    """

    def __init__(self, variant: Variant, threads: int, programs: str = "") -> None:
        self.name = variant.name
        options = ["--pages"] * variant.pages
        self._process = subprocess.Popen(
            [_interpreter(variant), "-m", "benchmarks.worker", variant.library, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS,
            env=_environment(variant, threads) | ({"PULLBACK_CACHE": programs} if programs else {}),
            # Held to so many cores: some libraries count cores and heed no variable.
            preexec_fn=partial(_pin, threads) if hasattr(os, "sched_setaffinity") else None,
        )
        try:
            self.hello = self._answer()
        except SideError:
            self.close()
            raise

    def ask(self, request: Request) -> dict[str, Any]:
        """A block of runs: {"seconds", "first", "numbers", "settled", "peak_bytes"}; `first` is how
        many seconds the task's first run took."""
        assert self._process.stdin
        # A process that has died says so by its silence, below.
        with suppress(BrokenPipeError):
            print(json.dumps(asdict(request)), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise SideError(f"{self.name}: the process ended with status {status}")
        answer: dict[str, Any] = json.loads(line)
        for problem in ("missing", "failed"):
            if problem in answer:
                raise SideError(f"{self.name}: {answer[problem]}")
        return answer

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and wait for it."""
        with suppress(BrokenPipeError):
            self._process.communicate()


def cores() -> int:
    """How many cores this process may use."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return own or os.cpu_count() or 1


def _interpreter(variant: Variant) -> str:
    name = variant.name
    if variant.tree:
        return sys.executable
    variable = f"PULLBACK_{name.upper()}_PYTHON"
    path = os.environ.get(variable)
    if not path:
        raise SideError(f"{name}: not measured; {variable} names no interpreter that has it")
    if not Path(path).is_file():
        raise SideError(f"{name}: {variable} is {path}, and there is no such file")
    return str(Path(path).absolute())


def _environment(variant: Variant, threads: int) -> dict[str, str]:
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(counts, str(threads))
    # The project is seen only by its own interpreter: the peer's autograd must not be hidden by it.
    environment.pop("PYTHONPATH", None)
    environment |= {"JAX_PLATFORMS": "cpu", "DEV": "CPU"}  # DEV is tinygrad's
    if variant.tree:
        environment["PYTHONPATH"] = str(variant.tree)
        # An older checkout keeps pages unless it is told not to.
        environment["PULLBACK_KEEP_PAGES"] = str(int(variant.pages))
    if variant.library == "pullback":
        # Bytecode is kept as in an installed library, but not in the checkout.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = _bytecode.name
        environment["PULLBACK_CACHE"] = _programs.name
    return environment


def _pin(count: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
