"""Trainings in several real processes: the same weights, and one clear end whatever happens."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support.programs.idx_files import write_digits
from support.programs.launches import SECONDS, Result, Started, write_site

from mnist.training import launching

ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / "tests" / "support" / "programs" / "mpi_programs.py"
TRAIN = ROOT / "train.py"
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(
        find_spec("mpi4py") is None or MPIEXEC is None,
        reason="mpi4py or mpiexec is missing: pip install pullback[mpi]",
    ),
]

_SOON = 30  # for processes that give up, most of it until they have started
_GONE = 10  # until the others follow one that was killed


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path, site: Path) -> Start:
    def started(*command: object, cwd: Path = tmp_path, **environment: str) -> Started:
        return Started([*command], cwd, site, **environment)

    return started


def mpiexec(count: int, *command: object) -> tuple[object, ...]:
    return (MPIEXEC, "-n", count, sys.executable, *command)


# --- what is computed ----------------------------------------------------------------------------


Spec = tuple[str, str, int, int]  # model, dtype, steps, of so many that the schedule is for
Learned = Callable[[Spec, int], list[dict[str, np.ndarray]]]


@pytest.fixture(scope="module")
def learned(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """What each of so many ranks has learned; of 0: a process that no launcher has started."""

    @functools.cache
    def learn(spec: Spec, count: int) -> list[dict[str, np.ndarray]]:
        folder = tmp_path_factory.mktemp("learned")
        program = (PROGRAMS, "learn", *spec, folder)
        command = mpiexec(count, *program) if count else (sys.executable, *program)
        result = Started([*command], folder, site).end(SECONDS)
        assert (result.code, result.err) == (0, "")
        return [dict(np.load(folder / f"{rank}.npz")) for rank in range(max(1, count))]

    return learn


def flat(state: dict[str, np.ndarray]) -> np.ndarray:
    """All parameters."""
    own = [a.ravel() for name, a in state.items() if name.endswith((".weight", ".bias"))]
    return np.concatenate(own, dtype=np.float64)


# Only rounding parts the trainings, until one takes another maximum of two that were nearly equal:
# in float32 every fifth seed does so within 100 steps, none of ten within 50.
BASIC: Spec = ("basic", "float64", 100, 100)
BASIC_32: Spec = ("basic", "float32", 50, 4690)
BEST: Spec = ("best", "float64", 15, 15)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("spec", "tolerance"), [(BASIC, 1e-11), (BASIC_32, 1e-5), (BEST, 1e-11)])
def test_any_number_of_processes_learns_the_same(
    spec: Spec, tolerance: float, count: int, learned: Learned
) -> None:
    alone = learned(spec, 0)[0]
    ranks = learned(spec, count)
    assert len(ranks) == count
    change = np.linalg.norm(flat(ranks[0]) - flat(alone)) / np.linalg.norm(flat(alone))
    assert change <= (tolerance if count > 1 else 0)
    for other in ranks[1:]:
        for name in alone:
            assert other[name].dtype == alone[name].dtype
            assert other[name].tobytes() == ranks[0][name].tobytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("spec", [BASIC, BASIC_32, BEST])
def test_a_step_sends_each_gradient_once(spec: Spec, count: int, learned: Learned) -> None:
    steps = spec[2]
    alone = learned(spec, 0)[0]
    parameters = flat(alone).size * np.dtype(spec[1]).itemsize
    for rank in learned(spec, count):
        assert rank["sent gradients"][1] == steps * parameters
        assert rank["sent progress"].tolist() == [steps, steps * 3 * 8]  # three float64


# --- train.py ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", ["mpiexec", "--processes"])
def test_a_run_speaks_and_writes_once(how: str, data: Path, start: Start, tmp_path: Path) -> None:
    arguments = (TRAIN, "--data-dir", data, "--epochs", 2, "--out")
    alone = start(sys.executable, *arguments, "alone").end(SECONDS)
    assert alone.code == 0
    command = (sys.executable, *arguments, "out", "--processes", 2)
    if how == "mpiexec":
        command = mpiexec(2, *arguments, "out")
    result = start(*command).end(SECONDS)
    assert (result.code, result.err) == (0, "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max(1, (cores or 1) // 2)
    assert result.lines[0] == alone.lines[0] + f"; 2 processes, threads of each: {threads}"
    assert len(result.lines) == len(alone.lines)
    assert [line[:9] for line in result.lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert result.lines[-1] == alone.lines[-1].replace("alone", "out")
    names = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    times = (tmp_path / "out" / "times.jsonl").read_text()
    assert len(times.splitlines()) == 2  # appended to: each process that wrote would add its own
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["threads"] == threads


# Small steps, so that rounding stays rounding.
STEADY = ("--epochs", 4, "--batch-size", 20, "--checkpoint-every", 2, "--lr", 0.002)


@pytest.fixture(scope="module")
def whole(data: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Trainings that nobody disturbed, by the number of processes."""
    folder = tmp_path_factory.mktemp("whole")
    for count in (1, 2):
        arguments = (TRAIN, "--data-dir", data, *STEADY, "--out", count)
        command = (sys.executable, *arguments, "--processes", count)
        result = Started([*command], folder, site).end(SECONDS)
        assert result.code == 0, result.err
    return {count: folder / str(count) for count in (1, 2)}


