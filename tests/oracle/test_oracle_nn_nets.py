"""Whole networks against PyTorch: state dicts, gradients, statistics, steps of training."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_beside_torch import (
    DTYPES,
    assert_agree,
    torch_dtype,
)

import autograd as ag
import nn
from autograd import Tensor
from mnist.models import MODELS
from nn import functional as F
from nn.optim import SGD

pytestmark = pytest.mark.oracle

Array = NDArray[Any]
Generator = np.random.Generator


def twin(torch: Any, module: nn.Module) -> Any:
    """The same architecture in torch, with values of its own."""
    if isinstance(module, nn.Sequential):
        return torch.nn.Sequential(*(twin(torch, child) for child in module))
    if isinstance(module, nn.Conv2d):
        outputs, inputs, *window = module.weight.shape
        places = module.stride, module.padding, module.dilation
        return torch.nn.Conv2d(inputs, outputs, window, *places, bias=module.bias is not None)
    if isinstance(module, nn.Linear):
        return torch.nn.Linear(*module.weight.shape[::-1], bias=module.bias is not None)
    if isinstance(module, nn.BatchNorm2d):
        return torch.nn.BatchNorm2d(module.num_features, module.eps, module.momentum)
    if isinstance(module, nn.MaxPool2d):
        return torch.nn.MaxPool2d(module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.Dropout):
        return torch.nn.Dropout(module.p)
    return getattr(torch.nn, type(module).__name__)()


def twins(torch: Any, net: str, rng: Generator, dtype: Any) -> tuple[nn.Sequential, Any]:
    """A net and its copy in torch, of the same values, with BatchNorm's parameters moved a bit.

    Dropout leaves nothing out: the two draw from different generators.
    """
    model = MODELS[net](rng)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight is not None and module.bias is not None
            # Multiples of 1/16, of either sign of the bias: half of the ReLUs are at 0.
            size = module.num_features
            module.weight.data = (rng.integers(8, 25, size) / 16).astype(np.float32)
            module.bias.data = (rng.integers(-8, 9, size) / 16).astype(np.float32)
    model.to(dtype)
    copy = twin(torch, model).to(torch_dtype(torch, dtype))
    give_state(torch, copy, model)
    return model, copy


def give_state(torch: Any, copy: Any, model: nn.Module) -> None:
    copy.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})


def digits(rng: Generator, n: int, dtype: Any) -> Array:
    """Images of noise on an empty background, as the digits' is."""
    images = np.zeros((n, 1, 28, 28), dtype)
    images[:, :, 5:22, 6:24] = rng.random((n, 1, 17, 18))
    return images


def few_levels(rng: Generator, n: int, dtype: Any) -> Array:
    """Images of three grey levels in tiles of 2x2: neighbouring windows see the same, and tie."""
    return rng.integers(0, 3, (n, 1, 14, 14)).repeat(2, 2).repeat(2, 3).astype(dtype) / 2


def first_weight(model: nn.Sequential) -> nn.Parameter:
    assert isinstance(model[0], nn.Conv2d)
    return model[0].weight


def coarsen(parameter: nn.Parameter) -> None:
    """Round weights to eighths: with images of few levels, all sums are exact, and many tie."""
    parameter.data = np.round(parameter.data * 8) / 8


@DTYPES
@pytest.mark.parametrize("net", MODELS)
def test_a_state_dict_moves_to_torch_and_back(
    torch: Any, net: str, dtype: Any, rng: Generator
) -> None:
    model, copy = twins(torch, net, rng, dtype)
    assert list(model.state_dict()) == list(copy.state_dict())
    assert [k for k, _ in model.named_parameters()] == [k for k, _ in copy.named_parameters()]
    assert [k for k, _ in model.named_buffers()] == [k for k, _ in copy.named_buffers()]
    x = digits(rng, 4, dtype)
    # A step in training, so that counts and running statistics have moved as well.
    model(Tensor(x))
    copy(torch.from_numpy(x))
    returned = MODELS[net](rng).to(dtype)
    returned.load_state_dict(copy.state_dict())
    for name, value in copy.state_dict().items():
        np.testing.assert_array_equal(returned.state_dict()[name], value.numpy(), strict=True)
    assert_agree(returned.eval()(Tensor(x)), copy.eval()(torch.from_numpy(x)))
    give_state(torch, copy, model)


def test_shared_modules_and_parameters_have_torchs_names(torch: Any, rng: Generator) -> None:
    shared, tied = nn.Linear(3, 3, rng=rng), nn.Linear(3, 3, rng=rng)
    tied.weight = shared.weight
    model = nn.Sequential(shared, nn.ReLU(), shared, tied)
    shared_, tied_ = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    tied_.weight = shared_.weight
    copy = torch.nn.Sequential(shared_, torch.nn.ReLU(), shared_, tied_)
    assert [k for k, _ in model.named_parameters()] == [k for k, _ in copy.named_parameters()]
    assert list(model.state_dict()) == list(copy.state_dict())


