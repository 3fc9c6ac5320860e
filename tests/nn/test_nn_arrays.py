"""Functions of nn.functional take arrays where they expect tensors: the values are the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import nn.functional as F
from autograd import Tensor

_RNG = np.random.default_rng(0)


def _drawn(*shape: int) -> Any:
    return _RNG.standard_normal(shape)


# What each is given; functions that are not here take one array (2, 3, 8).
CALLS: dict[str, dict[str, Any]] = {
    "conv1d": {"x": _drawn(2, 3, 8), "weight": _drawn(4, 3, 3), "bias": _drawn(4)},
    "conv2d": {"x": _drawn(2, 3, 8, 8), "weight": _drawn(4, 3, 3, 3), "bias": _drawn(4)},
    "linear": {"x": _drawn(2, 3), "weight": _drawn(4, 3), "bias": _drawn(4)},
    "embedding": {"input": np.array([2, 0]), "weight": _drawn(3, 4)},
    "batch_norm": {
        "x": _drawn(5, 3),
        "running_mean": _drawn(3),
        "running_var": abs(_drawn(3)),
        "weight": _drawn(3),
    },
    "layer_norm": {"x": _drawn(2, 3), "normalized_shape": (3,), "weight": _drawn(3)},
    "group_norm": {"x": _drawn(2, 4, 3), "num_groups": 2, "weight": _drawn(4)},
    "max_pool1d": {"x": _drawn(2, 3, 8), "kernel_size": 2},
    "avg_pool1d": {"x": _drawn(2, 3, 8), "kernel_size": 2},
    "max_pool2d": {"x": _drawn(2, 3, 8, 8), "kernel_size": 2},
    "avg_pool2d": {"x": _drawn(2, 3, 8, 8), "kernel_size": 2},
    "adaptive_avg_pool2d": {"x": _drawn(2, 3, 8, 8), "output_size": 3},
    "cross_entropy": {"x": _drawn(2, 3), "target": np.array([2, 0]), "weight": abs(_drawn(3))},
    "nll_loss": {"x": _drawn(2, 3), "target": np.array([2, 0])},
    "leaky_relu": {"x": _drawn(2, 3), "negative_slope": np.array([0.1, 0.2, 0.3])},
    "dropout": {"x": _drawn(2, 3), "p": 0.5, "training": False},
} | {
    name: {"x": _drawn(2, 3), "target": abs(_drawn(2, 3)) % 1}
    for name in (
        "mse_loss",
        "l1_loss",
        "huber_loss",
        "smooth_l1_loss",
        "binary_cross_entropy_with_logits",
    )
}

FUNCTIONS = [
    f
    for _, f in inspect.getmembers(F, inspect.isfunction)
    if f.__name__ in set(F.__all__) - {"pair"}
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_arrays_give_what_tensors_give(function: Callable[..., Tensor]) -> None:
    call = CALLS.get(function.__name__, {"x": _drawn(2, 3, 8)})
    tensors = {
        name: Tensor(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for name, value in call.items()
    }
    expected = function(**tensors)
    for found in (function(**call), function(*call.values())):
        assert isinstance(found, Tensor) and found.dtype == expected.dtype
        assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize("which", ["running_mean", "running_var"])
def test_running_statistics_that_training_could_not_change_are_refused(which: str) -> None:
    given: Any = {"running_mean": Tensor(np.zeros(3)), "running_var": Tensor(np.ones(3))}
    given[which] = given[which].data
    with pytest.raises(TypeError, match=f"ndarray given for {which}, a Tensor expected in train"):
        F.batch_norm(_drawn(5, 3), **given, training=True)
