"""Arrays are compared to the bit, and looked at once each element, however they lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd.engine.tensor import Array
from autograd.program import differing
from autograd.program.differing import elementwise, same_bits

rng = np.random.default_rng(3)


def _windows(x: Array) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))  # type: ignore


SHOWN: dict[str, Callable[[Array], Array]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.T,
    "some axes exchanged": lambda x: x.transpose(1, 0, 2),
    "backwards": lambda x: x[::-1],
    "every third": lambda x: x[:, ::3],
    "all but an edge": lambda x: x[:, 1:, :-1],
    "windows": _windows,
    "one for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "a row": lambda x: x[2, 3],
    "none": lambda x: x[:0],
    "a number": lambda x: x[0, 0, 0],
}


@pytest.mark.parametrize("at_once", [7, 1 << 16])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "?"])
@pytest.mark.parametrize("name", SHOWN)
def test_one_other_element_is_found(
    name: str, dtype: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differing, "_AT_ONCE", at_once)
    whole = rng.integers(0, 2, (4, 5, 6)).astype(dtype)
    for view in SHOWN.values():  # of the same elements, wherever they lie
        if view(whole).shape == SHOWN[name](whole).shape:
            assert same_bits(SHOWN[name](whole), SHOWN[name](whole).copy())
    a, b = (np.asarray(SHOWN[name](x)) for x in (whole, whole.copy()))
    assert same_bits(a, b)
    assert same_bits(a, a)
    copied = b.copy()
    for place in [*np.ndindex(copied.shape)][:: 1 + copied.size // 50]:
        before = copied[place]
        copied[place] = ~before if dtype == "?" else before + 1
        assert not same_bits(a, copied), place
        copied[place] = before
    assert same_bits(a, copied)


def test_what_is_the_same_to_the_bit() -> None:
    x = np.array([0.0, np.nan, np.inf], np.float32)
    assert same_bits(x, x.copy())
    assert not same_bits(x, np.array([-0.0, np.nan, np.inf], np.float32))
    assert not same_bits(x, x.astype(float))
    assert not same_bits(x, x[:2])
    assert not same_bits(x.view(np.int32), x)
    objects = np.array([[1], [2]], object)
    assert not same_bits(objects, objects)


def test_views_of_one_memory_are_not_taken_for_each_other() -> None:
    x = rng.standard_normal((6, 6))
    assert not same_bits(x, x.T)
    assert not same_bits(x[1:], x[:-1])
    assert not same_bits(x[0], x[1])
    same = np.ones((6, 6))
    assert same_bits(same, same.T)
    assert same_bits(same[1:], same[:-1])


@pytest.mark.parametrize("name", SHOWN)
def test_a_function_of_each_element(name: str) -> None:
    x = rng.standard_normal((4, 8, 9)).astype(np.float32)
    seen: list[int] = []

    def doubled(array: Any) -> Any:
        seen.append(np.size(array))
        return 2.0 * array.astype(np.float64)

    shown = SHOWN[name](x)
    assert np.array_equal(elementwise(doubled, np.asarray(shown)), 2.0 * shown.astype(np.float64))
    if name == "windows":
        assert seen == [x.size]  # and not nine times as many
