"""The engine by itself: a package that has nothing else, and two ops that this test declares."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd.engine

ENGINE = Path(autograd.engine.__file__).parent

THREE_OPS = """
import sys
import numpy as np
from autograd.engine.needs import needs
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Tensor

@primitive(broadcasts=True)
def add(x, y):
    return np.add(x, y)

add.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: g, keeps=["", ""])

@primitive
def sum_to(x, shape):
    for axis in range(x.ndim - len(shape)):
        x = x.sum(axis=0)
    kept = tuple(i for i, n in enumerate(shape) if n != x.shape[i])
    return x.sum(axis=kept, keepdims=True)

def widened(g, out, x, shape):
    return add(g, Tensor(np.zeros(x.shape, x.dtype)))

sum_to.defvjp(widened)

@primitive
def copy(x):
    return x.copy()

copy.defvjp(lambda g, out, x: g)
"""
FILLED = "needs.add, needs.sum_to, needs.copy = add, sum_to, copy\n"


def run(folder: Path, program: str) -> str:
    """What a program prints that finds the engine alone, under its usual name."""
    package = folder / "autograd"
    shutil.copytree(ENGINE, package / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", THREE_OPS + program],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_three_ops_are_differentiated_and_nothing_else_is_imported(tmp_path: Path) -> None:
    program = """
x = Tensor(np.ones((3, 4), np.float32), requires_grad=True)
y = Tensor(np.ones(4, np.float32), requires_grad=True)
z = Tensor(np.ones((3, 1), np.float32), requires_grad=True)
total = add(add(x, y), add(z, add(add(y, x), add(x, x))))
sum_to(total, ()).backward(create_graph=True)
for leaf in x, y, z:
    print(leaf.grad.data.tolist(), leaf.grad.dtype, leaf.grad.requires_grad)
ours = sorted(name for name in sys.modules if name.partition(".")[0] in ("autograd", "nn", "mnist"))
print(all(name == "autograd" or name.startswith("autograd.engine") for name in ours), len(ours) > 5)
"""
    printed = run(tmp_path, FILLED + program).splitlines()
    assert printed == [
        f"{[[4.0] * 4] * 3} float32 False",
        f"{[6.0] * 4} float32 False",
        f"{[[4.0]] * 3} float32 False",
        "True True",
    ]


def test_second_derivatives_with_an_op_that_is_not_linear(tmp_path: Path) -> None:
    program = """
@primitive
def cube(x):
    return x * x * x

@primitive
def scaled_square(x, g):
    return 3 * g * x * x

@primitive
def product(x, g):
    return 6 * g * x

scaled_square.defvjp(
    lambda h, out, x, g: product(x, product_of(g, h)), lambda h, out, x, g: scaled_square(x, h)
)

@primitive
def product_of(x, y):
    return x * y

product_of.defvjp(lambda g, out, x, y: product_of(g, y), lambda g, out, x, y: product_of(g, x))
cube.defvjp(lambda g, out, x: scaled_square(x, g))

x = Tensor(2.0, requires_grad=True)
add(cube(x), add(x, x)).backward(create_graph=True)
first, x.grad = x.grad, None
first.backward()
print(first.item(), x.grad.item())
"""
    assert run(tmp_path, FILLED + program) == "14.0 12.0\n"


def test_gradients_that_meet_without_a_history_are_added_in_place(tmp_path: Path) -> None:
    program = """
x = Tensor(np.ones(3), requires_grad=True)
total = add(add(x, x), add(x, x))
total.backward(np.arange(3.0))
print(x.grad.data.tolist())
"""
    assert run(tmp_path, FILLED + program) == "[0.0, 4.0, 8.0]\n"


@pytest.mark.parametrize(
    ("missing", "loss"),
    [
        ("add", "add(x, x)"),
        ("sum_to", "sum_to(add(x, y), ())"),
        ("astype", "add(x, Tensor(np.ones(3, np.longdouble)))"),
    ],
)
def test_what_is_not_filled_in_is_named(tmp_path: Path, missing: str, loss: str) -> None:
    program = f"""
x, y = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones((2, 3)))
try:
    {loss}.backward(None if {missing!r} == "sum_to" else np.ones(3))
except RuntimeError as error:
    print(error)
"""
    assert f"the engine needs an op for '{missing}'" in run(tmp_path, program)


def test_the_engine_can_be_read_in_an_afternoon() -> None:
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in ENGINE.glob("*.py"))
    assert lines <= 1500
