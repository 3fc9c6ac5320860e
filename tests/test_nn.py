"""nn against loops written by hand, central differences, and the promises of its docstrings."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numerical import central, unit_directions
from numpy.typing import NDArray

import nn
from autograd import Tensor
from nn import functional as F
from nn import init

Array = NDArray[Any]
Generator = np.random.Generator
Function = Callable[..., Tensor]
Pair = tuple[int, int]

# --- oracles: the formulas, element by element ---------------------------------------------------


def conv2d_by_loops(
    x: Array, w: Array, b: Array, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """y[n,f,i,j] = b[f] + sum_{c,u,v} w[f,c,u,v] x[n, c, s i + d u - p, s j + d v - p]."""
    (N, C, H, W), (K, _, U, V) = x.shape, w.shape
    rows = (H + 2 * padding[0] - dilation[0] * (U - 1) - 1) // stride[0] + 1
    columns = (W + 2 * padding[1] - dilation[1] * (V - 1) - 1) // stride[1] + 1
    y = np.zeros((N, K, rows, columns))
    for n, k, i, j in np.ndindex(y.shape):
        total = b[k]
        for c, u, v in np.ndindex(C, U, V):
            row = i * stride[0] + u * dilation[0] - padding[0]
            column = j * stride[1] + v * dilation[1] - padding[1]
            if 0 <= row < H and 0 <= column < W:
                total += w[k, c, u, v] * x[n, c, row, column]
        y[n, k, i, j] = total
    return y


def max_pool2d_by_loops(
    x: Array, window: Pair, stride: Pair, padding: Pair
) -> tuple[Array, list[tuple[int, ...]]]:
    """The maxima, and for each, in row-major order, where in x its window first reaches it."""
    N, C, H, W = x.shape
    rows = (H + 2 * padding[0] - window[0]) // stride[0] + 1
    columns = (W + 2 * padding[1] - window[1]) // stride[1] + 1
    y = np.zeros((N, C, rows, columns))
    places: list[tuple[int, ...]] = []
    for n, c, i, j in np.ndindex(y.shape):
        best, place = -np.inf, (-1, -1, -1, -1)
        for u, v in np.ndindex(*window):
            row, column = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
            if 0 <= row < H and 0 <= column < W and x[n, c, row, column] > best:
                best, place = x[n, c, row, column], (n, c, row, column)
        y[n, c, i, j] = best
        places.append(place)
    return y, places


def moments_by_loops(x: Array) -> tuple[Array, Array, int]:
    """Mean and sum of squared deviations of each channel of (N, C, ...), and of how many values."""
    means, squares = [], []
    for c in range(x.shape[1]):
        values = [float(v) for v in x[:, c].ravel()]
        means.append(sum(values) / len(values))
        squares.append(sum((v - means[-1]) ** 2 for v in values))
    return np.array(means), np.array(squares), x[:, 0].size


def softmax_by_loops(x: Array) -> Array:
    """Along the last axis of (N, C)."""
    y = np.zeros(x.shape)
    for n, row in enumerate(x):
        exponentials = [np.exp(v) for v in row]
        for c, e in enumerate(exponentials):
            y[n, c] = e / sum(exponentials)
    return y


def assert_gradients(f: Function, rng: Generator, *arrays: Array) -> None:
    """Every element of every gradient, under a random cotangent, against central differences."""
    leaves = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    out = f(*leaves)
    cotangent = rng.standard_normal(out.shape)
    out.backward(cotangent)

    def evaluate(args: list[Any]) -> list[Array]:
        return [f(*(Tensor(a) for a in args)).data]

    for position, leaf in enumerate(leaves):
        expected = [
            central(evaluate, arrays, direction, [cotangent])
            for direction in unit_directions(arrays, position)
        ]
        assert leaf.grad is not None
        np.testing.assert_allclose(leaf.grad.data.ravel(), expected, rtol=1e-8, atol=1e-8)


def distinct(rng: Generator, *shape: int) -> Array:
    """Values with gaps of 0.25, in random order: no small step changes which is larger."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) * 0.25


# --- functional ----------------------------------------------------------------------------------

CONVOLUTIONS = [
    pytest.param((2, 3, 5, 6), (4, 3, 3, 3), 1, 0, 1, id="plain"),
    pytest.param((2, 1, 7, 5), (2, 1, 2, 3), (2, 1), (1, 2), 1, id="strided-padded-oblong"),
    pytest.param((1, 2, 8, 7), (2, 2, 3, 2), (1, 2), (2, 0), (2, 3), id="dilated"),
    pytest.param((1, 2, 6, 6), (3, 2, 3, 3), 3, 1, 2, id="stride-leaves-a-rest"),
    pytest.param((2, 2, 4, 3), (3, 2, 1, 1), 2, 0, 1, id="one-pixel"),
    pytest.param((2, 2, 3, 4), (1, 2, 3, 4), 1, 0, 1, id="whole-image"),
]


def pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


@pytest.mark.parametrize(("x_shape", "w_shape", "stride", "padding", "dilation"), CONVOLUTIONS)
def test_conv2d(
    x_shape: Any, w_shape: Any, stride: Any, padding: Any, dilation: Any, rng: Generator
) -> None:
    x, w, b = (rng.standard_normal(s) for s in (x_shape, w_shape, w_shape[:1]))

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.conv2d(x, w, b, stride, padding, dilation)

    expected = conv2d_by_loops(x, w, b, pair(stride), pair(padding), pair(dilation))
    y = conv(*map(Tensor, (x, w, b))).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    without = F.conv2d(Tensor(x), Tensor(w), None, stride, padding, dilation).data
    np.testing.assert_allclose(without, expected - b[:, None, None], rtol=1e-12, atol=1e-12)
    assert_gradients(conv, rng, x, w, b)


POOLS = [
    pytest.param((2, 2, 4, 6), 2, None, 0, id="tiles"),
    pytest.param((2, 1, 5, 7), 2, None, 0, id="tiles-leave-a-rest"),
    pytest.param((1, 2, 6, 7), 3, 2, 1, id="overlapping-padded"),
    pytest.param((1, 2, 5, 6), (3, 2), (1, 2), (1, 0), id="oblong"),
    pytest.param((1, 1, 7, 7), 2, 3, 1, id="gaps"),
    # More than 16 elements to a window take another road through `max`.
    pytest.param((2, 1, 8, 9), 5, 2, 2, id="large-window"),
]


@pytest.mark.parametrize(("shape", "window", "stride", "padding"), POOLS)
def test_max_pool2d(shape: Any, window: Any, stride: Any, padding: Any, rng: Generator) -> None:
    x = distinct(rng, *shape) - 3.0  # some below zero: padding with zeros would win there

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, window, stride, padding)

    steps = pair(window if stride is None else stride)
    expected, _ = max_pool2d_by_loops(x, pair(window), steps, pair(padding))
    np.testing.assert_array_equal(pool(Tensor(x)).data, expected, strict=True)
    assert_gradients(pool, rng, x)


@pytest.mark.parametrize(("shape", "window", "stride", "padding"), POOLS)
def test_max_pool2d_gives_a_tie_to_the_first(
    shape: Any, window: Any, stride: Any, padding: Any, rng: Generator
) -> None:
    values = rng.integers(0, 2, shape).astype(float)  # nearly every window ties
    x = Tensor(values, requires_grad=True)
    y = F.max_pool2d(x, window, stride, padding)
    steps = pair(window if stride is None else stride)
    expected, places = max_pool2d_by_loops(values, pair(window), steps, pair(padding))
    np.testing.assert_array_equal(y.data, expected, strict=True)
    g = rng.integers(1, 100, y.shape).astype(float)  # integers, so that sums are exact
    y.backward(g)
    gradient = np.zeros(shape)
    for place, contribution in zip(places, g.ravel(), strict=True):
        gradient[place] += contribution
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, gradient)


@pytest.mark.parametrize("shape", [(6, 3), (4, 2, 5), (3, 2, 4, 3)])
def test_batch_norm_in_training(shape: tuple[int, ...], rng: Generator) -> None:
    channels = shape[1]
    x = 2 * rng.standard_normal(shape) + 5
    w, b = rng.standard_normal(channels), rng.standard_normal(channels)
    running_mean, running_var = rng.standard_normal(channels), 1 + rng.random(channels)
    mean_buffer, var_buffer = Tensor(running_mean.copy()), Tensor(running_var.copy())
    y = F.batch_norm(Tensor(x), mean_buffer, var_buffer, Tensor(w), Tensor(b), True, 0.3, 1e-3)
    mean, squares, n = moments_by_loops(x)
    expected = np.zeros(shape)
    for index in np.ndindex(shape):
        c = index[1]
        deviation = (squares[c] / n + 1e-3) ** 0.5
        expected[index] = (x[index] - mean[c]) / deviation * w[c] + b[c]
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12, strict=True)
    # The running variance takes in the unbiased one, which divides by n - 1.
    moved_mean = 0.7 * running_mean + 0.3 * mean
    moved_var = 0.7 * running_var + 0.3 * squares / (n - 1)
    np.testing.assert_allclose(mean_buffer.data, moved_mean, rtol=1e-12)
    np.testing.assert_allclose(var_buffer.data, moved_var, rtol=1e-12)
    assert_gradients(
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True, eps=1e-3), rng, x, w, b
    )


