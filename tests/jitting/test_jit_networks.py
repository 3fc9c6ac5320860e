"""Ten steps of networks of different kinds, each step one jitted function, beside the tape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.jitted_ways.networks import NETWORKS, STEPS
from support.jitted_ways.playing import Play, differing, played

from autograd.program import numpy_backend


@pytest.mark.parametrize(
    ("least", "network"),
    [
        pytest.param(
            least,
            network,
            id=f"{how}-{network.__name__}",
            marks=[pytest.mark.slow] if number % 2 == bool(how) else [],
        )
        for how, least in (("", numpy_backend.LARGE), ("in blocks", 9))
        for number, network in enumerate(NETWORKS)
    ],
)
def test_steps_are_those_of_the_tape(
    network: Callable[[Play], None], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_backend, "LARGE", least)
    plain, refusal, _ = played(network, jitted=False)
    assert refusal is None
    jitted, refusal, warned = played(network, jitted=True)
    assert refusal is None
    assert not warned
    assert jitted.runs < jitted.calls == STEPS
    assert differing(plain, jitted, ulps=0) is None  # losses, parameters, buffers, state: all bits
