"""BLAS gets back the number of threads it had, and is found wherever NumPy lies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd.runtime import blas
from autograd.runtime.blas import blas_on_one_thread, files_of

found = blas._openblas()
with_openblas = pytest.mark.skipif(found is None, reason="NumPy has another BLAS here")


def count() -> int:
    assert found is not None
    return found[0]()


@pytest.fixture(params=[1, 2])
def before(request: pytest.FixtureRequest) -> Iterator[int]:
    """The number of threads that the program has given BLAS."""
    assert found is not None
    own = count()
    found[1](request.param)
    yield request.param
    assert count() == request.param
    found[1](own)


@with_openblas
def test_one_thread_within_and_as_many_as_before_after(before: int) -> None:
    with blas_on_one_thread():
        assert count() == 1
        with blas_on_one_thread():
            assert count() == 1
        assert count() == 1


@with_openblas
def test_what_the_program_sets_between_two_blocks_is_kept(before: int) -> None:
    assert found is not None
    with blas_on_one_thread():
        pass
    found[1](3 - before)
    with blas_on_one_thread():
        assert count() == 1
    assert count() == 3 - before
    found[1](before)


@with_openblas
def test_an_error_within(before: int) -> None:
    with pytest.raises(KeyError), blas_on_one_thread(), blas_on_one_thread():
        raise KeyError


@with_openblas
@pytest.mark.parametrize("leaves_first", [0, 1])
def test_two_threads_whose_blocks_overlap(before: int, leaves_first: int) -> None:
    both = threading.Barrier(3, timeout=10)
    leave = [threading.Event(), threading.Event()]

    def block(number: int) -> None:
        with blas_on_one_thread():
            both.wait()
            leave[number].wait(10)

    threads = [threading.Thread(target=block, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    both.wait()
    for number in (leaves_first, 1 - leaves_first):
        assert count() == 1
        leave[number].set()
        threads[number].join()
    assert count() == before


@with_openblas
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_is_forked_while_another_thread_is_within() -> None:
    program = """
import os, threading
from autograd.runtime.blas import _openblas, blas_on_one_thread
get_count, set_count = _openblas()
set_count(2)
entered, leave = threading.Event(), threading.Event()
def block():
    with blas_on_one_thread():
        entered.set()
        leave.wait(10)
thread = threading.Thread(target=block)
thread.start()
entered.wait(10)
child = os.fork()
if not child:
    with blas_on_one_thread():
        within = get_count()
    os._exit(10 * within + get_count())
leave.set()
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), get_count())
"""
    assert run(program) == "12 2"


def run(program: str, *path: Path) -> str:
    root = Path(autograd.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*path, root]))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@with_openblas
@pytest.mark.parametrize(
    "folder",
    [
        "new\nline ünï",
        *[
            pytest.param(f, marks=pytest.mark.slow)
            for f in ("a venv", "two  blanks\t", "back\\012")
        ],
    ],
)
def test_numpy_may_lie_in_a_folder_of_any_name(tmp_path: Path, folder: str) -> None:
    site = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (site / name).exists():
            shutil.copytree(
                site / name,
                tmp_path / folder / name,
                copy_function=_linked,
                ignore=shutil.ignore_patterns("tests", "__pycache__", "*.h", "*.a", "*.pyi"),
            )
    program = "import numpy, autograd.runtime.blas as b; print(b._openblas() is not None)"
    program += "; print(repr(numpy.__file__))"
    answer, file = run(program, tmp_path / folder).splitlines()
    assert repr(folder)[1:-1] in file
    assert answer == "True"


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another device
        shutil.copy2(source, target)


MAPS = rb"""00400000-0040b000 r-xp 00000000 fe:00 1037   /usr/bin/python3
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000000000-7f0000001000 rw-p 00000000 00:00 0     [heap]
7f0000000000-7f0000001000 r--p 00000000 fe:00 17    /home/a b/lib openblas.so
7f0000000000-7f0000001000 r-xp 00001000 fe:00 17    /home/a b/lib openblas.so
7f0000000000-7f0000001000 r--p 00000000 fe:00 18    /opt/libopenblas.so (deleted)
7f0000000000-7f0000001000 r--p 00000000 fe:00 19    /opt/new\012line/libopenblas.so
7f0000000000-7f0000001000 r--p 00000000 fe:00 20    libopenblas.so
7f0000000000-7f0000001000 r--p 00000000 00:00 0     [anon:openblas]
7f0000000000-7f0000001000 r--p 00000000 fe:00 21    /opt/tail /libopenblas.so.0  """


def test_files_in_maps() -> None:
    assert files_of(line + b"\n" for line in MAPS.split(b"\n")) == [
        "/home/a b/lib openblas.so",
        "/opt/libopenblas.so",
        "/opt/libopenblas.so (deleted)",
        "/opt/new\nline/libopenblas.so",
        "/opt/new\\012line/libopenblas.so",
        "/opt/tail /libopenblas.so.0  ",
        "/usr/bin/python3",
    ]
    assert files_of([b"0-1 r--p 0 0:0 1 /\xff\xfe/libopenblas.so\n"]) == [
        os.fsdecode(b"/\xff\xfe/libopenblas.so")
    ]


@pytest.mark.parametrize(
    "line",
    [
        lambda folder: f"0-1 r--p 0 fe:00 1 {folder}/libopenblas.so",  # there, but not loaded
        lambda folder: f"0-1 r--p 0 fe:00 1 {folder}/gone/libopenblas.so (deleted)",
        lambda folder: "0-1 r--p 0 fe:00 1 libopenblas.so",
        lambda folder: "0-1 r--p 0 fe:00 1 /memfd:openblas (deleted)",
    ],
)
def test_only_what_is_loaded_is_used(
    line: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpys = list(Path(np.__file__).parents[1].glob("numpy.libs/*openblas*.so"))
    if numpys:
        shutil.copy2(numpys[0], tmp_path / "libopenblas.so")
    (tmp_path / "maps").write_text(line(tmp_path) + "\n")
    monkeypatch.setattr("builtins.open", lambda path, mode: (tmp_path / "maps").open(mode))
    assert blas.openblas_libraries() == []
