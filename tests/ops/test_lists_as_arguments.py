"""Every function that takes an array takes lists and tuples of tensors in its place, nested or not,
and gives what it gives for the tensor stacked of them, with its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from inspect import isfunction
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.shares import shared
from support.specs.compositions import COMPOSITIONS
from support.specs.specs import SPECS
from support.streams import generator

import autograd as ag
import nn.functional as F
from autograd import Tensor
from autograd.engine.primitives import Primitive

Array = np.ndarray[Any, Any]
FEW = 3  # samples of each function: what they differ in is seldom of importance here


@dataclass(frozen=True)
class Call:
    """A function, and what to call it with: its arrays one after another are given as lists."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    position: int  # of the array that is given as a list

    @property
    def array(self) -> Array:
        array: Array = self.args[self.position]
        return array


def _calls(name: str, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> list[Call]:
    return [
        Call(name, function, args, options, i)
        for i, array in enumerate(args)
        if isinstance(array, np.ndarray) and array.ndim and 0 not in array.shape
        if not any(array is other for other in args[:i] + args[i + 1 :])
    ]


def _of_ops() -> Iterator[Call]:
    for spec in SPECS:
        if getattr(ag, spec.op.__name__, None) is spec.op:  # public
            op = spec.op
            found = [c for s in spec.draw() for c in _calls(op.name, op, s.args, s.options)]
            yield from islice(found, FEW)
    for composition in COMPOSITIONS:
        samples = composition.samples(generator(composition.title))
        made = composition.function
        found = [c for s in samples for c in _calls(composition.title, made, s.args, s.options)]
        yield from islice(found, FEW)


MATRIX = np.array([[2.0, 0.3], [0.1, 1.5]])
CALLS = [
    *_of_ops(),
    *_calls("matrix_power", ag.matrix_power, (MATRIX, 3), {}),
    *_calls("matrix_transpose", ag.matrix_transpose, (MATRIX,), {}),
    *_calls("svdvals", ag.svdvals, (MATRIX,), {}),
    *[
        call
        for name in ("conj", "conjugate", "degrees", "imag", "radians", "real")
        for call in _calls(name, getattr(ag, name), (MATRIX,), {})
    ],
]


def as_lists(x: Tensor) -> Any:
    """Nested lists of tensors without axes."""
    return [as_lists(row) for row in x] if x.ndim else x


FORMS: dict[str, Callable[[Tensor], Any]] = {
    "list": list,
    "tuple": tuple,
    "nested lists": as_lists,
    "tuple of nested lists": lambda x: tuple(as_lists(x)),
}


def outcome(call: Call, form: Callable[[Tensor], Any] | None) -> tuple[list[Array], Array | None]:
    """The results of a call, and the gradient of the array that is given in some form."""
    floating = call.array.dtype.kind == "f"
    x = Tensor(call.array, requires_grad=floating)
    args = list(call.args)
    args[call.position] = x if form is None else form(x)
    result = call.function(*args, **call.options)
    outs = list(result) if isinstance(result, list | tuple) else [result]
    rng = generator(call.name)
    losses = [(out * rng.standard_normal(out.shape)).sum() for out in outs if out.requires_grad]
    for loss in losses:
        loss.backward(retain_graph=True)
    return [out.data for out in outs], None if x.grad is None else x.grad.data


def expect_the_same(call: Call, form: Callable[[Tensor], Any]) -> None:
    wanted, given = outcome(call, None), outcome(call, form)
    for out, right in zip(given[0], wanted[0], strict=True):
        assert out.dtype == right.dtype
        assert_array_equal(out, right)
    assert (given[1] is None) == (wanted[1] is None)
    if wanted[1] is not None:
        np.testing.assert_allclose(given[1], wanted[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(c, marks=marks, id=f"{c.name}: argument {c.position}")
        for c, marks in shared(CALLS, 3, lambda c: c.name)
    ],
)
def test_a_list_is_what_is_stacked_of_it(call: Call) -> None:
    for form in FORMS.values():
        expect_the_same(call, form)


def test_every_public_function_is_tried() -> None:
    public = {name: getattr(ag, name) for name in ag.__all__}
    functions = {
        name
        for name, f in public.items()
        if isinstance(f, Primitive) or (isfunction(f) and f.__module__.startswith("autograd.ops"))
    }
    others = {"abs", "custom_vjp", "on_arrays"}  # absolute again; ways to declare an op
    assert functions - {call.name.split()[0] for call in CALLS} == others


# --- nn.functional -------------------------------------------------------------------------------

X = np.linspace(-1.9, 2.3, 12).reshape(3, 4)
IMAGES = np.sin(np.arange(1.0, 65)).reshape(2, 2, 4, 4)
LINES = IMAGES.reshape(2, 4, 8)
KERNEL = np.cos(np.arange(1.0, 17)).reshape(2, 2, 2, 2)
FOUR, TWO = np.array([0.3, 1.2, 0.7, 2.0]), np.array([0.5, 1.5])
CLASSES = np.array([1, 0, 3])

FUNCTIONS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("relu", "leaky_relu", "elu", "gelu", "sigmoid", "silu", "tanh"), (X,)),
    **dict.fromkeys(("softplus", "softmax", "log_softmax", "flatten"), (X,)),
    **{name: (X, X[::-1].copy()) for name in ("mse_loss", "l1_loss", "huber_loss")},
    "smooth_l1_loss": (X, X[::-1].copy()),
    "dropout": (X, 0.5, False),
    "cross_entropy": (X, CLASSES, FOUR),
    "nll_loss": (X, CLASSES, FOUR),
    "binary_cross_entropy_with_logits": (X, abs(np.sin(X)), FOUR, "mean", FOUR + 1),
    "linear": (X, KERNEL.reshape(4, 4), FOUR),
    "embedding": (CLASSES, KERNEL.reshape(4, 4)),
    "conv1d": (LINES, KERNEL.reshape(2, 4, 2), TWO),
    "conv2d": (IMAGES, KERNEL, TWO, (2, 1)),
    "avg_pool1d": (LINES, 2),
    "avg_pool2d": (IMAGES, (2, 1)),
    "max_pool1d": (LINES, 2),
    "max_pool2d": (IMAGES, (2, 2), (1, 1)),
    "adaptive_avg_pool2d": (IMAGES, (2, 3)),
    "batch_norm": (X, FOUR - 1, FOUR + 1, FOUR, 2 * FOUR),
    "layer_norm": (X, 4, FOUR, FOUR - 1),
    "group_norm": (IMAGES, 2, TWO, TWO + 1),
}


