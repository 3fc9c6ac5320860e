"""Mistakes that people published: the right pass is accepted, the wrong one wrong where it is."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from real_mistakes import cases, judged

from autograd import compare

CASES = cases()


def test_there_are_many() -> None:
    wrong = [case for case in CASES if case.FIRST is not None]
    published = [case for case in wrong if not case.SOURCE.startswith("kind:")]
    assert len(wrong) >= 60 and len(published) >= 40
    assert len({case.SOURCE for case in published}) >= 40
    assert len(CASES) - len(wrong) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_first_wrong_gradient_is_named(case: ModuleType) -> None:
    step, said = judged(case)
    assert step in ("step", "right"), said
    if case.FIRST is not None:
        t = case.forward(np.random.default_rng(1))
        mended = case.right(t)
        report = compare(t["loss"], **{name: (t[name], g) for name, g in mended.items()})
        assert report.ok, str(report)


@pytest.mark.slow
def test_the_causes_that_are_named_fit() -> None:
    said = [judged(case)[1] for case in CASES if case.FIRST is not None]
    fit = sum(cause.startswith("fits") for cause in said)
    another = [cause for cause in said if cause.startswith("another")]
    assert fit >= 0.85 * len(said), f"{fit} of {len(said)}"
    assert len(another) <= 0.03 * len(said), another
