"""Settings from files: each has its limits, and what cannot be one is told by its name."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from mnist.config import KINDS, Config, checked
from mnist.recipes import RECIPES

GOOD = asdict(Config())
WHOLE = [name for name in KINDS if type(GOOD[name]) is int]
NUMBERS = [name for name in KINDS if type(GOOD[name]) is float or name == "lr"]


def expect_refused(name: str, value: Any) -> None:
    told = f"{name} is {value!r:.60}, {KINDS[name].expected} expected"
    with pytest.raises(ValueError, match=re.escape(told)):
        checked({**GOOD, name: value})


@pytest.mark.parametrize("recipe", RECIPES)
def test_those_of_recipes_are_possible(recipe: str) -> None:
    config = RECIPES[recipe].config
    assert checked(asdict(config)) == config


def test_those_that_came_later_do_as_before() -> None:
    assert checked({"model": "deep", "epochs": 3, "seed": 1, "colour": "red"}) == Config(
        model="deep", epochs=3, seed=1, engine="tape"
    )
    for name in ("model", "epochs", "seed"):
        rest = {key: value for key, value in GOOD.items() if key != name}
        with pytest.raises(ValueError, match=f"^no {name}$"):
            checked(rest)


def test_an_engine_is_settled_on() -> None:
    assert Config().engine == "auto"
    assert Config().settled().engine == "numpy"
    for engine in ("tape", "numpy"):
        assert Config(engine=engine).settled().engine == engine
    expect_refused("engine", "torch")


@pytest.mark.parametrize("name", KINDS)
def test_what_none_can_be(name: str) -> None:
    for value in ("\ud800", "x" * 10**6, [], {}, [1], math.nan, math.inf, -math.inf):
        expect_refused(name, value)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_have_limits(name: str) -> None:
    least = next(n for n in (0, 1) if KINDS[name].fits(n))
    most = {"seed": 2**63 - 1, "members": 1000}.get(name, 10**9)
    assert least == (0 if name in ("seed", "plain_epochs", "validation", "checkpoint_every",
                                   "earlier_epochs") else 1)  # fmt: skip
    for value in (least - 1, most + 1, 10**400, -(10**400), 2.0, True, None, "1"):
        expect_refused(name, value)
    if name != "earlier_epochs":
        assert getattr(checked({**GOOD, name: most}), name) == most


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_have_limits(name: str) -> None:
    for value in (-1, -1e-300, 1e301, 10**400, True, "0.1"):
        expect_refused(name, value)
    assert checked({**GOOD, name: 0.25}) == replace(Config(), **{name: 0.25})
    if name == "lr":
        assert checked({**GOOD, name: None}).lr is None
        expect_refused(name, 0)
    else:
        expect_refused(name, None)


def test_switches_and_names() -> None:
    for name in ("augment", "dry_run"):
        for value in (0, 1, "true", None):
            expect_refused(name, value)
    for value in ("a\nb", "\x1b[31m", "x" * 41, None, 3):
        expect_refused("recipe", value)
    for value in ("", "huge", None, 3, ["basic"]):
        expect_refused("model", value)


def test_an_earlier_end_comes_before_the_end() -> None:
    assert checked({**GOOD, "epochs": 3, "earlier_epochs": 2}).earlier_epochs == 2
    for earlier in (3, 4):
        with pytest.raises(ValueError, match=f"earlier_epochs is {earlier} of 3 epochs"):
            checked({**GOOD, "epochs": 3, "earlier_epochs": earlier})