def metrics(folder: Path) -> np.ndarray:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    names = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
    return np.array([[json.loads(line)[name] for name in names] for line in lines])


def disturbed(how: str, data: Path, start: Start, tmp_path: Path) -> Started:
    """A training of two processes in the folder "out", in its first epoch."""
    arguments = (TRAIN, "--data-dir", data, *STEADY, "--out", "out")
    command = (sys.executable, *arguments, "--processes", 2)
    running = start(*(mpiexec(2, *arguments) if how == "mpiexec" else command))
    running.wait_for(tmp_path / "out" / "last.ckpt")
    return running


def goes_on(data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]) -> None:
    """From what is in "out", any number of processes comes to where nobody had disturbed it."""
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == ""  # still in the first epoch
    for count in (1, 2, 4):
        folder = tmp_path / str(count)
        shutil.copytree(tmp_path / "out", folder)
        resumed = (TRAIN, "--data-dir", data, "--resume", folder, "--processes", count)
        result = start(sys.executable, *resumed).end(SECONDS)
        assert result.code == 0, result.err
        np.testing.assert_allclose(metrics(folder), metrics(whole[1]), rtol=1e-4)
    # As many processes as before: not even rounding differs.
    for name in ("metrics.jsonl", "last.ckpt"):
        assert (tmp_path / "2" / name).read_bytes() == (whole[2] / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("how", ["mpiexec", "--processes"])
def test_a_killed_process_takes_the_others_with_it(
    how: str, rank: int, data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]
) -> None:
    running = disturbed(how, data, start, tmp_path)
    os.kill(running.pid(str(rank)), signal.SIGKILL)
    result = running.end(_GONE)
    for name in ("0", "1"):
        with pytest.raises(ProcessLookupError):
            os.kill(running.pid(name), 0)
    assert result.code != 0
    if how == "--processes":
        assert result.code == 1
        assert result.err.splitlines() == [
            "train.py: error: a process was ended from outside (signal 9), and the others with it; "
            "go on from the last checkpoint with --resume"
        ]
    if rank == 1:
        goes_on(data, start, tmp_path, whole)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["mpiexec", "--processes", "--processes alone"])
def test_ctrl_c_ends_all_with_their_state_saved(
    how: str, data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]
) -> None:
    running = disturbed(how, data, start, tmp_path)
    if how.endswith("alone"):
        os.kill(running.process.pid, signal.SIGINT)  # as a button does
    else:
        os.killpg(running.process.pid, signal.SIGINT)  # as a terminal does
    result = running.end(_GONE)
    assert result.code == 130
    assert "Traceback" not in result.err
    told = [line for line in result.lines if "interrupted" in line]
    assert len(told) == 1
    assert told[0].endswith("To go on: python train.py --resume out")
    goes_on(data, start, tmp_path, whole)


