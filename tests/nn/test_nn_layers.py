"""What holds of every layer: dtypes, layouts in memory, batches of none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import gradients

import nn
from autograd import Tensor

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


Layer = tuple[Callable[[Generator], nn.Module], tuple[int, ...]]

# A layer and the shape of an input, batch first.
LAYERS: dict[str, Layer] = {
    "Linear": (lambda rng: nn.Linear(6, 4, rng=rng), (5, 6)),
    "Conv2d": (lambda rng: nn.Conv2d(3, 4, 3, 2, 1, 2, rng=rng), (4, 3, 6, 7)),
    "BatchNorm2d": (lambda rng: nn.BatchNorm2d(3), (4, 3, 5, 2)),
    "BatchNorm2d-momentum-None": (lambda rng: nn.BatchNorm2d(3, momentum=None), (4, 3, 5, 2)),
    "BatchNorm2d-eval": (lambda rng: nn.BatchNorm2d(3).eval(), (4, 3, 5, 2)),
    "BatchNorm1d": (lambda rng: nn.BatchNorm1d(3), (4, 3)),
    "BatchNorm1d-sequences": (lambda rng: nn.BatchNorm1d(3), (4, 3, 5)),
    "LayerNorm": (lambda rng: nn.LayerNorm((3, 5)), (4, 2, 3, 5)),
    "GroupNorm": (lambda rng: nn.GroupNorm(2, 4), (4, 4, 3, 5)),
    "Conv1d": (lambda rng: nn.Conv1d(3, 4, 3, 2, 1, 2, rng=rng), (4, 3, 9)),
    "Conv2d-groups": (lambda rng: nn.Conv2d(4, 6, 3, groups=2, rng=rng), (4, 4, 6, 7)),
    "Conv2d-depthwise": (lambda rng: nn.Conv2d(3, 3, 3, groups=3, rng=rng), (4, 3, 6, 7)),
    "Conv2d-same": (lambda rng: nn.Conv2d(3, 2, 4, padding="same", rng=rng), (4, 3, 6, 7)),
    "MaxPool1d": (lambda rng: nn.MaxPool1d(3, 2, 1), (4, 3, 8)),
    "AvgPool1d": (lambda rng: nn.AvgPool1d(3, 2, 1), (4, 3, 8)),
    "AvgPool2d": (lambda rng: nn.AvgPool2d(2), (4, 3, 6, 7)),
    "AvgPool2d-uneven": (
        lambda rng: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (4, 3, 6, 7),
    ),
    "AdaptiveAvgPool2d": (lambda rng: nn.AdaptiveAvgPool2d(1), (4, 3, 6, 7)),
    "AdaptiveAvgPool2d-uneven": (lambda rng: nn.AdaptiveAvgPool2d((4, 3)), (4, 3, 6, 7)),
    "Dropout": (lambda rng: nn.Dropout(0.4).eval(), (4, 5)),
    "ReLU": (lambda rng: nn.ReLU(), (4, 5)),
    "LeakyReLU": (lambda rng: nn.LeakyReLU(), (4, 5)),
    "ELU": (lambda rng: nn.ELU(), (4, 5)),
    "GELU": (lambda rng: nn.GELU(), (4, 5)),
    "GELU-tanh": (lambda rng: nn.GELU("tanh"), (4, 5)),
    "SiLU": (lambda rng: nn.SiLU(), (4, 5)),
    "Tanh": (lambda rng: nn.Tanh(), (4, 5)),
    "Sigmoid": (lambda rng: nn.Sigmoid(), (4, 5)),
    "Softplus": (lambda rng: nn.Softplus(2.0), (4, 5)),
    "LogSoftmax": (lambda rng: nn.LogSoftmax(), (4, 5)),
    "Identity": (lambda rng: nn.Identity(), (4, 5)),
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


HALF = np.float64(0.5)
HYPERPARAMETERS: dict[str, nn.Module] = {
    "LayerNorm": nn.LayerNorm(5, eps=HALF),
    "GroupNorm": nn.GroupNorm(1, 4, eps=HALF),
    "Dropout": nn.Dropout(HALF),
    "LeakyReLU": nn.LeakyReLU(HALF),
    "ELU": nn.ELU(HALF),
    "Softplus": nn.Softplus(HALF, HALF),
}


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_numpys_hyperparameters_stay_float32(name: str, rng: Generator) -> None:
    x = Tensor(rng.standard_normal((3, 4, 5), np.float32), requires_grad=True)
    y = HYPERPARAMETERS[name](x)
    y.sum().backward()
    assert x.grad is not None
    assert {y.dtype, x.grad.dtype} == {np.dtype(np.float32)}


LOSSES: dict[str, nn.Module] = {
    "MSELoss": nn.MSELoss(),
    "L1Loss": nn.L1Loss(),
    "HuberLoss": nn.HuberLoss(delta=HALF),
    "SmoothL1Loss": nn.SmoothL1Loss(beta=HALF),
    "BCEWithLogitsLoss": nn.BCEWithLogitsLoss([HALF], pos_weight=np.ones(3)),
    "NLLLoss": nn.NLLLoss(np.ones(3)),
    "CrossEntropyLoss": nn.CrossEntropyLoss(np.ones(3), label_smoothing=HALF),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_float32(name: str, rng: Generator) -> None:
    x = Tensor(rng.standard_normal((4, 3), np.float32), requires_grad=True)
    of_classes = name in ("NLLLoss", "CrossEntropyLoss")
    loss = LOSSES[name](x, [0, 1, 2, 0] if of_classes else rng.random((4, 3)))
    loss.backward()
    assert x.grad is not None
    assert {loss.dtype, x.grad.dtype} == {np.dtype(np.float32)}


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
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.training:
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