def test_batch_norm_in_evaluation(rng: Generator) -> None:
    x = rng.standard_normal((3, 2, 4, 3))
    mean, var = rng.standard_normal(2), 1 + rng.random(2)
    w, b = rng.standard_normal(2), rng.standard_normal(2)
    buffers = Tensor(mean.copy()), Tensor(var.copy())

    def norm(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.batch_norm(x, *buffers, w, b, False, eps=1e-2)

    expected = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        c = index[1]
        expected[index] = (x[index] - mean[c]) / (var[c] + 1e-2) ** 0.5 * w[c] + b[c]
    np.testing.assert_allclose(norm(*map(Tensor, (x, w, b))).data, expected, rtol=1e-12)
    assert_gradients(norm, rng, x, w, b)
    np.testing.assert_array_equal(buffers[0].data, mean)
    np.testing.assert_array_equal(buffers[1].data, var)


@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_linear(leading: tuple[int, ...], rng: Generator) -> None:
    x, w, b = (rng.standard_normal(s) for s in ((*leading, 5), (3, 5), (3,)))
    expected = np.zeros((*leading, 3))
    for index in np.ndindex(expected.shape):
        o = index[-1]
        expected[index] = b[o] + sum(x[index[:-1]][i] * w[o, i] for i in range(5))
    y = F.linear(*map(Tensor, (x, w, b))).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    without = F.linear(Tensor(x), Tensor(w)).data
    np.testing.assert_allclose(without, expected - b, rtol=1e-12, atol=1e-12)
    assert_gradients(F.linear, rng, x, w, b)


def test_relu(rng: Generator) -> None:
    x = distinct(rng, 3, 4) - 1.125  # no zero among them
    np.testing.assert_array_equal(F.relu(Tensor(x)).data, np.where(x > 0, x, 0.0), strict=True)
    assert_gradients(F.relu, rng, x)


def test_relu_has_slope_0_at_0() -> None:
    x = Tensor([-1.0, -0.0, 0.0, 2.0], requires_grad=True)
    F.relu(x).backward([1.0, 3.0, 5.0, 7.0])
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [0, 0, 0, 7])


def test_softmax(rng: Generator) -> None:
    x = 3 * rng.standard_normal((4, 5))
    expected = softmax_by_loops(x)
    np.testing.assert_allclose(F.softmax(Tensor(x)).data, expected, rtol=1e-12, strict=True)
    np.testing.assert_allclose(F.softmax(Tensor(x.T), dim=0).data, expected.T, rtol=1e-12)
    np.testing.assert_allclose(F.log_softmax(Tensor(x)).data, np.log(expected), rtol=1e-12)
    for dim in (0, 1):
        assert_gradients(lambda x, d=dim: F.softmax(x, d), rng, x)
        assert_gradients(lambda x, d=dim: F.log_softmax(x, d), rng, x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_cross_entropy(reduction: Any, dtype: Any, rng: Generator) -> None:
    x, classes = 3 * rng.standard_normal((6, 4)), np.array([0, 3, 1, 1, 2, 0], dtype)
    losses = np.zeros(6)
    for n, c in enumerate(classes):
        losses[n] = -np.log(softmax_by_loops(x)[n, c])
    reduced: dict[str, Any] = {"mean": sum(losses) / 6, "sum": sum(losses), "none": losses}
    y = F.cross_entropy(Tensor(x), classes, reduction).data
    np.testing.assert_allclose(y, reduced[reduction], rtol=1e-12)
    assert y.shape == np.shape(reduced[reduction])
    assert_gradients(lambda x: F.cross_entropy(x, Tensor(classes), reduction), rng, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_stay_finite(dtype: Any) -> None:
    scores = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]], dtype)
    x = Tensor(scores, requires_grad=True)
    losses = F.cross_entropy(x, [1, 0, 0], "none")
    np.testing.assert_allclose(losses.data, [2e4, np.log(3), np.log(2)], rtol=1e-6)
    losses.sum().backward()
    # softmax - one-hot, whose softmax is known here
    expected = np.array([[1, -1, 0], [1 / 3 - 1, 1 / 3, 1 / 3], [-0.5, 0.5, 0]])
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, expected, rtol=1e-6, atol=1e-30)
    y = Tensor(scores, requires_grad=True)
    probabilities = F.softmax(y)
    np.testing.assert_allclose(probabilities.data[0], [1, 0, 0], atol=1e-30)
    probabilities.backward(np.eye(3, dtype=dtype))
    assert y.grad is not None
    assert np.isfinite(y.grad.data).all()


# --- every layer ---------------------------------------------------------------------------------

Layer = tuple[Callable[[Generator], nn.Module], tuple[int, ...]]

