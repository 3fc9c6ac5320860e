"""Linear maps, activations, embeddings and flatten against their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import assert_gradients, distinct, softmax_by_loops

import nn
from autograd import Tensor
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


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


def normal_distribution(v: float) -> float:
    return (1 + math.erf(v / math.sqrt(2))) / 2


# The function, and its formula for one number.
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[float], float]]] = {
    "leaky_relu": (F.leaky_relu, lambda v: v if v > 0 else 0.01 * v),
    "leaky_relu-0.3": (lambda x: F.leaky_relu(x, 0.3), lambda v: v if v > 0 else 0.3 * v),
    "elu": (F.elu, lambda v: v if v > 0 else math.expm1(v)),
    "elu-2": (lambda x: F.elu(x, 2), lambda v: v if v > 0 else 2 * math.expm1(v)),
    "gelu": (F.gelu, lambda v: v * normal_distribution(v)),
    "gelu-tanh": (
        lambda x: F.gelu(x, "tanh"),
        lambda v: v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
    ),
    "sigmoid": (F.sigmoid, lambda v: 1 / (1 + math.exp(-v))),
    "silu": (F.silu, lambda v: v / (1 + math.exp(-v))),
    "tanh": (F.tanh, math.tanh),
    "softplus": (F.softplus, lambda v: math.log1p(math.exp(v))),
    "softplus-beta": (lambda x: F.softplus(x, 3.0), lambda v: math.log1p(math.exp(3 * v)) / 3),
    # Above the threshold it is x, which differs from the formula by 0.1 there.
    "softplus-threshold": (
        lambda x: F.softplus(x, 2.0, 1.5),
        lambda v: v if 2 * v > 1.5 else math.log1p(math.exp(2 * v)) / 2,
    ),
}
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


@every_activation
def test_activations(name: str, rng: Generator) -> None:
    f, formula = ACTIVATIONS[name]
    x = distinct(rng, 6, 5) - 3.625  # neither 0 nor 0.75 is within a step of any
    expected = np.vectorize(formula)(x)
    np.testing.assert_allclose(f(Tensor(x)).data, expected, rtol=1e-13, atol=1e-15, strict=True)
    assert_gradients(f, rng, x)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_neither_overflow_nor_drift(name: str, dtype: Any) -> None:
    x = Tensor(np.array([-1e4, -90, -1e-30, 0, 1e-30, 90, 1e4], dtype), requires_grad=True)
    y = ACTIVATIONS[name][0](x)
    y.sum().backward()
    assert x.grad is not None
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad.data).all()


def test_slopes_at_the_kinks_are_those_from_below() -> None:
    layers: list[tuple[nn.Module, float]] = [(nn.LeakyReLU(0.3), 0.3), (nn.ELU(2.0), 2.0)]
    for layer, slope in layers:
        x = Tensor([0.0, -0.0], requires_grad=True)
        layer(x).sum().backward()
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.data, [slope, slope])


def test_the_layers_are_the_functions(rng: Generator) -> None:
    x = Tensor(rng.standard_normal((4, 5)))
    pairs: list[tuple[nn.Module, Tensor]] = [
        (nn.LeakyReLU(), F.leaky_relu(x)),
        (nn.LeakyReLU(0.2), F.leaky_relu(x, 0.2)),
        (nn.ELU(), F.elu(x)),
        (nn.ELU(0.5), F.elu(x, 0.5)),
        (nn.GELU(), F.gelu(x)),
        (nn.GELU("tanh"), F.gelu(x, "tanh")),
        (nn.SiLU(), F.silu(x)),
        (nn.Tanh(), F.tanh(x)),
        (nn.Sigmoid(), F.sigmoid(x)),
        (nn.Softplus(), F.softplus(x)),
        (nn.Softplus(2.0, 1.0), F.softplus(x, 2.0, 1.0)),
        (nn.LogSoftmax(), F.log_softmax(x)),
        (nn.LogSoftmax(0), F.log_softmax(x, 0)),
    ]
    outcomes = [layer(x).data for layer, _ in pairs]
    for (layer, expected), y in zip(pairs, outcomes, strict=True):
        np.testing.assert_array_equal(y, expected.data, err_msg=repr(layer))
    for (layer, _), y, other in zip(pairs[1:], outcomes[1:], outcomes, strict=False):
        assert not np.allclose(y, other), layer  # or an argument would have been ignored
    assert nn.Identity(3, some="thing")(x) is x


# --- embeddings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [None, 1, -4])
def test_embedding(padding: int | None, rng: Generator) -> None:
    weight = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    indices = np.array([[1, 4, 1], [0, 1, 3]])
    y = F.embedding(indices, weight, padding)
    np.testing.assert_array_equal(y.data, [[weight.data[i] for i in row] for row in indices])
    g = rng.standard_normal(y.shape)
    y.backward(g)
    expected = np.zeros((5, 3))
    for place, i in np.ndenumerate(indices):
        if padding is None or i != 1:
            expected[i] += g[place]
    assert weight.grad is not None
    np.testing.assert_allclose(weight.grad.data, expected, rtol=1e-12)


def test_the_padding_row_starts_as_zeros_and_stays_so(rng: Generator) -> None:
    layer = nn.Embedding(6, 4, padding_idx=-2, rng=rng)
    assert layer.padding_idx == 4
    assert not layer.weight.data[4].any()
    assert layer.weight.data[[0, 1, 2, 3, 5]].all()
    optimizer = nn.optim.SGD(layer.parameters(), lr=0.1)
    (layer(Tensor([4, 0])) * Tensor(np.ones(4, np.float32))).sum().backward()
    before = layer.weight.data
    optimizer.step()
    assert not layer.weight.data[4].any()
    assert not np.array_equal(layer.weight.data[0], before[0])


# --- flatten -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "dims", "expected"),
    [
        ((2, 3, 4), (), (24,)),
        ((2, 3, 4), (1,), (2, 12)),
        ((2, 3, 4), (0, 1), (6, 4)),
        ((2, 3, 4), (-2, -1), (2, 12)),
        ((2, 3, 4), (1, 1), (2, 3, 4)),
        ((5,), (), (5,)),
        ((), (), (1,)),
        ((0, 3, 4), (1,), (0, 12)),
        ((2, 0, 4), (1,), (2, 0)),
    ],
)
def test_flatten(shape: Any, dims: Any, expected: Any) -> None:
    x = Tensor(np.arange(math.prod(shape)).reshape(shape))
    y = F.flatten(x, *dims)
    assert y.shape == expected
    np.testing.assert_array_equal(y.data.ravel(), x.data.ravel())


def test_flatten_of_what_has_no_batch_is_an_error_of_the_axis() -> None:
    with pytest.raises(IndexError, match=r"flatten: start_dim=1 .* shape \(5,\)"):
        nn.Flatten()(Tensor(np.zeros(5)))
    with pytest.raises(IndexError, match=r"flatten: end_dim=3 .* shape \(2, 3\)"):
        F.flatten(Tensor(np.zeros((2, 3))), 0, 3)
    with pytest.raises(ValueError, match=r"flatten: start_dim=1 comes after end_dim=0"):
        F.flatten(Tensor(np.zeros((2, 3))), 1, 0)
    assert nn.Flatten(0, 1)(Tensor(np.zeros((2, 3, 4)))).shape == (6, 4)


OPTIONS: dict[str, Callable[..., Tensor]] = {
    "leaky_relu, negative_slope": lambda x, a: F.leaky_relu(x, negative_slope=a),
    "elu, alpha": lambda x, a: F.elu(x, alpha=a),
    "softplus, beta": lambda x, a: F.softplus(x, beta=a),
    "huber_loss, delta": lambda x, a: F.huber_loss(x, np.zeros(x.shape), delta=a),
    "smooth_l1_loss, beta": lambda x, a: F.smooth_l1_loss(x, np.zeros(x.shape), beta=a),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_are_tensors_have_gradients(name: str, rng: Generator) -> None:
    f, x = OPTIONS[name], distinct(rng, 3, 4) - 1.375
    assert_gradients(f, rng, x, np.array(0.7))
    narrow = Tensor(x, dtype=np.float32, requires_grad=True)
    option = Tensor(0.7, requires_grad=True)  # float64: it does not widen the result
    out = f(narrow, option)
    assert out.dtype == np.float32
    out.sum().backward()
    assert option.grad is not None
    assert option.grad.dtype == np.float64
    np.testing.assert_array_equal(f(narrow, Tensor(0.5)).data, f(narrow, 0.5).data)


def test_options_that_decide_are_numbers() -> None:
    threshold = Tensor(20.0, requires_grad=True)
    with pytest.raises(TypeError, match="softplus: the option 'threshold' is a Tensor"):
        F.softplus(Tensor([1.0]), threshold=threshold)  # type: ignore[arg-type]
