"""What a jitted function says of itself."""

from __future__ import annotations

import copy
import subprocess
import sys
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import FrozenError, JitWarning, Tensor, jit, ops
from autograd.jitting import made
from autograd.program.numpy_backend import compiled
from autograd.program.watching import program_of


def test_a_report_tells_what_runs_as_one_and_what_it_moves() -> None:
    f = jit(lambda x, y: (ag.tanh(x * 2 + 1).sum(), y * 3, y @ y))
    assert f.report() == "jit of <lambda>\nnot called yet"
    assert repr(f) == "<jit of <lambda>: 0 programs>"
    for n in range(3):
        f(Tensor(np.full((200, 200), n + 1.0)), Tensor(np.eye(2) + n))
    lines = f.report().splitlines()
    assert repr(f) == "<jit of <lambda>: 1 program>"
    assert lines[:2] == ["jit of <lambda>", "program 1"]
    assert "6 calls" in lines[2]
    assert lines[3] == "  2 arguments, 0 read from outside, 0 left there"
    # Four of 200 x 200 numbers, and the small ones.
    assert "moved between calls" in lines[4]
    assert lines[4].endswith("160 kFLOP")
    assert lines[5] == "  in one, in blocks of 8192, (200, 200): multiply, add, tanh"
    assert lines[6].startswith("  alone: 1 elementwise calls, whose arrays are small")
    assert lines[7] == "  alone: 2 calls that are not elementwise"


def test_what_is_alone_is_told_only_where_there_is_some() -> None:
    small = compiled(program_of(lambda x: x * 2, np.ones(3)))
    (line,) = small.fused
    assert line.startswith("alone: 1 elementwise calls")
    (line,) = compiled(program_of(lambda x: x.sum(), np.ones(3))).fused
    assert line == "alone: 1 calls that are not elementwise"


def test_plain_calls_are_told_with_their_reason_at_the_users_line() -> None:
    model = nn.Linear(2, 2)
    model.register_forward_hook(lambda *_: None)
    f = jit(lambda x: model(x))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(4):
            f(Tensor(np.ones((1, 2), np.float32)))
    (warning,) = told
    assert warning.category is JitWarning
    assert warning.filename == __file__
    assert "runs plainly: Linear has hooks, which Python runs" in f.report()
    assert repr(f) == "<jit of <lambda>: 0 programs, plain for 1 kind of arguments>"


def test_the_program_prints_with_what_it_reads_and_leaves() -> None:
    w = nn.Parameter(np.ones(2))
    optimizer = nn.optim.SGD([w], lr=0.5)

    @jit
    def step(x: Tensor) -> Tensor:
        loss = (w * x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n in range(3):
        step(Tensor([1.0, n]))
    text = str(step.program)  # type: ignore[attr-defined]
    assert "# x1: float64 (2,), input" in text
    assert "a number, read from outside" in text
    assert ".grad = " in text
    assert ".data = " in text
    assert text.splitlines()[-1].startswith("return v")


def test_misuse_is_told() -> None:
    with pytest.raises(ValueError, match="jit: backend 'cuda' given"):
        jit(lambda x: x, backend="cuda")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="jit: Tensor given, a function expected"):
        jit(Tensor(1.0))  # type: ignore[call-overload]
    with pytest.raises(FrozenError, match=r"test_jit_report.py:\d+"):
        jit(lambda x: x * float(x))(Tensor(2.0))


def test_copies_have_programs_of_their_own() -> None:
    f: Any = jit(lambda x: x * 2)
    f(Tensor(1.0))
    other = copy.deepcopy(f)
    assert repr(other) == "<jit of <lambda>: 0 programs>"
    assert other(Tensor(3.0)).item() == 6.0


def test_no_more_programs_are_kept_than_sixteen() -> None:
    f: Any = jit(lambda x, n: x * n)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for n in range(40):
            assert f(Tensor(2.0), n).item() == 2.0 * n
    assert repr(f) == "<jit of <lambda>: 16 programs>"
    assert [warning.category for warning in told] == [JitWarning]
    assert "more than 16 programs" in str(told[0].message)


def test_what_was_compared_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the program is made: what it is compared with is all that the function computed."""
    held: list[int] = []
    known = made.checked

    def checked(*args: Any) -> Any:
        held.append(tracemalloc.get_traced_memory()[0])
        return known(*args)

    def f(x: Tensor) -> Tensor:
        for _ in range(20):
            x = ops.tanh(x)
        return x

    monkeypatch.setattr(made, "checked", checked)
    x = Tensor(np.ones(1 << 17))
    tracemalloc.start()
    try:
        jit(f, backend="numpy")(x)
    finally:
        tracemalloc.stop()
    assert held[0] < 5 * x.data.nbytes


def test_numbers_of_numpys_are_seen_where_nothing_else_has_imported_them() -> None:
    """NumPy imports `numpy.random` when it is first asked for."""
    program = """
import sys, warnings
import numpy as np
from autograd import JitWarning, Tensor, jit
assert "numpy.random" not in sys.modules
warnings.simplefilter("ignore", JitWarning)
f = jit(lambda x: (x * np.random.rand(*x.shape)).sum())
found = [float(f(Tensor(np.ones(9)))) for _ in range(12)]
assert len({*found}) == 12, found
print(f.report())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "runs plainly: it draws random numbers" in done.stdout


def test_what_was_tried_is_no_longer_said_not_to_be_called() -> None:
    rng = np.random.default_rng(0)
    many = jit(lambda x: x * rng.random())
    many(Tensor(np.ones(3)))
    assert many.report() == "jit of <lambda>\nno call could become a program yet"
