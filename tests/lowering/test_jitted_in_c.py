"""Networks and the table of ways, jitted in C, beside the plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.jitted_ways import playing, rows
from support.jitted_ways.networks import NETWORKS, STEPS
from support.jitted_ways.playing import Play, differing, played
from support.jitted_ways.table import WAYS, Way, judge

assert rows.FILES  # which fill the table

pytestmark = pytest.mark.usefixtures("in_c")

# Of the largest number in an array. Each call of a program is compared with NumPy's, to a few units
# in the last place, as the program is made; this is what ten steps of training make of them.
_NEAR = {"float64": 1e-9, "float32": 5e-4, "float16": 1e-2}

# A bias before a normalisation, and that of keys before a softmax, have no gradient but rounding,
# which Adam takes for one: they go where they like, and nothing hangs on them. By network, their
# shape; and how far ten steps of 0.01 may lead two of them apart.
_FREE = {"normalised_convolution": (4,), "attention": (8,)}
_FAR = 0.2
_FROM_SINGLE = ("a_model_converted_between_steps",)  # float64 that was float32
_FAILING = {
    "how_numpy_treats_errors": "what np.errstate has NumPy raise or warn of, C does not see",
}


@pytest.fixture(autouse=True)
def near(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what was played twice differ as far as rounding in C may lead."""

    given = request.node.callspec.params
    free = _FREE.get(getattr(given.get("network"), "__name__", ""))
    single = "row" in given and given["row"].name in _FROM_SINGLE

    def same(a: Any, b: Any, ulps: int) -> bool:
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            return False
        if a.dtype.kind != "f":
            return bool(np.array_equal(a, b))
        finite = np.abs(a[np.isfinite(a)])
        scale = max(float(finite.max(initial=0.0)), 1e-3)
        near = _NEAR["float32" if single else a.dtype.name]
        bound = _FAR if a.shape == free else near * scale
        return np.allclose(a, b, 0, bound, equal_nan=True)

    pictured = playing.picture

    def picture(value: Any) -> Any:
        if not isinstance(value, dict):
            return pictured(value)
        return sorted([(repr(k), playing.picture(v)) for k, v in value.items()], key=lambda p: p[0])

    monkeypatch.setattr(playing, "_same", same)
    # What an optimizer remembers of a parameter is there in another order after a first call.
    monkeypatch.setattr(playing, "picture", picture)


def expect_trained(network: Callable[[Play], None]) -> None:
    plain, refusal, _ = played(network, jitted=False)
    assert refusal is None
    jitted, refusal, warned = played(network, jitted=True)
    assert refusal is None
    assert not warned
    assert jitted.runs < jitted.calls == STEPS
    assert any("C, " in text for text in jitted.programs), jitted.programs
    assert differing(plain, jitted) is None, differing(plain, jitted)


@pytest.mark.parametrize("network", NETWORKS[:1], ids=lambda f: f.__name__)
def test_a_network(network: Callable[[Play], None]) -> None:
    expect_trained(network)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS[1:], ids=lambda f: f.__name__)
def test_more_networks(network: Callable[[Play], None]) -> None:
    expect_trained(network)


def _case(row: Way) -> Any:
    why = _FAILING.get(row.name)
    marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
    return pytest.param(row, id=row.name, marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("row", [_case(row) for row in WAYS if not row.failing])
def test_way(row: Way) -> None:
    judge(row)