# A layer and the shape of an input, batch first.
LAYERS: dict[str, Layer] = {
    "Linear": (lambda rng: nn.Linear(6, 4, rng=rng), (5, 6)),
    "Conv2d": (lambda rng: nn.Conv2d(3, 4, 3, 2, 1, 2, rng=rng), (4, 3, 6, 7)),
    "BatchNorm2d": (lambda rng: nn.BatchNorm2d(3), (4, 3, 5, 2)),
    "BatchNorm2d-momentum-None": (lambda rng: nn.BatchNorm2d(3, momentum=None), (4, 3, 5, 2)),
    "BatchNorm2d-eval": (lambda rng: nn.BatchNorm2d(3).eval(), (4, 3, 5, 2)),
    "ReLU": (lambda rng: nn.ReLU(), (4, 5)),
    "MaxPool2d": (lambda rng: nn.MaxPool2d(2), (4, 3, 6, 7)),
    "MaxPool2d-overlapping": (lambda rng: nn.MaxPool2d(3, 2, 1), (4, 3, 6, 7)),
    "MaxPool2d-large": (lambda rng: nn.MaxPool2d(5, 1, 1), (4, 3, 6, 7)),
    "Flatten": (lambda rng: nn.Flatten(), (4, 3, 2, 5)),
    "Softmax": (lambda rng: nn.Softmax(), (4, 5)),
}


@pytest.fixture(params=list(LAYERS))
def layer(request: pytest.FixtureRequest, rng: Generator) -> tuple[nn.Module, tuple[int, ...]]:
    build, shape = LAYERS[request.param]
    return build(rng), shape


def gradients(module: nn.Module) -> Iterator[Array]:
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        yield parameter.grad.data


def test_float32_stays_float32(layer: Any, rng: Generator) -> None:
    module, shape = layer
    x = Tensor(rng.standard_normal(shape, np.float32), requires_grad=True)
    y = module(x)
    assert y.dtype == np.float32
    y.backward(rng.standard_normal(y.shape, np.float32))
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    assert {g.dtype for g in gradients(module)} <= {np.dtype(np.float32)}
    assert {b.dtype for _, b in module.named_buffers()} <= {
        np.dtype(np.float32),
        np.dtype(np.int64),
    }


def test_losses_and_numpy_hyperparameters_stay_float32(rng: Generator) -> None:
    # A np.float64, unlike a Python float, would win over float32.
    x = Tensor(rng.standard_normal((4, 3, 2, 2), np.float32), requires_grad=True)
    norm = nn.BatchNorm2d(3, eps=np.float64(1e-5), momentum=np.float64(0.1))
    loss = nn.CrossEntropyLoss()(nn.Flatten()(norm(x)), [0, 1, 2, 3])
    loss.backward()
    assert x.grad is not None
    assert loss.dtype == np.float32
    assert x.grad.dtype == np.float32
    assert norm.state_dict()["running_var"].dtype == np.float32


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran": np.asfortranarray,
    "sliced": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "read-only": lambda a: np.broadcast_to(a, a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_does_not_matter(layer: Any, layout: str, rng: Generator) -> None:
    module, shape = layer
    module.to(np.float64)
    other = LAYOUTS[layout](rng.standard_normal(shape))
    outcomes = []
    for array in (np.ascontiguousarray(other).copy(), other):
        module.zero_grad()
        x = Tensor(array, requires_grad=True)
        y = module(x)
        # The cotangent in the other layout too.
        g = np.linspace(-1, 2, y.size).reshape(y.shape)
        y.backward(g if array is not other else np.asfortranarray(g))
        assert x.grad is not None
        outcomes.append([y.data, x.grad.data, *gradients(module)])
    for contiguous, strange in zip(*outcomes, strict=True):
        np.testing.assert_allclose(strange, contiguous, rtol=1e-10, atol=1e-12, strict=True)


def test_a_batch_of_none(layer: Any) -> None:
    module, (_, *rest) = layer
    x = Tensor(np.zeros((0, *rest), np.float32), requires_grad=True)
    if isinstance(module, nn.BatchNorm2d) and module.training:
        with pytest.raises(ValueError, match=r"batch_norm: more than one value per channel"):
            module(x)
        return
    y = module(x)
    # The same as for a batch of one, with no sample in it.
    assert y.shape == (0, *module.eval()(Tensor(np.zeros((1, *rest), np.float32))).shape[1:])
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert all(not g.any() for g in gradients(module))


@pytest.mark.parametrize(("reduction", "expected"), [("sum", 0.0), ("none", [])])
def test_cross_entropy_of_a_batch_of_none(reduction: Any, expected: Any) -> None:
    x = Tensor(np.zeros((0, 3)), requires_grad=True)
    loss = F.cross_entropy(x, np.zeros(0, np.int64), reduction)
    np.testing.assert_array_equal(loss.data, expected)
    loss.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)


def test_cross_entropy_of_a_batch_of_none_has_no_mean() -> None:
    # Like batch_norm: an error of its own, not NumPy's warning about an empty slice.
    with pytest.raises(ValueError, match=r"cross_entropy: .*\(0, 3\)"):
        F.cross_entropy(Tensor(np.zeros((0, 3))), np.zeros(0, np.int64))


