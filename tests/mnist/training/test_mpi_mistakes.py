"""Mistakes with several processes, and an MPI that is missing: one line of one of them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from support.programs.idx_files import write_digits
from support.programs.launches import (
    MPIEXEC,
    PROGRAMS,
    SECONDS,
    TRAIN,
    Result,
    Start,
    mpiexec,
    needs_mpi,
)

from nn.parallel import launching

pytestmark = needs_mpi

_SOON = 30  # for processes that give up, most of it until they have started

# Each start takes a second: of each kind of mistake some are plain tests, here or among the ranks
# of test_distributed_failures.
slow = pytest.mark.slow


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
        pytest.param(
            *(2, ["--accumulate", 3], "2 processes times 3 parts each: a multiple of 6 expected"),
            marks=slow,
        ),
        pytest.param(2, ["--model", "vast"], "--model: invalid choice: 'vast'", marks=slow),
        pytest.param(
            *(2, ["--processes", 3], "--processes 3 given, but mpiexec has started 2"), marks=slow
        ),
        (1, ["--processes", 2], "--processes within mpiexec; leave out one of them"),
        pytest.param(
            *(2, ["--resume", "nowhere"], "nowhere: no such folder; name a folder that"),
            marks=slow,
        ),
        pytest.param(2, ["--out", "file/run"], "file", marks=slow),
    ],
)
def test_wrong_arguments(
    count: int, arguments: list[object], expected: str, data: Path, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    running = start(*mpiexec(count, TRAIN, "--data-dir", data, *arguments))
    told(running.end(_SOON), expected)
    assert not (tmp_path / "runs").exists()


@slow
def test_more_processes_than_images(start: Start, tmp_path: Path) -> None:
    running = start(
        *mpiexec(2, TRAIN, "--data-dir", write_digits(tmp_path, train=1), "--out", "out")
    )
    told(running.end(_SOON), "2 processes for 1 training images")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(
            ["--seed", 0], ["--seed", 1], "--seed is '0' at rank 0, '1' at rank 1", marks=slow
        ),
        pytest.param(
            ["--data-dir", "a"],
            ["--data-dir", "b"],
            "--data-dir is 'a' at rank 0, 'b' at rank 1",
        ),
        pytest.param([], ["--model", "vast"], "rank 1 refuses its arguments", marks=slow),
        pytest.param(["--model", "vast"], [], "--model: invalid choice: 'vast'", marks=slow),
    ],
)
def test_arguments_that_differ(
    first: list[object], second: list[object], expected: str, start: Start
) -> None:
    other = ("-n", 1, sys.executable, TRAIN, *second)
    told(start(*mpiexec(1, TRAIN, *first), ":", *other).end(_SOON), expected)


@slow
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
        "the processes differ: " + ("data_sha256 is" if same_name else "dataset is"),
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", [pytest.param(0, marks=slow), 1])
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


@pytest.mark.parametrize("rank", [pytest.param(0, marks=slow), 1])
def test_an_exception_at_one_rank_ends_all(rank: int, start: Start) -> None:
    result = start(*mpiexec(2, PROGRAMS, "fail", rank)).end(_SOON)
    assert result.code != 0
    assert result.err.startswith(f"fail: at rank {rank}:\nTraceback")
    assert result.err.count("Traceback") == 1
    assert re.search(r"^ValueError: only here$", result.err, re.MULTILINE)


# --- an MPI that is missing, or not the launcher's -----------------------------------------------


@pytest.mark.parametrize("how", ["mpiexec", pytest.param("--processes", marks=slow)])
def test_no_mpi4py(how: str, data: Path, start: Start, tmp_path: Path) -> None:
    hidden = "raise ModuleNotFoundError(\"No module named 'mpi4py'\", name='mpi4py')"
    (tmp_path / "mpi4py.py").write_text(hidden)
    arguments = (TRAIN, "--data-dir", data, "--dry-run", "--out", "out")
    command = (sys.executable, *arguments, "--processes", 2)
    if how == "mpiexec":
        command = mpiexec(2, *arguments)
    result = start(*command, PYTHONPATH=str(tmp_path)).end(_SOON)
    told(result, "mpi4py is not installed: pip install mpi4py mpich")
    assert start(sys.executable, *arguments, PYTHONPATH=str(tmp_path)).end(SECONDS).code == 0


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        ("PMI_RANK PMI_SIZE", "0"),
        ("OMPI_COMM_WORLD_RANK ..._SIZE", "1"),
        pytest.param("PMI_RANK PMI_SIZE", "1", marks=slow),
        pytest.param("OMPI_COMM_WORLD_RANK ..._SIZE", "0", marks=slow),
    ],
)
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
        "train.py: error: --processes needs mpiexec, and none was found; pip install mpi4py mpich\n"
    )
