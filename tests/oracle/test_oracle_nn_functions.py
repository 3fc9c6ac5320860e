"""Functions and layers against PyTorch, over their arguments."""

from __future__ import annotations

import inspect
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_beside_torch import (
    DTYPES,
    assert_agree,
    assert_function_agrees,
    assert_module_agrees,
    both,
    torch_dtype,
)

import nn
from autograd import Tensor
from nn import functional as F

pytestmark = pytest.mark.oracle

Array = NDArray[Any]
Generator = np.random.Generator


@DTYPES
@pytest.mark.parametrize("dilation", [1, 2, (2, 1)], ids=str)
@pytest.mark.parametrize("window", [(3, 3), (1, 1), (2, 4)], ids=str)
def test_conv2d(torch: Any, window: Any, dilation: Any, dtype: Any, rng: Generator) -> None:
    shapes = (2, 2, 9, 8), (3, 2, *window), (3,)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    strides: list[Any] = [1, 2, (1, 3)]
    paddings: list[Any] = [0, 2, (1, 0)]
    for stride, padding in product(strides, paddings):
        places: Any = stride, padding, dilation
        ours, theirs = (
            partial(conv2d, stride=stride, padding=padding, dilation=dilation)
            for conv2d in (F.conv2d, torch.nn.functional.conv2d)
        )
        assert_function_agrees(torch, rng, ours, theirs, *arrays, of=f"{places}")


@DTYPES
@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("window", [2, 3, (3, 2), 5], ids=str)
def test_max_pool2d(torch: Any, window: Any, tied: bool, dtype: Any, rng: Generator) -> None:
    shape = (3, 2, 9, 8)
    # All below zero, so that a border of zeros would show.
    x = -rng.integers(1, 3, shape) if tied else -rng.random(shape)
    for stride, padding in product([None, 1, 2, (2, 3)], [0, 1]):
        ours, theirs = (
            partial(max_pool2d, kernel_size=window, stride=stride, padding=padding)
            for max_pool2d in (F.max_pool2d, torch.nn.functional.max_pool2d)
        )
        assert_function_agrees(
            torch, rng, ours, theirs, x.astype(dtype), of=f"{stride=}, {padding=}"
        )


@DTYPES
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
def test_batch_norm(
    torch: Any, affine: bool, tracked: bool, training: bool, dtype: Any, rng: Generator
) -> None:
    shapes: list[tuple[int, ...]] = [(7, 3), (4, 3, 5), (4, 3, 6, 5)]
    for shape, (momentum, eps) in product(shapes, [(0.1, 1e-5), (0.7, 1e-2)]):
        arguments: Any = affine, tracked, training, momentum, eps, dtype
        assert_batch_norm_agrees(torch, rng, shape, *arguments)


def assert_batch_norm_agrees(
    torch: Any,
    rng: Generator,
    shape: tuple[int, ...],
    affine: bool,
    tracked: bool,
    training: bool,
    momentum: float,
    eps: float,
    dtype: Any,
) -> None:
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in (shape, (3,), (3,)))
    x = 2 * x + 1
    mean, var = rng.standard_normal(3).astype(dtype), (1 + rng.random(3)).astype(dtype)
    buffers: Any = [Tensor(mean.copy()), Tensor(var.copy())] if tracked else [None, None]
    buffers_ = [torch.from_numpy(a.copy()) for a in (mean, var)] if tracked else [None, None]
    # Without statistics, torch's module uses the batch's in evaluation too; so does our function.
    batched = training or not tracked
    batch_norm = torch.nn.functional.batch_norm
    assert_function_agrees(
        torch,
        rng,
        lambda x, w=None, b=None: F.batch_norm(
            x, buffers[0], buffers[1], w, b, training, momentum, eps
        ),
        lambda x, w=None, b=None: batch_norm(x, *buffers_, w, b, batched, momentum, eps),
        *([x, w, b] if affine else [x]),
    )
    if tracked:
        assert_agree(buffers[0], buffers_[0], name="running mean")
        assert_agree(buffers[1], buffers_[1], name="running variance")