def test_ending_the_launcher_ends_all(data: Path, start: Start, tmp_path: Path) -> None:
    running = disturbed("--processes", data, start, tmp_path)
    os.kill(running.process.pid, signal.SIGTERM)
    result = running.end(_GONE)
    assert result.code == 1
    assert "ended from outside" in result.err
    for name in ("0", "1"):
        with pytest.raises(ProcessLookupError):
            os.kill(running.pid(name), 0)


def test_a_process_that_lacks_what_others_on_other_machines_have(
    data: Path, start: Start, tmp_path: Path
) -> None:
    """They may wait for it: it ends by a signal, at which launchers end them."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "mpi4py.py").write_text("raise ModuleNotFoundError('mpi4py')\n")
    seen = {"PMI_RANK": "1", "PMI_SIZE": "2", "PYTHONPATH": str(tmp_path / "none")}
    for here, code, lines in (("1", -signal.SIGTERM, 1), ("2", 1, 0)):
        one = start(sys.executable, TRAIN, "--data-dir", data, MPI_LOCALNRANKS=here, **seen)
        result = one.end(_SOON)
        assert result.code == code
        assert len(result.err.splitlines()) == lines
        assert result.err.count("mpi4py is not installed") == lines
        assert result.err.count("(at rank 1)") == lines


# --- mistakes ------------------------------------------------------------------------------------


def told(result: Result, *expected: str) -> None:
    """It ended with one line of error, and nothing else but argparse's usage and MPI's own word."""
    assert result.code != 0
    lines = result.err.splitlines()
    errors = [line for line in lines if line.startswith("train.py: error: ")]
    assert len(errors) == 1, result.err
    for text in expected:
        assert text in errors[0]
    for line in lines:
        assert line.startswith(("train.py: error: ", "usage: ", " ")), result.err


@pytest.mark.parametrize(
    ("count", "arguments", "expected"),
    [
        (2, ["--batch-size", 63], "a multiple of 2 expected; change --batch-size, --accumulate or"),
        (2, ["--accumulate", 3], "2 processes times 3 parts each: a multiple of 6 expected"),
        (2, ["--model", "vast"], "--model: invalid choice: 'vast'"),
        (2, ["--processes", 3], "--processes 3 given, but mpiexec has started 2"),
        (1, ["--processes", 2], "--processes within mpiexec; leave out one of them"),
        (
            2,
            ["--resume", "nowhere"],
            "nowhere: no such folder; name a folder that",
        ),
        (2, ["--out", "file/run"], "file"),
    ],
)
def test_wrong_arguments(
    count: int, arguments: list[object], expected: str, data: Path, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    running = start(*mpiexec(count, TRAIN, "--data-dir", data, *arguments))
    told(running.end(_SOON), expected)
    assert not (tmp_path / "runs").exists()


def test_more_processes_than_images(start: Start, tmp_path: Path) -> None:
    running = start(
        *mpiexec(4, TRAIN, "--data-dir", write_digits(tmp_path, train=3), "--out", "out")
    )
    told(running.end(_SOON), "4 processes for 3 training images")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["--seed", 0], ["--seed", 1], "--seed is '0' at rank 0, '1' at rank 1"),
        (["--data-dir", "a"], ["--data-dir", "b"], "--data-dir is 'a' at rank 0, 'b' at rank 1"),
        ([], ["--model", "vast"], "rank 1 refuses its arguments"),
        (["--model", "vast"], [], "--model: invalid choice: 'vast'"),
    ],
)
def test_arguments_that_differ(
    first: list[object], second: list[object], expected: str, start: Start
) -> None:
    other = ("-n", 1, sys.executable, TRAIN, *second)
    told(start(*mpiexec(1, TRAIN, *first), ":", *other).end(_SOON), expected)


@pytest.mark.parametrize("same_name", [False, True])
def test_data_that_differ(same_name: bool, data: Path, start: Start, tmp_path: Path) -> None:
    places = [tmp_path / "first", tmp_path / "second"]
    for seed, place in enumerate(places, start=1):
        place.mkdir()
        write_digits(place, seed=seed)
    parts: list[object] = []
    for place in places:
        where = ("-wdir", place) if same_name else ("-env", "MNIST_DIR", place)
        named = ("--data-dir", ".") if same_name else ()
        own = ("-n", 1, *where, sys.executable, TRAIN, "--out", tmp_path / "out", *named)
        parts += [*[":"] * bool(parts), *own]
    told(
        start(MPIEXEC, *parts).end(_SOON),
        "the processes differ: "
        + ("the checksum of the training images is" if same_name else "data is"),
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", [0, 1])
def test_data_that_one_rank_misses(missing: int, data: Path, start: Start, tmp_path: Path) -> None:
    places: list[object] = [data, data]
    places[missing] = tmp_path / "nowhere"
    parts = [
        ("-n", 1, "-env", "MNIST_DIR", place, sys.executable, TRAIN, "--out", "out")
        for place in places
    ]
    result = start(MPIEXEC, *parts[0], ":", *parts[1]).end(_SOON)
    told(result, "nowhere: no such folder", f"(at rank {missing} of 2)")
    assert not (tmp_path / "out").exists()


def test_versions_that_differ(data: Path, start: Start) -> None:
    running = start(*mpiexec(2, PROGRAMS, "outdated", "--data-dir", data))
    told(running.end(_SOON), f"the version of NumPy is '{np.__version__}' at rank 0, '1.0' at rank")


@pytest.mark.parametrize("rank", [0, 1])
def test_an_exception_at_one_rank_ends_all(rank: int, start: Start) -> None:
    result = start(*mpiexec(2, PROGRAMS, "fail", rank)).end(_SOON)
    assert result.code != 0
    assert result.err.startswith(f"fail: at rank {rank}:\nTraceback")
    assert result.err.count("Traceback") == 1
    assert re.search(r"^ValueError: only here$", result.err, re.MULTILINE)


# --- an MPI that is missing, or not the launcher's -----------------------------------------------


@pytest.mark.parametrize("how", ["mpiexec", "--processes"])
def test_no_mpi4py(how: str, data: Path, start: Start, tmp_path: Path) -> None:
    hidden = "raise ModuleNotFoundError(\"No module named 'mpi4py'\", name='mpi4py')"
    (tmp_path / "mpi4py.py").write_text(hidden)
    arguments = (TRAIN, "--data-dir", data, "--dry-run", "--out", "out")
    command = (sys.executable, *arguments, "--processes", 2)
    if how == "mpiexec":
        command = mpiexec(2, *arguments)
    result = start(*command, PYTHONPATH=str(tmp_path)).end(_SOON)
    told(result, "mpi4py is not installed: pip install pullback[mpi]")
    assert start(sys.executable, *arguments, PYTHONPATH=str(tmp_path)).end(SECONDS).code == 0


@pytest.mark.parametrize("variables", ["PMI_RANK PMI_SIZE", "OMPI_COMM_WORLD_RANK ..._SIZE"])
@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_launcher_of_another_mpi(variables: str, rank: str, data: Path, start: Start) -> None:
    """A process that has been told of four, but whose MPI knows of itself alone."""
    name = variables.split()[0]
    environment = {name: rank, name.replace("RANK", "SIZE"): "4"}
    running = start(sys.executable, TRAIN, "--data-dir", data, **environment)
    result = running.end(_SOON)
    if rank == "0":
        told(result, "one of 4 processes", "take the mpiexec of the environment")
    else:
        assert (result.code, result.out, result.err) == (1, "", "")


def test_mpi4py_without_a_library(data: Path, start: Start, tmp_path: Path) -> None:
    running = start(
        *mpiexec(2, TRAIN, "--data-dir", data), MPI4PY_LIBMPI=str(tmp_path / "libmpi.so")
    )
    told(running.end(_SOON), "mpi4py finds no MPI library", "or name the library in MPI4PY_LIBMPI")


def test_processes_without_mpiexec(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*os.environ]:
        if name.startswith(("PMI_", "OMPI_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(launching, "find_mpiexec", lambda: None)
    assert launching.start(2, "train.py", ["--processes", "2"], "train.py") == 1
    assert capsys.readouterr().err == (
        "train.py: error: --processes needs mpiexec, and none was found; "
        "pip install pullback[mpi]\n"
    )