def zeros(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape, np.float32))


BAD_CALLS: dict[str, tuple[Callable[[], object], list[str]]] = {
    # What is called, and what the error says: the layer, what was given, what was expected.
    "Linear": (lambda: nn.Linear(3, 2)(zeros(4, 5)), ["linear", "(4, 5)", "(..., 3)"]),
    "Linear, a scalar": (lambda: nn.Linear(3, 2)(zeros()), ["linear", "()", "(..., 3)"]),
    "linear's bias": (lambda: F.linear(zeros(4, 3), zeros(2, 3), zeros(5)), ["linear", "5", "2"]),
    "Conv2d, channels": (
        lambda: nn.Conv2d(1, 1, 3)(zeros(4, 2, 5, 5)),
        ["conv2d", "(4, 2, 5, 5)", "(F, 2, U, V)", "(1, 1, 3, 3)"],
    ),
    "Conv2d, no batch": (
        lambda: nn.Conv2d(1, 1, 3)(zeros(1, 5, 5)),
        ["conv2d", "(1, 5, 5)", "(N, C, H, W)"],
    ),
    "Conv2d, small image": (lambda: nn.Conv2d(1, 1, 5)(zeros(1, 1, 4, 4)), ["conv2d", "4", "5"]),
    "conv2d's bias": (
        lambda: F.conv2d(zeros(1, 1, 5, 5), zeros(2, 1, 3, 3), zeros(4)),
        ["conv2d", "4", "2"],
    ),
    "Conv2d, stride 0": (
        lambda: nn.Conv2d(1, 1, 3, stride=0)(zeros(1, 1, 5, 5)),
        ["conv2d", "stride", "0", "at least 1"],
    ),
    "Conv2d, padding -1": (
        lambda: nn.Conv2d(1, 1, 3, padding=-1)(zeros(1, 1, 5, 5)),
        ["conv2d", "padding", "-1", "at least 0"],
    ),
    "Conv2d, three lengths": (
        lambda: nn.Conv2d(1, 1, (3, 4, 5)),  # type: ignore[arg-type]
        ["conv2d", "(3, 4, 5)"],
    ),
    "Conv2d, one length": (
        lambda: nn.Conv2d(1, 1, (3,)),  # type: ignore[arg-type]
        ["conv2d", "(3,)"],
    ),
    "MaxPool2d, no batch": (
        lambda: nn.MaxPool2d(2)(zeros(1, 4, 4)),
        ["max_pool2d", "(1, 4, 4)", "(N, C, H, W)"],
    ),
    "MaxPool2d, small image": (
        lambda: nn.MaxPool2d(5)(zeros(1, 1, 4, 4)),
        ["max_pool2d", "4", "5"],
    ),
    "MaxPool2d, much padding": (
        lambda: nn.MaxPool2d(3, padding=2)(zeros(1, 1, 4, 4)),
        ["max_pool2d", "(2, 2)", "half of the window (3, 3)"],
    ),
    "BatchNorm2d, channels": (
        lambda: nn.BatchNorm2d(3)(zeros(4, 2, 2, 2)),
        ["batchnorm2d", "(4, 2, 2, 2)", "(N, 3, H, W)"],
    ),
    "BatchNorm2d, no image": (
        lambda: nn.BatchNorm2d(3)(zeros(4, 3)),
        ["batchnorm2d", "(4, 3)", "(N, 3, H, W)"],
    ),
    "batch_norm, one axis": (
        lambda: F.batch_norm(zeros(4), None, None),
        ["batch_norm", "(4,)", "(N, C, ...)"],
    ),
    "batch_norm's weight": (
        lambda: F.batch_norm(zeros(4, 3, 2), None, None, zeros(5)),
        ["batch_norm", "5", "3"],
    ),
    "batch_norm's running mean": (
        # Of length 1 it would broadcast, and change its shape.
        lambda: F.batch_norm(zeros(4, 3, 2), zeros(1), zeros(1), training=True),
        ["batch_norm", "1", "3"],
    ),
    "BatchNorm2d, one value": (
        lambda: nn.BatchNorm2d(3)(zeros(1, 3, 1, 1)),
        ["batch_norm", "(1, 3, 1, 1)", "more than one value per channel"],
    ),
    "Softmax's axis": (lambda: nn.Softmax(2)(zeros(4, 3)), ["softmax", "2", "(4, 3)"]),
    "CrossEntropyLoss, one axis": (
        lambda: nn.CrossEntropyLoss()(zeros(3), [0, 1, 2]),
        ["cross_entropy", "(3,)", "(N, C)"],
    ),
    "CrossEntropyLoss, lengths": (
        lambda: nn.CrossEntropyLoss()(zeros(3, 4), [0, 1]),
        ["cross_entropy", "(3, 4)", "(2,)"],
    ),
    "CrossEntropyLoss, one-hot": (
        lambda: nn.CrossEntropyLoss()(zeros(3, 3), np.eye(3)),
        ["cross_entropy", "(3, 3) (float64)", "integer classes"],
    ),
    "CrossEntropyLoss, floats": (
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [0.0, 1.0]),
        ["cross_entropy", "float64", "integer classes"],
    ),
    "CrossEntropyLoss, high class": (
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [0, 3]),
        ["cross_entropy", "from 0 to 2 expected", "0 to 3 given"],
    ),
    "CrossEntropyLoss, negative class": (
        # NumPy would take it as an index from the end.
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [-1, 1]),
        ["cross_entropy", "from 0 to 2 expected", "-1 to 1 given"],
    ),
    "CrossEntropyLoss, reduction": (
        lambda: nn.CrossEntropyLoss("max")(zeros(1, 3), [0]),  # type: ignore[arg-type]
        ["cross_entropy", "'max'", "mean, sum or none"],
    ),
    "no inputs": (lambda: nn.Linear(0, 3), ["linear", "in_features=0", "at least 1"]),
    "no outputs": (lambda: nn.Conv2d(1, 0, 3), ["conv2d", "out_channels=0", "at least 1"]),
    "no window": (lambda: nn.Conv2d(1, 1, (3, 0)), ["conv2d", "kernel_width=0", "at least 1"]),
    "no features": (lambda: nn.BatchNorm2d(0), ["batchnorm2d", "num_features=0", "at least 1"]),
}