# softmax' = diag(y) - y y^T, of norm at most 1/2; log_softmax' is of norm at most 1 + sqrt(C). So
# their gradients' roundings are relative to the cotangent, and the gradient itself may be as small
# as one likes, where one score is far above the others.
@DTYPES
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("scale", [1, 30], ids=["mild", "steep"])
def test_softmax(torch: Any, name: str, scale: float, dtype: Any, rng: Generator) -> None:
    limit = {np.float32: 1e-6, np.float64: 1e-14}[dtype]
    for dim in (0, 1, 2, -1):
        values = (scale * rng.standard_normal((4, 5, 6))).astype(dtype)
        (x,), (x_,) = both(torch, values)
        y, y_ = getattr(F, name)(x, dim), getattr(torch.nn.functional, name)(x_, dim)
        assert_agree(y, y_, name=f"value, {dim=}")
        g = rng.standard_normal(y.shape).astype(dtype)
        y.backward(g)
        y_.backward(torch.from_numpy(g))
        assert x.grad is not None
        assert x.grad.dtype == dtype
        assert np.abs(x.grad.data - x_.grad.numpy()).max() <= limit * np.abs(g).max(), dim


@DTYPES
@pytest.mark.parametrize("leading", [(), (5,), (2, 3)], ids=str)
def test_linear(torch: Any, leading: tuple[int, ...], dtype: Any, rng: Generator) -> None:
    shapes = (*leading, 7), (4, 7), (4,)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    assert_function_agrees(torch, rng, F.linear, torch.nn.functional.linear, *arrays)


@DTYPES
def test_relu_with_zeros(torch: Any, dtype: Any, rng: Generator) -> None:
    x = rng.integers(-1, 2, (8, 9)).astype(dtype)
    assert_function_agrees(torch, rng, F.relu, torch.nn.functional.relu, x)


# --- layers, torch's given the same arguments ----------------------------------------------------

_OTHERS: list[dict[str, Any]] = [{"dilation": 2}, {"bias": False}]

# A layer's arguments, and the shape of what it is given.
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    *(
        ("Conv2d", (4, 6, window), {"groups": groups, "padding": padding} | other, (2, 4, 9, 8))
        for window in (3, (2, 4))
        for groups in (1, 2)
        for padding in (0, 1, "same", "valid")
        for other in _OTHERS
    ),
    ("Conv2d", (4, 4, 3), {"groups": 4, "padding": 1, "stride": 2}, (2, 4, 9, 8)),
    ("Conv2d", (4, 8, 3, 1, 1, 1, 4, False), {}, (2, 4, 9, 8)),
    *(
        ("Conv1d", (4, 6, window), {"groups": groups, "padding": padding} | other, (2, 4, 11))
        for window in (3, 4)
        for groups in (1, 2)
        for padding in (0, 1, "same")
        for other in _OTHERS
    ),
    ("Conv1d", (4, 4, 3, 2, 1, 1, 4), {}, (2, 4, 11)),
    *(
        (f"{kind}Pool{axes}d", (3, 2, 1), {"ceil_mode": ceil_mode}, (2, 3, 8, 9)[: axes + 2])
        for kind in ("Max", "Avg")
        for axes in (1, 2)
        for ceil_mode in (False, True)
    ),
    ("MaxPool2d", (2, 1, 1, (2, 3)), {}, (2, 3, 8, 9)),
    ("MaxPool1d", (3, 2, 0, 2), {"ceil_mode": True}, (2, 3, 10)),
    ("AvgPool2d", (2,), {}, (2, 3, 8, 9)),
    ("AvgPool2d", ((3, 2), (2, 3), (1, 0), True, False), {}, (2, 3, 8, 9)),
    ("AvgPool2d", (3, 2, 1, True, True, 4), {}, (2, 3, 8, 9)),
    ("AvgPool1d", (3, 2, 1, True, False), {}, (2, 3, 8)),
    *(("AdaptiveAvgPool2d", (size,), {}, (2, 3, 8, 9)) for size in (1, 3, (5, 7), (None, 2), 11)),
    ("BatchNorm1d", (3,), {}, (5, 3)),
    ("BatchNorm1d", (3, 1e-2, None), {}, (5, 3, 4)),
    ("BatchNorm2d", (3, 1e-2, 0.3, False), {}, (5, 3, 4, 2)),
    ("LayerNorm", (6,), {}, (4, 5, 6)),
    ("LayerNorm", ((5, 6), 1e-2), {"bias": False}, (4, 5, 6)),
    ("LayerNorm", ((4, 5, 6), 1e-3, False), {}, (4, 5, 6)),
    ("GroupNorm", (2, 6), {}, (4, 6, 3, 5)),
    ("GroupNorm", (6, 6, 1e-2), {}, (4, 6, 5)),
    ("GroupNorm", (1, 6), {"affine": False}, (4, 6)),
    ("Linear", (6, 3, False), {}, (4, 6)),
    ("Flatten", (), {}, (4, 3, 2)),
    ("Flatten", (0, 1), {}, (4, 3, 2)),
    ("Identity", (), {}, (4, 3)),
    ("Dropout", (1.0,), {}, (4, 3)),
    ("Dropout", (0.0,), {}, (4, 3)),
    ("ReLU", (), {}, (9, 7)),
    ("LeakyReLU", (), {}, (9, 7)),
    ("LeakyReLU", (0.3,), {}, (9, 7)),
    ("ELU", (), {}, (9, 7)),
    ("ELU", (1.7,), {}, (9, 7)),
    ("GELU", (), {}, (9, 7)),
    ("GELU", ("tanh",), {}, (9, 7)),
    ("SiLU", (), {}, (9, 7)),
    ("Tanh", (), {}, (9, 7)),
    ("Sigmoid", (), {}, (9, 7)),
    ("Softplus", (), {}, (9, 7)),
    ("Softplus", (2.0, 3.0), {}, (9, 7)),
    ("Softmax", (0,), {}, (9, 7)),
    ("LogSoftmax", (1,), {}, (9, 7)),
]