def far_from_kinks(model: nn.Sequential, draw: Callable[[], Array]) -> Array:
    """Images that leave it to no rounding which side of a kink is taken.

    A float32 of order 1 is off by some 1e-7 after a few layers. A ReLU's argument nearer to 0 than
    that, or two values nearer than that in a window of a pool, decide about a whole gradient.
    Values that tie exactly are welcome.
    """
    exact = deepcopy(model)
    exact.to(np.float64)
    for _ in range(50):
        images = draw()
        x, nearest = Tensor(images.astype(np.float64)), np.inf
        for module in exact:
            if isinstance(module, nn.ReLU):
                nearest = min(nearest, np.abs(x.data).min())
            if isinstance(module, nn.MaxPool2d):
                ordered = np.sort(quarters(x.data), axis=0)
                gaps = (ordered[3] - ordered[2])[ordered[3] > 0]
                nearest = min(nearest, gaps[gaps > 1e-12].min())
            with ag.no_grad():
                x = module(x)
        if nearest > 3e-6:
            return images
    raise AssertionError("no images far from all kinks")


def quarters(x: Array) -> Array:
    """The four pixels of each window of 2x2, along a new first axis."""
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]  # an odd last row is in no window
    return np.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])


def assert_gradients_agree(
    torch: Any, model: nn.Module, copy: Any, x: Array, rng: Generator
) -> None:
    """Loss and every gradient, with torch's in the same precision and with torch's in float64."""
    classes = rng.integers(0, 10, len(x))
    loss = F.cross_entropy(model(Tensor(x)), classes)
    loss.backward()
    for dtype in {x.dtype, np.dtype(np.float64)}:
        copy = copy.to(torch_dtype(torch, dtype))
        copy.zero_grad()
        scores_ = copy(torch.from_numpy(x.astype(dtype)))
        loss_ = torch.nn.functional.cross_entropy(scores_, torch.from_numpy(classes))
        loss_.backward()
        theirs = {name: parameter.grad for name, parameter in copy.named_parameters()}
        of = f"with torch's {dtype}"
        assert_agree(loss, loss_.to(torch_dtype(torch, x.dtype)), name=f"loss {of}")
        for name, parameter in model.named_parameters():
            grad_ = theirs.pop(name).to(torch_dtype(torch, x.dtype))
            assert_agree(parameter.grad, grad_, name=f"{name} {of}")
        assert not theirs


@DTYPES
@pytest.mark.parametrize("net", MODELS)
@pytest.mark.usefixtures("plain_kernels")
def test_every_parameters_gradient(torch: Any, net: str, dtype: Any, rng: Generator) -> None:
    model, copy = twins(torch, net, rng, dtype)
    x = far_from_kinks(model, lambda: digits(rng, 8, dtype))
    assert_gradients_agree(torch, model, copy, x, rng)


@DTYPES
@pytest.mark.parametrize("net", MODELS)
@pytest.mark.usefixtures("plain_kernels")
def test_every_parameters_gradient_where_maxima_tie(
    torch: Any, net: str, dtype: Any, rng: Generator
) -> None:
    model, copy = twins(torch, net, rng, dtype)
    coarsen(first_weight(model))
    give_state(torch, copy, model)
    x = far_from_kinks(model, lambda: few_levels(rng, 8, dtype))
    y = model[2](model[1](model[0](Tensor(x)))).data
    peaks = quarters(y).max(axis=0)
    ties = (quarters(y) == peaks).sum(axis=0) > 1
    # Else this would be no other test than the one before.
    assert (ties & (peaks > 0)).mean() > 0.01
    assert (ties & (peaks == 0)).mean() > 0.01
    assert_gradients_agree(torch, model, copy, x, rng)


@DTYPES
@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
def test_batch_norm_buffers_after_ten_steps(
    torch: Any, momentum: float | None, dtype: Any, rng: Generator
) -> None:
    norm = nn.BatchNorm2d(6, momentum=momentum).to(dtype)
    norm_ = torch.nn.BatchNorm2d(6, momentum=momentum).to(torch_dtype(torch, dtype))
    for _ in range(10):
        x = (2 * rng.standard_normal((8, 6, 7, 5)) + 1).astype(dtype)
        norm(Tensor(x))
        norm_(torch.from_numpy(x))
    for name, value in norm_.state_dict().items():
        tolerance = 0 if name == "num_batches_tracked" else None
        assert_agree(norm.state_dict()[name], value, tolerance, name)
    assert norm.state_dict()["num_batches_tracked"] == 10
    x = rng.standard_normal((8, 6, 7, 5)).astype(dtype)
    assert_agree(norm.eval()(Tensor(x)), norm_.eval()(torch.from_numpy(x)))


@pytest.mark.parametrize("net", MODELS)
def test_ten_steps_of_training(torch: Any, net: str, rng: Generator) -> None:
    # In float64 only: rounding decides ReLUs near 0, and training carries that on.
    model, copy = twins(torch, net, rng, np.float64)
    optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    optimizer_ = torch.optim.SGD(copy.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    for _ in range(10):
        x, classes = digits(rng, 4, np.float64), rng.integers(0, 10, 4)
        optimizer.zero_grad()
        optimizer_.zero_grad()
        F.cross_entropy(model(Tensor(x)), classes).backward()
        y = copy(torch.from_numpy(x))
        torch.nn.functional.cross_entropy(y, torch.from_numpy(classes)).backward()
        optimizer.step()
        optimizer_.step()
    state = model.state_dict()
    for name, value in copy.state_dict().items():
        assert_agree(state[name], value, 1e-10, name)