@pytest.mark.parametrize(("call", "said"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_an_error_names_the_layer_and_what_it_expected(
    call: Callable[[], object], said: list[str]
) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    name, *rest = said
    assert message.lower().startswith(name)
    assert [part for part in rest if part not in message] == []


def test_one_number_of_numpys_is_a_length_too() -> None:
    assert nn.Conv2d(1, 2, np.int64(3)).state_dict()["weight"].shape == (2, 1, 3, 3)


# --- BatchNorm2d's state -------------------------------------------------------------------------


def test_batch_norm_without_momentum_averages_all_batches(rng: Generator) -> None:
    norm = nn.BatchNorm2d(2, momentum=None).to(np.float64)
    batches = rng.standard_normal((5, 3, 2, 4, 4)) + 3
    for batch in batches:
        norm(Tensor(batch))
    moments = [moments_by_loops(batch) for batch in batches]
    state = norm.state_dict()
    mean = sum(mean for mean, _, _ in moments) / 5
    var = sum(squares / (n - 1) for _, squares, n in moments) / 5
    np.testing.assert_allclose(state["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(state["running_var"], var, rtol=1e-12)
    assert state["num_batches_tracked"] == 5


def test_batch_norm_counts_in_an_array_of_int64() -> None:
    norm = nn.BatchNorm2d(2)
    norm(Tensor(np.eye(8, dtype=np.float32).reshape(4, 2, 4, 2)))
    count = norm.state_dict()["num_batches_tracked"]
    assert isinstance(count, np.ndarray)  # NumPy makes a scalar of a 0-d array plus 1
    assert count.shape == ()
    assert count.dtype == np.int64
    norm.eval()(Tensor(np.zeros((4, 2, 4, 2), np.float32)))
    assert norm.state_dict()["num_batches_tracked"] == 1


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_batch_norm_without_running_statistics_uses_those_of_the_batch(
    mode: str, rng: Generator
) -> None:
    norm = nn.BatchNorm2d(2, affine=False, track_running_stats=False).train(mode == "train")
    assert norm.state_dict() == {}
    y = norm(Tensor(4 + rng.standard_normal((6, 2, 5, 5)))).data
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, atol=1e-4)  # 1 - eps / var


# --- Module --------------------------------------------------------------------------------------


class Block(nn.Module):
    """A module in whose attributes the kinds are mixed, to tell their order."""

    def __init__(self, rng: Generator) -> None:
        self.offset = nn.Buffer(np.zeros(3, np.float32))
        self.inner = nn.Linear(3, 3, rng=rng)
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.constant = Tensor(np.ones(3, np.float32))
        self.absent = None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x)
        return y * self.scale + self.offset


def nested(rng: Generator) -> nn.Sequential:
    return nn.Sequential(Block(rng), nn.ReLU(), nn.Sequential(nn.Linear(3, 2, rng=rng)))


def test_names_are_dotted_and_in_the_order_of_attributes(rng: Generator) -> None:
    model = nested(rng)
    assert [name for name, _ in model.named_parameters()] == [
        *("0.scale", "0.inner.weight", "0.inner.bias", "2.0.weight", "2.0.bias"),
    ]
    assert [name for name, _ in model.named_buffers()] == ["0.offset"]
    assert list(model.state_dict()) == [
        *("0.offset", "0.scale", "0.inner.weight", "0.inner.bias", "2.0.weight", "2.0.bias"),
    ]
    assert [name for name, _ in model.named_modules()] == ["", "0", "0.inner", "1", "2", "2.0"]
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    named = [parameter for _, parameter in model.named_parameters()]
    assert [id(p) for p in model.parameters()] == [id(p) for p in named]
    assert all(p.requires_grad for p in named)
    assert not any(b.requires_grad for _, b in model.named_buffers())


def test_a_shared_parameter_is_met_once(rng: Generator) -> None:
    first, second = nn.Linear(3, 3, rng=rng), nn.Linear(3, 3, rng=rng)
    second.weight = first.weight
    model = nn.Sequential(first, second, first)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(model.modules())) == 3
    # Its gradient is the sum of what every use asks for.
    x = rng.standard_normal((2, 3)).astype(np.float32)
    model(Tensor(x)).sum().backward()
    w, b, c = (p.data for p in model.parameters())
    one = x @ w.T + b
    two = one @ w.T + c
    g = np.ones((2, 3), np.float32)
    expected = g.T @ two + (g @ w).T @ one + (g @ w @ w).T @ x
    assert first.weight.grad is not None
    np.testing.assert_allclose(first.weight.grad.data, expected, rtol=1e-4)


def test_modes_reach_all_modules(rng: Generator) -> None:
    model = nested(rng)
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert all(module.training for module in model.modules())


def test_zero_grad_forgets(rng: Generator) -> None:
    model = nested(rng)
    model(zeros(2, 3)).sum().backward()
    assert any(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_state_dict_goes_round(rng: Generator) -> None:
    model, other = nested(rng), nested(rng)
    x = Tensor(rng.standard_normal((4, 3), np.float32))
    before = model(x).data
    assert not np.allclose(other(x).data, before)
    state = model.state_dict()
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(x).data, before)
    for array in state.values():
        array[...] = 7  # copies both ways: neither model sees it
    np.testing.assert_array_equal(model(x).data, before)
    np.testing.assert_array_equal(other(x).data, before)


def test_load_state_dict_converts_to_the_dtypes_of_the_model(rng: Generator) -> None:
    model = nested(rng)
    state = {name: array.astype(np.float64) for name, array in model.state_dict().items()}
    model.load_state_dict(state)
    assert {array.dtype for array in model.state_dict().values()} == {np.dtype(np.float32)}


def assert_unchanged(model: nn.Module, before: dict[str, Array]) -> None:
    after = model.state_dict()
    assert list(after) == list(before)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, strict=True, err_msg=name)


