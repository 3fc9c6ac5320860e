"""Every op and its rules, and random compositions of them, jitted beside the tape: to the bit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.jitted_ways.playing import picture, unlike
from support.specs.running import call, variables
from support.specs.sampling import Sample
from support.specs.specs import SPECS, Spec
from support.tracing import moved, second_derivatives

from autograd import Tensor, jit
from autograd.jitting.jit import JitWarning

Array = np.ndarray[Any, Any]

# Whose rules decide by numbers, so that what has a sweep within it runs plainly.
PLAIN = {"cumprod", "qr", "eigh", "svd", "divided", "with_eigenvalues", "with_singular_values"}


def _series(spec: Spec, sample: Sample, wanted: list[int]) -> list[list[Array]]:
    """What to call it on: the sample, and numbers near it where the op takes these."""
    rng = np.random.default_rng(3)
    xs = [np.array(sample.args[i]) for i in wanted]
    found = [xs]
    for _ in range(4):
        others = moved(xs, rng)
        own = dict(zip((id(sample.args[i]) for i in wanted), others, strict=True))
        try:
            spec.op.forward(*[own.get(id(a), a) for a in sample.args], **sample.options)
        except (ValueError, np.linalg.LinAlgError):
            others = xs  # they are none of this op's
        found.append(others)
    return found


def _seen(f: Callable[..., Any], series: list[list[Array]]) -> list[Any]:
    """What f gives, and the gradients of its arguments, for each."""
    notes = []
    for xs in series:
        leaves = [Tensor(x, requires_grad=True) for x in xs]
        outs: Sequence[Tensor] = f(*leaves)
        notes.append(picture(outs))
        for out in outs:
            if out.requires_grad:
                weights = np.cos(np.arange(out.size)).reshape(out.shape)
                out.backward(Tensor(weights.astype(out.dtype)), retain_graph=True)
        notes.append(picture(leaves))
    return notes


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_every_op(spec: Spec) -> None:
    expect_the_same(spec, spec.draw()[:1])


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_every_op_once_more(spec: Spec) -> None:
    expect_the_same(spec, spec.draw()[1:2])


def expect_the_same(spec: Spec, samples: Sequence[Sample]) -> None:
    for sample in samples:
        wanted = variables(spec, sample.args) if spec.op.differentiable else []
        places = [id(sample.args[i]) for i in wanted]

        def f(*xs: Tensor, sample: Sample = sample, places: list[int] = places) -> Any:
            own = dict(zip(places, xs, strict=True))
            return call(spec, [own.get(id(a), a) for a in sample.args], sample.options)

        with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            series = _series(spec, sample, wanted)
            assert unlike(_seen(f, series), _seen(jit(f), series)) is None
        plain = any(issubclass(w.category, JitWarning) for w in caught)
        assert not plain or spec.op.name in PLAIN, [str(w.message) for w in caught]


@pytest.mark.parametrize("seed", range(10))
def test_random_compositions_with_second_derivatives(seed: int) -> None:
    _expect_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 150))
def test_more_random_compositions(seed: int) -> None:
    _expect_random(seed)


def _expect_random(seed: int) -> None:
    drawn, _, _, second = second_derivatives(seed)
    xs, rng = [np.array(x) for x in drawn.inputs], np.random.default_rng(seed)
    jitted = jit(second)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", JitWarning)
        for _ in range(4):
            try:
                wanted = second(*map(Tensor, xs))
            except RuntimeError:
                return  # a rule that reads what its forward saved has no second derivative
            told = unlike(picture(wanted), picture(jitted(*map(Tensor, xs))))
            assert told is None, f"seed {seed}: {told}"
            xs = moved(xs, rng)


@pytest.mark.parametrize("seed", range(3))
def test_products_of_a_matrix_with_its_own_transpose(seed: int) -> None:
    # BLAS has a way of its own where both lie in one array, and another rounding.
    x = np.random.default_rng(seed).normal(size=(128, 256)).astype(np.float32)
    got = jit(lambda x: x @ x.T, backend="numpy")(x)
    np.testing.assert_allclose(np.asarray(got), x @ x.T, rtol=1e-5, atol=1e-4)
