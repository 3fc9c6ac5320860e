"""Losses against PyTorch, over their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_beside_torch import (
    DTYPES,
    assert_agree,
    assert_function_agrees,
)

import nn
from autograd import Tensor
from nn import functional as F

pytestmark = pytest.mark.oracle

Array = NDArray[Any]
Generator = np.random.Generator

REDUCTIONS = ["mean", "sum", "none"]


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("scale", [1, 30], ids=["mild", "steep"])
def test_cross_entropy(
    torch: Any, reduction: Any, scale: float, dtype: Any, rng: Generator
) -> None:
    classes = rng.integers(0, 10, 16)
    cross_entropy = torch.nn.functional.cross_entropy
    assert_function_agrees(
        torch,
        rng,
        lambda x: F.cross_entropy(x, classes, reduction=reduction),
        lambda x: cross_entropy(x, torch.from_numpy(classes), reduction=reduction),
        (scale * rng.standard_normal((16, 10))).astype(dtype),
    )


_WEIGHTS: list[dict[str, Any]] = [{}, {"weight": "weights"}]
LOSSES: list[tuple[str, dict[str, Any], str]] = [
    *(("MSELoss", {"reduction": r}, "numbers") for r in REDUCTIONS),
    *(("L1Loss", {"reduction": r}, "numbers") for r in REDUCTIONS),
    *(
        ("HuberLoss", {"reduction": r, "delta": d}, "numbers")
        for r in REDUCTIONS
        for d in (1.0, 0.3)
    ),
    *(
        ("SmoothL1Loss", {"reduction": r, "beta": b}, "numbers")
        for r in REDUCTIONS
        for b in (1.0, 0.3, 0.0)
    ),
    *(
        ("BCEWithLogitsLoss", {"reduction": r} | dict.fromkeys(names, "weights"), "shares")
        for r in REDUCTIONS
        for names in ([], ["weight"], ["pos_weight"], ["weight", "pos_weight"])
    ),
    *(
        (name, {"reduction": r, "ignore_index": i} | weight, kind)
        for name in ("NLLLoss", "CrossEntropyLoss")
        for r in REDUCTIONS
        for i in (-100, 2)
        for weight in _WEIGHTS
        for kind in ("classes", "classes of pixels")
    ),
    *(
        (
            "CrossEntropyLoss",
            {"reduction": r, "label_smoothing": s, "ignore_index": i} | weight,
            kind,
        )
        for r in REDUCTIONS
        for s in (0.1, 1.0)
        for i in (-100, 2)
        for weight in _WEIGHTS
        for kind in ("classes", "classes of pixels")
    ),
]


@DTYPES
@pytest.mark.parametrize(("name", "options", "kind"), LOSSES, ids=str)
def test_losses(
    torch: Any, name: str, options: dict[str, Any], kind: str, dtype: Any, rng: Generator
) -> None:
    weights = rng.random(5).astype(dtype)
    given = {k: weights if v == "weights" else v for k, v in options.items()}
    given_ = {k: torch.from_numpy(weights) if v == "weights" else v for k, v in options.items()}
    loss, loss_ = getattr(nn, name)(**given), getattr(torch.nn, name)(**given_)
    x = (2 * rng.standard_normal((7, 5, 3) if "pixels" in kind else (7, 5))).astype(dtype)
    if "classes" in kind:
        target: Array = rng.integers(0, 5, (7, 3) if "pixels" in kind else 7)
        target.flat[0] = options["ignore_index"]
        assert_function_agrees(
            torch, rng, lambda x: loss(x, target), lambda x: loss_(x, torch.from_numpy(target)), x
        )
    else:
        target = (rng.random if kind == "shares" else rng.standard_normal)((7, 5)).astype(dtype)
        # Targets too have a gradient. Some are met exactly.
        if kind == "numbers":
            x[0] = target[0]
        assert_function_agrees(torch, rng, loss, loss_, x, target)


@DTYPES
@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss"])
def test_scores_of_any_size(torch: Any, name: str, dtype: Any) -> None:
    x = np.array([[1e4, -1e4, 0], [-80, -90, -100], [0, 0, 0], [1e3, 1e3, 990]], dtype)
    target: Array = np.array([1, 2, 0, 2])
    if name == "BCEWithLogitsLoss":
        target = np.eye(3)[target].astype(dtype)
    x_ = torch.from_numpy(x.copy()).requires_grad_()
    leaf = Tensor(x, requires_grad=True)
    loss = getattr(nn, name)(reduction="none")(leaf, target)
    loss_ = getattr(torch.nn, name)(reduction="none")(x_, torch.from_numpy(target))
    assert_agree(loss, loss_)
    loss.sum().backward()
    loss_.sum().backward()
    assert_agree(leaf.grad, x_.grad)