def test_strict_loading_names_what_is_missing_and_unexpected(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    state["3.weight"] = state.pop("2.0.weight")
    with pytest.raises(KeyError, match=r"missing \['2\.0\.weight'\], unexpected \['3\.weight'\]"):
        model.load_state_dict(state)
    with pytest.raises(KeyError, match=r"into Sequential: unexpected \['3\.weight'\];"):
        model.load_state_dict({**before, "3.weight": state["3.weight"]})
    with pytest.raises(KeyError, match=r"into Sequential: missing \['2\.0\.bias'\];"):
        model.load_state_dict({k: v for k, v in before.items() if k != "2.0.bias"})
    assert_unchanged(model, before)
    model.load_state_dict(state, strict=False)
    after = model.state_dict()
    np.testing.assert_array_equal(after["2.0.weight"], before["2.0.weight"])
    np.testing.assert_array_equal(after["2.0.bias"], before["2.0.bias"] + 1)


@pytest.mark.parametrize("strict", [True, False])
def test_a_shape_that_differs_changes_nothing(strict: bool, rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    state["2.0.bias"] = np.zeros(1, np.float32)  # the last; it would broadcast
    with pytest.raises(ValueError, match=r"'2\.0\.bias' has shape \(1,\).* \(2,\) expected"):
        model.load_state_dict(state, strict)
    assert_unchanged(model, before)


def test_to_converts_what_is_floating() -> None:
    norm = nn.BatchNorm2d(2)
    assert norm.to(np.float64) is norm
    dtypes = {name: array.dtype for name, array in norm.state_dict().items()}
    assert dtypes.pop("num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype(np.float64)}
    x = Tensor(np.arange(16.0).reshape(2, 2, 2, 2), requires_grad=True)
    norm(x).sum().backward()
    assert {g.dtype for g in gradients(norm)} == {np.dtype(np.float64)}


def test_to_refuses_a_pending_gradient_and_changes_nothing(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    list(model.parameters())[-1].grad = zeros(2)
    with pytest.raises(RuntimeError, match=r"'2\.0\.bias' has a gradient of float32"):
        model.to(np.float64)
    assert_unchanged(model, before)


def test_to_refuses_a_dtype_that_has_no_gradients(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    with pytest.raises(TypeError, match="int64"):
        model.to(np.int64)  # it would round all weights to 0
    assert_unchanged(model, before)


def test_a_deep_copy_has_gradients_of_its_own(rng: Generator) -> None:
    model = nn.Linear(3, 2, rng=rng)
    twin = copy.deepcopy(model)
    twin(zeros(1, 3)).sum().backward()
    assert all(p.grad is not None for p in twin.parameters())
    assert all(p.grad is None for p in model.parameters())


def test_sequential_is_a_sequence_of_modules(rng: Generator) -> None:
    layers = [nn.Linear(3, 3, rng=rng), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers)
    assert len(model) == 3
    assert list(model) == layers
    assert model[0] is layers[0]
    assert model[-1] is layers[2]
    with pytest.raises(IndexError):
        model[3]
    x = zeros(1)
    assert nn.Sequential()(x) is x


def test_sequential_refuses_what_is_no_module() -> None:
    # A function left out in silence makes another network.
    with pytest.raises(TypeError, match=r"Sequential: .*function"):
        nn.Sequential(nn.Flatten(), F.relu)  # type: ignore[arg-type]


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Empty defines no forward"):
        type("Empty", (nn.Module,), {})()(zeros(1))


def test_repr_shows_the_tree() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), padding=1, bias=False),
        nn.Sequential(nn.BatchNorm2d(2), nn.MaxPool2d(2)),
        nn.Linear(8, 3),
    )
    assert repr(model) == "\n".join(
        [
            "Sequential(",
            "  (0): Conv2d(1, 2, kernel_size=(3, 2), stride=1, padding=1, dilation=1, bias=False)",
            "  (1): Sequential(",
            "    (0): BatchNorm2d(2, eps=1e-05, momentum=0.1)",
            "    (1): MaxPool2d(2, stride=2, padding=0)",
            "  )",
            "  (2): Linear(8, 3, bias=True)",
            ")",
        ]
    )
    assert [repr(m) for m in (nn.ReLU(), nn.Softmax(1))] == ["ReLU()", "Softmax(dim=1)"]


# --- init ----------------------------------------------------------------------------------------


def test_kaiming_uniform_fills_its_interval_evenly(rng: Generator) -> None:
    w = init.kaiming_uniform((200, 10, 5, 5), rng)  # 50,000 values, fan_in 250
    bound = 250**-0.5
    assert w.dtype == np.float32
    assert 0.999 * bound < np.abs(w).max() <= np.float32(bound)
    # A uniform variance, bound**2 / 3; six standard errors of mean and variance.
    error = 6 / w.size**0.5
    assert abs(w.mean(dtype=np.float64)) < error * bound / 3**0.5
    assert abs(w.var(dtype=np.float64) / (bound**2 / 3) - 1) < error * 0.8**0.5
    wide = init.kaiming_uniform((200, 250), rng, a=0)
    assert 0.999 < np.abs(wide).max() / (6 / 250) ** 0.5 < 1.0001


@pytest.mark.parametrize(("a", "variance"), [(0.0, 2 / 250), (1.0, 1 / 250)])
def test_kaiming_normal_has_its_variance(a: float, variance: float, rng: Generator) -> None:
    w = init.kaiming_normal((800, 250), rng, a)
    assert w.dtype == np.float32
    error = 6 / w.size**0.5
    assert abs(w.mean(dtype=np.float64)) < error * variance**0.5
    assert abs(w.var(dtype=np.float64) / variance - 1) < error * 2**0.5
    assert np.abs(w).max() > 3.5 * variance**0.5  # it has tails, and is not uniform


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [
        pytest.param(lambda rng: nn.Linear(64, 50, rng=rng), 64, id="Linear"),
        pytest.param(lambda rng: nn.Conv2d(4, 50, (2, 8), rng=rng), 64, id="Conv2d"),
    ],
)
def test_layers_start_within_their_bounds(
    build: Callable[[Generator | None], nn.Module], fan_in: int
) -> None:
    state = build(np.random.default_rng(0)).state_dict()
    for array in state.values():
        assert array.dtype == np.float32
        assert 0.9 < np.abs(array).max() * fan_in**0.5 < 1.0001
    again = build(np.random.default_rng(0)).state_dict()
    assert [a.tobytes() for a in again.values()] == [a.tobytes() for a in state.values()]
    other = build(np.random.default_rng(1)).state_dict()
    assert all(not np.array_equal(other[name], state[name]) for name in state)
    one, two = (build(None).state_dict()["weight"] for _ in range(2))
    assert not np.array_equal(one, two)  # without a generator no two layers are the same


@pytest.mark.parametrize("shape", [(5,), (), (4, 0, 3)])
def test_no_fan_in_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"fan_in: .*{re.escape(str(shape))} given"):
        init.kaiming_uniform(shape)