def test_every_function_of_nn_is_tried() -> None:
    assert set(FUNCTIONS) == {name for name in F.__all__ if isfunction(getattr(F, name))} - {"pair"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_nn_stack_lists(name: str) -> None:
    given = tuple([np.asarray(a) if isinstance(a, np.ndarray) else a for a in FUNCTIONS[name]])
    calls = _calls(name, on_tensors(getattr(F, name)), given, {})
    assert len(calls) == sum(isinstance(a, np.ndarray) for a in given)
    for call in calls:
        for form in FORMS.values():
            expect_the_same(call, form)


def on_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as one of arrays, in the places of those that are no lists."""
    return lambda *args: function(*[Tensor(a) if isinstance(a, np.ndarray) else a for a in args])


# --- dtypes --------------------------------------------------------------------------------------

BESIDE = [2, 2.5, True, np.float64(2.5), np.int64(3), Fraction(1, 2), Decimal("0.5"), np.float16(2)]


@pytest.mark.parametrize("beside", BESIDE, ids=[type(b).__name__ for b in BESIDE])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_in_lists_take_the_dtype_of_tensors(beside: Any, dtype: Any) -> None:
    x = Tensor(np.array(0.5, dtype), requires_grad=True)
    for made in (ag.sqrt([x, beside]), Tensor([x, beside]), x * [x, beside], [beside, x] - x):
        assert made.dtype == dtype
        assert made.requires_grad
    assert_array_equal(Tensor([x, beside]).data, np.array([0.5, float(beside)], dtype))
    ag.sum([x, beside, [x, beside][0]]).backward()
    assert x.grad is not None
    assert (x.grad.dtype, float(x.grad)) == (dtype, 2)


def test_arrays_in_lists_keep_theirs_and_integers_do_not_widen() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    assert ag.exp([x, np.arange(3)]).dtype == np.float32
    assert ag.exp([x, [1, 2, 3]]).dtype == np.float32
    assert ag.exp([x, [1.5, 2.5, 3.5]]).dtype == np.float32
    assert Tensor([x, np.arange(3), [1, 2.5, 3]]).dtype == np.float32
    assert ag.exp([x, np.ones(3)]).dtype == np.float64  # as of NumPy's arrays
    assert Tensor([Tensor(1), Tensor(2)]).dtype == np.int64
    assert Tensor([Tensor(1), 2.5]).dtype == np.float64


def test_lists_without_tensors_may_hold_fractions() -> None:
    assert_array_equal(ag.add([Fraction(1, 2), Decimal(2)], 1.0).data, [1.5, 3.0])
    x = Tensor(np.float32(2), requires_grad=True)
    assert_array_equal((x * [Fraction(1, 2), 3]).data, np.array([1, 6], np.float32))
    with pytest.raises(TypeError, match=r"add: argument 0\[1\]\[0\] is NoneType"):
        ag.add([[1.0], [None]], 1.0)
