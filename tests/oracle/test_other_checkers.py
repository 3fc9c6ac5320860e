"""The cases that other gradient checkers are known to judge wrongly, side by side with theirs.

PyTorch's verdicts need the `oracle` extra. HIPS autograd has the import name of this project's
engine, so it needs an environment of its own: PULLBACK_HIPS_PYTHON names its interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, cos, exp, maximum, primitive, sin
from autograd.checking import GradcheckReport, gradcheck

LARGE = 20_000


def verdict(f: Callable[..., Any], *inputs: Any) -> str:
    return report(f, *inputs).verdict


def report(f: Callable[..., Any], *inputs: Any) -> GradcheckReport:
    return gradcheck(f, *inputs, raise_exception=False)


def ours(rng: np.random.Generator) -> dict[str, GradcheckReport]:
    @primitive
    def add_bias(x: Any, b: Any) -> Any:
        return x + b

    add_bias.defvjp(lambda g, out, x, b: g, lambda g, out, x, b: g)

    @primitive(kind="elementwise")
    def product(x: Any, y: Any) -> Any:
        return x * y

    product.defvjp(lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x)

    @primitive(kind="elementwise")
    def tiny_sine(x: Any) -> Any:
        return 1e-7 * np.sin(x)

    tiny_sine.defvjp(lambda g, out, x: -g * (1e-7 * cos(x)))

    @primitive(kind="elementwise")
    def half_sine(x: Any) -> Any:
        return np.sin(x)

    half_sine.defvjp(lambda g, out, x: 0.5 * g * cos(x))
    x, bias = rng.standard_normal((3, 4)), rng.standard_normal(4)
    return {
        "forgotten sum over a broadcast bias": report(add_bias, x, bias),
        "wrong second argument": report(product, x, x + 1),
        "wrong sign, size 1e-7": report(tiny_sine, x),
        "half of a large vector": report(half_sine, rng.standard_normal(LARGE)),
        "half of a vector, float32": report(
            half_sine, rng.standard_normal(1000).astype(np.float32)
        ),
        "ReLU at 0": report(lambda x: maximum(0, x), np.array([-1.0, 0.0, 2.0])),
        "exp in float32": report(exp, x.astype(np.float32)),
    }


RIGHT = {
    "forgotten sum over a broadcast bias": "fail",
    "wrong second argument": "fail",
    "wrong sign, size 1e-7": "fail",
    "half of a large vector": "fail",
    "half of a vector, float32": "fail",
    "ReLU at 0": "pass",
    "exp in float32": "pass",
}


def test_every_case_is_judged_rightly(rng: np.random.Generator) -> None:
    reports = ours(rng)
    assert {name: report.verdict for name, report in reports.items()} == RIGHT
    assert "summed over axis 0" in str(reports["forgotten sum over a broadcast bias"])
    first, second = reports["wrong second argument"].arguments
    assert (first.verdict, second.verdict) == ("pass", "fail")
    (choice,) = reports["ReLU at 0"].arguments[0].choices
    assert choice.index == (1,)
    assert (choice.lower, choice.upper, choice.chosen) == pytest.approx((0, 1, 0))


def test_the_same_functions_with_right_rules_pass(rng: np.random.Generator) -> None:
    x, bias = rng.standard_normal((3, 4)), rng.standard_normal(4)
    assert verdict(lambda x, b: x + b, x, bias) == "pass"
    assert verdict(lambda x, y: x * y, x, x + 1) == "pass"
    assert verdict(lambda x: 1e-7 * sin(x), x) == "pass"
    assert verdict(sin, rng.standard_normal(LARGE)) == "pass"
    assert verdict(sin, rng.standard_normal(1000).astype(np.float32)) == "pass"


@pytest.mark.oracle
def test_beside_pytorch(torch: ModuleType) -> None:
    """What PyTorch 2.13 says of the same cases; a change here is news, not a fault of ours."""

    class AddBias(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, b: Any) -> Any:
            return x + b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g

    class TinySine(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return 1e-7 * x.sin()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g * 1e-7 * ctx.saved_tensors[0].cos()

    class Product(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, -g * x

    def theirs(f: Any, *inputs: Any) -> str:
        tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of float32
            passed = torch.autograd.gradcheck(f, tensors, raise_exception=False)
        return "pass" if passed else "fail"

    x = np.linspace(-2, 2, 12).reshape(3, 4)
    assert {
        "forgotten sum over a broadcast bias": theirs(AddBias.apply, x, x[0]),
        "wrong second argument": theirs(Product.apply, x, x + 1),
        "wrong sign, size 1e-7": theirs(TinySine.apply, x),
        "ReLU at 0": theirs(torch.relu, np.array([-1.0, 0.0, 2.0])),
        "exp in float32": theirs(torch.exp, x.astype(np.float32)),
    } == {
        "forgotten sum over a broadcast bias": "pass",  # wrong
        "wrong second argument": "fail",
        "wrong sign, size 1e-7": "pass",  # wrong
        "ReLU at 0": "fail",  # wrong
        "exp in float32": "fail",  # wrong
    }


HIPS = textwrap.dedent("""
    import numpy
    import autograd.numpy as np
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def verdict(f, *inputs):
        try:
            check_grads(f, modes=["rev"], order=1)(*inputs)
        except AssertionError:
            return "fail"
        return "pass"

    x = numpy.linspace(-2, 2, 12).reshape(3, 4)
    add_bias = primitive(lambda x, b: x + b)
    defvjp(add_bias, lambda out, x, b: lambda g: g, lambda out, x, b: lambda g: g)
    product = primitive(lambda x, y: x * y)
    defvjp(product, lambda out, x, y: lambda g: g * y, lambda out, x, y: lambda g: -g * x)
    tiny_sine = primitive(lambda x: 1e-7 * np.sin(x))
    defvjp(tiny_sine, lambda out, x: lambda g: -g * 1e-7 * numpy.cos(x))
    print(verdict(add_bias, x, x[0]))
    print(verdict(product, x, x + 1))
    print(verdict(tiny_sine, x))
    print(verdict(lambda x: np.maximum(0.0, x), numpy.array([-1.0, 0.0, 2.0])))
    print(verdict(lambda x: np.exp(x), x.astype(numpy.float32)))
""")


@pytest.mark.oracle
def test_beside_hips_autograd() -> None:
    python = os.environ.get("PULLBACK_HIPS_PYTHON")
    if python is None:
        pytest.skip("PULLBACK_HIPS_PYTHON does not name a Python with HIPS autograd")
    assert python != sys.executable
    done = subprocess.run(
        [python, "-c", HIPS],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.path.dirname(python),
    )
    # A forgotten sum, a wrong second argument, a wrong sign: passed. ReLU at 0, whose slope is 1/2
    # there: passed. Right float32 code: refused.
    assert done.stdout.split() == ["pass", "pass", "pass", "pass", "fail"]


def test_a_wrong_rule_is_named_by_its_argument(rng: np.random.Generator) -> None:
    """Not that of another argument: each is moved alone."""

    @primitive(kind="elementwise")
    def third_wrong(x: Any, y: Any, z: Any) -> Any:
        return x * y * z

    third_wrong.defvjp(
        lambda g, out, x, y, z: g * y * z,
        lambda g, out, x, y, z: g * x * z,
        lambda g, out, x, y, z: g * x,
    )
    arrays = rng.standard_normal((3, 5))
    found = report(third_wrong, *arrays)
    assert [argument.verdict for argument in found.arguments] == ["pass", "pass", "fail"]
    assert isinstance(arrays[0], np.ndarray)
    assert not isinstance(arrays, Tensor)
