"""Initial values of weights, drawn from a generator that the caller seeds."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd.random import Generator, default_generator

# Where random numbers come from: NumPy's generator, the project's, or where None is given, the
# thread's own, which `autograd.random.seed` seeds. In words: numpy.random takes time to import.
Source: TypeAlias = "np.random.Generator | Generator | None"


def kaiming_uniform(shape: tuple[int, ...], rng: Source = None, a: float = sqrt(5)) -> NDArray[Any]:
    """float32 weights U(-b, b), b = sqrt(6 / ((1 + a^2) fan_in)) (He et al. 2015, eq. 10, 14).

    `a` is the negative slope of the leaky ReLU that follows. The default, sqrt(5), gives
    b = 1 / sqrt(fan_in), with which PyTorch initialises its linear and convolution layers.

    Args:
        shape: (out, in, ...); fan_in is the product of all lengths but the first.
        rng: source of randomness; by default the thread's `autograd.random` generator.
    """
    return uniform(shape, sqrt(6 / ((1 + a * a) * fan_in(shape))), rng)


def kaiming_normal(shape: tuple[int, ...], rng: Source = None, a: float = 0.0) -> NDArray[Any]:
    """float32 weights N(0, 2 / ((1 + a^2) fan_in)) (He et al. 2015, eq. 10 and 14)."""
    return normal(shape, sqrt(2 / ((1 + a * a) * fan_in(shape))), rng)


def uniform(shape: tuple[int, ...], bound: float, rng: Source = None) -> NDArray[Any]:
    """float32 values U(-bound, bound)."""
    return _numpys(rng).uniform(-bound, bound, shape).astype(np.float32)


def normal(shape: tuple[int, ...], std: float, rng: Source = None) -> NDArray[Any]:
    """float32 values N(0, std^2)."""
    return (std * _numpys(rng).standard_normal(shape)).astype(np.float32)


def fan_in(shape: tuple[int, ...]) -> int:
    """How many inputs feed one output of a weight (out, in, ...)."""
    if len(shape) < 2 or not prod(shape):
        raise ValueError(f"fan_in: a weight (out, in, ...) without zeros expected, {shape} given")
    return prod(shape[1:])


def _numpys(rng: Source) -> np.random.Generator:
    if rng is None:
        rng = default_generator()
    return rng.numpy if isinstance(rng, Generator) else rng
