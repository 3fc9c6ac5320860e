"""Normalisation against loops written by hand, and the state of its layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import assert_gradients, moments_by_loops

import nn
from autograd import Tensor
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


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


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.BatchNorm2d])
def test_batch_norm_refuses_one_running_statistic_without_the_other(layer: Any, mode: str) -> None:
    x = Tensor(np.eye(4).reshape(4, 2, *([2] if layer is nn.BatchNorm1d else [2, 1])))
    for missing in ("running_mean", "running_var"):
        norm = layer(2).to(np.float64).train(mode == "train")
        setattr(norm, missing, None)
        with pytest.raises(ValueError, match=rf"batch_norm: {missing}=None given"):
            norm(x)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_does_not_count_a_batch_that_it_refuses(momentum: float | None) -> None:
    norm = nn.BatchNorm2d(2, momentum=momentum)
    before = norm.state_dict()
    for shape in ((1, 2, 1, 1), (3, 5, 2, 2)):
        with pytest.raises(ValueError, match="expected"):
            norm(Tensor(np.zeros(shape, np.float32)))
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5)])
def test_batch_norm_1d_is_that_of_images_of_one_row(shape: Any, rng: Generator) -> None:
    sequences, images = nn.BatchNorm1d(3).to(np.float64), nn.BatchNorm2d(3).to(np.float64)
    x = rng.standard_normal(shape)
    as_images = x.reshape(*shape, *(1,) * (4 - len(shape)))
    y = sequences(Tensor(x)).data
    expected = images(Tensor(as_images)).data.reshape(shape)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)
    for name, value in images.state_dict().items():
        np.testing.assert_allclose(sequences.state_dict()[name], value, rtol=1e-12)


def standardized_by_loops(values: Array, eps: float) -> Array:
    mean = sum(values.flat) / values.size
    var = sum((v - mean) ** 2 for v in values.flat) / values.size
    return np.asarray((values - mean) / (var + eps) ** 0.5)


@pytest.mark.parametrize("normalized", [4, (4,), (3, 4), (2, 3, 4)], ids=str)
def test_layer_norm(normalized: Any, rng: Generator) -> None:
    shape = (normalized,) if isinstance(normalized, int) else normalized
    x = 2 * rng.standard_normal((2, 3, 4)) + 5
    w, b = rng.standard_normal(shape), rng.standard_normal(shape)
    expected = np.zeros_like(x)
    for index in np.ndindex(*x.shape[: 3 - len(shape)]):
        expected[index] = standardized_by_loops(x[index], 1e-3) * w + b
    y = F.layer_norm(Tensor(x), normalized, Tensor(w), Tensor(b), 1e-3).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    assert_gradients(lambda x, w, b: F.layer_norm(x, normalized, w, b, 1e-3), rng, x, w, b)
    plain = F.layer_norm(Tensor(x), normalized, eps=1e-3).data
    np.testing.assert_allclose(plain * w + b, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("rest", [(), (3,), (2, 3)], ids=str)
def test_group_norm(groups: int, rest: tuple[int, ...], rng: Generator) -> None:
    x = 2 * rng.standard_normal((2, 4, *rest)) + 5
    w, b = rng.standard_normal(4), rng.standard_normal(4)
    expected = np.zeros_like(x)
    for n, first in np.ndindex(2, groups):
        part = slice(first * 4 // groups, (first + 1) * 4 // groups)
        expected[n, part] = standardized_by_loops(x[n, part], 1e-3)
    affine = (4, *(1,) * len(rest))
    expected = expected * w.reshape(affine) + b.reshape(affine)
    y = F.group_norm(Tensor(x), groups, Tensor(w), Tensor(b), 1e-3).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    assert_gradients(lambda x, w, b: F.group_norm(x, groups, w, b, 1e-3), rng, x, w, b)


def test_layers_of_normalization_start_as_standardization(rng: Generator) -> None:
    x = rng.standard_normal((3, 4, 5)).astype(np.float32)
    for layer, axes in ((nn.LayerNorm(5), (2,)), (nn.GroupNorm(1, 4), (1, 2))):
        y = layer(Tensor(x)).data
        np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-6)
        np.testing.assert_allclose(y.var(axis=axes), 1, atol=1e-3)
    assert list(nn.LayerNorm(5, bias=False).state_dict()) == ["weight"]
    assert nn.LayerNorm(5, elementwise_affine=False).state_dict() == {}
    assert nn.GroupNorm(2, 4, affine=False).state_dict() == {}


def test_statistics_are_bound_to_new_arrays(rng: Generator) -> None:
    # A record of an evaluation may hold the old ones.
    norm = nn.BatchNorm2d(2)
    assert norm.running_mean is not None and norm.running_var is not None
    arrays = [norm.running_mean.data, norm.running_var.data]
    norm(Tensor(rng.standard_normal((3, 2, 4, 4), np.float32)))
    assert norm.running_mean.data.any()
    np.testing.assert_array_equal(arrays, [[0, 0], [1, 1]])
