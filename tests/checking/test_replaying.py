"""A tape's program run again on tensors: what of it is recorded anew, shaken, or moved."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor
from autograd.checking.flow import Flow
from autograd.checking.replaying import Replay, ReplayError, Shake
from autograd.program.taping import calls_of_tape


def leaf(rng: np.random.Generator, dtype: str = "f8") -> Tensor:
    return Tensor(rng.uniform(0.5, 1.5, 3).astype(dtype), requires_grad=True)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_gradients_go_to_tensors_that_were_bound_to_other_arrays(
    dtype: str, rng: np.random.Generator
) -> None:
    x = leaf(rng, dtype)
    y = ag.exp(x)
    square = y * y * x
    x.data, y.data = x.data + 1, y.data - 2
    loss = (square * x * y).sum()
    flow, replay = Flow(loss), Replay(calls_of_tape(loss))
    again, places = Flow(replay.root), replay.places()
    assert replay.root.dtype == np.float64
    assert replay.root.item() == pytest.approx(loss.item(), rel=1e-6)
    for tensor in (x, y, square):
        assert tensor._place is not None
        expected, found = flow.at(tensor._place), again.at(places[tensor._place.serial])
        assert expected is not None and found is not None
        np.testing.assert_allclose(found, expected, 1e-5 if dtype == "f4" else 1e-14)


def test_what_is_detached_stays_as_it_was_where_a_tensor_is_moved(rng: np.random.Generator) -> None:
    x = leaf(rng)
    y = ag.exp(x)
    loss = (y.detach() * y * x.detach()).sum()
    taped, move = calls_of_tape(loss), np.array([0.5, 0.0, -0.25])
    assert x._place is not None
    moved = Replay(taped, None, {taped.slot(x._place): move}, recording=False)
    assert moved.root.data == pytest.approx(np.sum(y.data * np.exp(x.data + move) * x.data))
    assert moved.root._place is None


def test_outputs_of_one_call_are_moved_each_for_itself(rng: np.random.Generator) -> None:
    q, r = ag.qr(Tensor(rng.random((3, 3)), requires_grad=True))
    loss = (2 * q).sum() + r.sum()
    taped, move = calls_of_tape(loss), rng.random((3, 3))
    assert q._place is not None
    moved = Replay(taped, None, {taped.slot(q._place): move})
    assert moved.root.item() == pytest.approx(loss.item() + 2 * move.sum())


def test_what_cannot_be_computed_again_is_named(rng: np.random.Generator) -> None:
    draws = np.random.default_rng(0)

    @ag.primitive
    def noisy(x: np.ndarray) -> np.ndarray:
        return np.asarray(x * draws.random(x.shape))

    noisy.defvjp(lambda g, out, x: g)
    x = leaf(rng)
    with pytest.raises(ReplayError, match="'noisy' gives other numbers"):
        Replay(calls_of_tape(noisy(x).sum()))
    with pytest.raises(ReplayError, match="cannot be computed again from its arguments"):
        Replay(calls_of_tape(ag.checkpoint(lambda x: x * x)(x).sum()))


def test_what_is_shaken_moves_by_digits_and_ties_stay() -> None:
    x = Tensor(np.array([0.1, 0.7, 0.7, 3.0]), requires_grad=True)
    loss = (ag.max(x[:3]) * x**2).sum()
    taped = calls_of_tape(loss)
    replay = Replay(taped, Shake(1e-7, 0))
    assert replay.root.item() == pytest.approx(loss.item(), rel=1e-5)
    assert replay.root.item() != loss.item()
    assert x._place is not None
    shaken = replay.tensors[taped.slot(x._place)].data
    assert shaken[1] == shaken[2] != 0.7
    assert shaken[3] == 3.0  # a count, or an exponent