@DTYPES
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS, ids=str)
@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_layers(
    torch: Any,
    name: str,
    args: tuple[Any, ...],
    options: dict[str, Any],
    shape: tuple[int, ...],
    dtype: Any,
    rng: Generator,
) -> None:
    ours = getattr(nn, name)(*args, **options)
    theirs = getattr(torch.nn, name)(*args, **options)
    for parameter in ours.parameters():
        parameter.rebind(rng.standard_normal(parameter.shape))
    # Activations over a wide range; a few zeros among them.
    x = rng.standard_normal(shape) * (3 if shape == (9, 7) else 1)
    x.flat[:: max(x.size // 3, 1)] = 0 if shape == (9, 7) else 0.5
    assert_module_agrees(torch, rng, ours, theirs, x.astype(dtype))


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_max_pool2d_of_infinities(torch: Any, window: int, ceil_mode: bool, rng: Generator) -> None:
    x = np.where(rng.random((3, 2, 7, 8)) < 0.8, -np.inf, rng.standard_normal((3, 2, 7, 8)))
    assert np.isneginf(F.max_pool2d(Tensor(x), window, 2, 1, ceil_mode=ceil_mode).data).any()
    leaf, leaf_ = both(torch, x)
    y = F.max_pool2d(leaf[0], window, 2, 1, ceil_mode=ceil_mode)
    y_ = torch.nn.functional.max_pool2d(leaf_[0], window, 2, 1, ceil_mode=ceil_mode)
    np.testing.assert_array_equal(y.data, y_.detach().numpy())
    g = rng.standard_normal(y.shape)
    y.backward(g)
    y_.backward(torch.from_numpy(g))
    assert_agree(leaf[0].grad, leaf_[0].grad)


@DTYPES
@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding(torch: Any, padding_idx: int | None, dtype: Any, rng: Generator) -> None:
    layer = nn.Embedding(5, 3, padding_idx, rng=rng).to(dtype)
    layer_ = torch.nn.Embedding(5, 3, padding_idx).to(torch_dtype(torch, dtype))
    layer_.load_state_dict({"weight": torch.from_numpy(layer.state_dict()["weight"])})
    indices = rng.integers(0, 5, (4, 6))
    y, y_ = layer(indices), layer_(torch.from_numpy(indices))
    assert_agree(y, y_)
    g = rng.standard_normal(y.shape).astype(dtype)
    y.backward(g)
    y_.backward(torch.from_numpy(g))
    assert_agree(layer.weight.grad, layer_.weight.grad)


def test_the_layers_defaults_are_torchs(torch: Any) -> None:
    # torch has None where here it is the last axis; it warns, and guesses one.
    own = {("Softmax", "dim"), ("LogSoftmax", "dim")}
    without = ("rng", "sync")  # torch has a layer of its own for the second
    compared = 0
    for name in nn.__all__:
        ours, theirs = getattr(nn, name), getattr(torch.nn, name, None)
        if not inspect.isclass(ours) or theirs is None or name in ("Parameter", "Buffer"):
            continue
        known = inspect.signature(theirs.__init__).parameters
        for argument in inspect.signature(ours.__init__).parameters.values():
            if argument.default is argument.empty or argument.name in without:
                continue
            assert argument.name in known, f"{name}: {argument.name}"
            if (name, argument.name) not in own and name != "ModuleList":
                assert argument.default == known[argument.name].default, f"{name}: {argument.name}"
                compared += 1
    assert compared > 60
