"""The recipes keep what their names promise; an ensemble is a vote of its members."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, no_grad
from mnist.config import Config
from mnist.data import Dataset, drawn
from mnist.models import MODELS, Vote
from mnist.recipes import RECIPES, settings, table
from mnist.storage.runs import RunFolder
from mnist.storage.weights import load_trained
from mnist.training import Training
from mnist.training.ensemble import resume_ensemble, train_ensemble
from mnist.training.learning import Outcome, evaluate


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    (images, labels), (test_images, test_labels) = drawn.load(train=120, test=50, seed=4)
    return Dataset("drawn digits", images, labels, test_images, test_labels)


def parameters(model: str) -> int:
    return sum(p.size for p in MODELS[model](None).parameters())


def test_recipes_keep_their_limits() -> None:
    assert set(RECIPES) == {"fast", "basic", "small", "best", "ensemble"}
    assert RECIPES["fast"].config.epochs == 1
    assert RECIPES["basic"].config.model == "basic"
    assert RECIPES["basic"].config.epochs <= 15
    assert parameters(RECIPES["small"].config.model) < 20_000
    assert RECIPES["small"].config.epochs <= 20
    assert parameters(RECIPES["best"].config.model) < 100_000
    assert RECIPES["ensemble"].config.members == 5


@pytest.mark.parametrize("name", RECIPES)
def test_every_choice_has_a_reason(name: str) -> None:
    config, default = RECIPES[name].config, Config()
    chosen = {f.name for f in fields(Config) if getattr(config, f.name) != getattr(default, f.name)}
    assert chosen <= set(RECIPES[name].reasons)
    assert set(RECIPES[name].reasons) <= {f.name for f in fields(Config)}
    shown = table(RECIPES[name])
    for field in fields(Config):
        assert field.name in shown
    assert settings(name).recipe == name


def test_parameters_named_in_reasons_are_right() -> None:
    for name in ("small", "best"):
        assert f"{parameters(name):,} parameters" in RECIPES[name].reasons["model"]


def test_augmentation_ends_before_the_plain_epochs() -> None:
    config = Config(epochs=5, plain_epochs=2, zoom=0.1)
    augmentation = config.augmentation(3)
    assert augmentation is not None
    assert augmentation.zoom == 0.1
    assert config.augmentation(4) is None
    assert replace(config, augment=False).augmentation(1) is None


def test_vote_is_the_mean_of_probabilities(rng: np.random.Generator) -> None:
    members = [MODELS["basic"](np.random.default_rng(seed)) for seed in range(3)]
    vote = Vote(members)
    vote.eval()
    x = Tensor(rng.standard_normal((4, 1, 28, 28)).astype(np.float32))
    with no_grad():
        scores = np.stack([member(x).data.astype(np.float64) for member in members])
        voted = vote(x).data
    each = np.exp(scores - scores.max(axis=2, keepdims=True))
    each /= each.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(np.exp(voted), each.mean(axis=0), rtol=1e-5)


CONFIG = Config(model="basic", members=3, epochs=1, batch_size=40, seed=2)


def test_ensemble_trains_evaluates_and_loads(dataset: Dataset, tmp_path: Path) -> None:
    lines: list[str] = []
    run = train_ensemble(dataset, CONFIG, tmp_path, lines.append)
    assert lines[0] == "member 1 of 3"
    assert lines[-1].startswith("vote of 3: test loss")
    seeds = [RunFolder(tmp_path / f"member-{i}").standing()[0].seed for i in (1, 2, 3)]
    assert seeds == [6, 7, 8]
    assert run.metrics[0]["test_accuracy"] == evaluate(run.model, dataset)[1]
    trained = load_trained(tmp_path)
    assert isinstance(trained.model, Vote)
    assert evaluate(trained.model, dataset) == evaluate(run.model, dataset)


@pytest.mark.slow
def test_ensemble_goes_on_where_it_was(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_ensemble(dataset, CONFIG, tmp_path / "whole", str)
    original, calls = Training._step, 0

    def failing(self: Training, *args: Any) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 5:  # in the second member
            raise MemoryError
        return original(self, *args)

    monkeypatch.setattr(Training, "_step", failing)
    with pytest.raises(MemoryError):
        train_ensemble(dataset, CONFIG, tmp_path / "again", str)
    run = resume_ensemble(dataset, tmp_path / "again", str)
    assert calls == 5 + 3 + 3  # the first member, of 3 steps, was done
    assert run.metrics == whole.metrics
    first, second = (tmp_path / name / "last.ckpt" for name in ("whole", "again"))
    assert first.read_bytes() == second.read_bytes()
