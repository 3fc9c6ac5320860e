"""Training as a whole, on a few drawn digits: files, reproducibility, and learning at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import mnist.training.learning as learning
from autograd import Tensor
from mnist.config import Config
from mnist.data import Dataset, drawn
from mnist.models import MODELS
from mnist.storage import checkpoints
from mnist.storage.weights import load_trained, load_weights
from mnist.training import TrainingError, train
from mnist.training.learning import evaluate


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    (images, labels), (test_images, test_labels) = drawn.load(train=600, test=200, seed=3)
    return Dataset("drawn digits", images, labels, test_images, test_labels)


def test_parameter_counts() -> None:
    counts = {name: sum(p.size for p in make(None).parameters()) for name, make in MODELS.items()}
    assert counts["basic"] == 31_802
    assert counts["deep"] == 40_794


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models_give_ten_scores(name: str, rng: np.random.Generator) -> None:
    images = Tensor(rng.standard_normal((3, 1, 28, 28)).astype(np.float32))
    scores = MODELS[name](rng)(images)
    assert scores.shape == (3, 10)
    assert scores.dtype == np.float32


def test_it_learns_and_writes_what_it_says(dataset: Dataset, tmp_path: Path) -> None:
    lines: list[str] = []
    run = train(dataset, Config(epochs=6, seed=1), tmp_path / "run", lines.append)
    assert run.metrics[-1]["test_accuracy"] > 0.8
    assert run.metrics[-1]["train_loss"] < 0.5 * run.metrics[0]["train_loss"]
    written = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert written == run.metrics
    assert [list(entry) for entry in written] == [
        [
            *("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
            *("test_loss", "test_accuracy"),
        ]
    ] * 6
    assert len(lines) == 6
    assert all("drawn digits" in line for line in lines)
    assert f"accuracy {run.metrics[-1]['test_accuracy']:.2%}" in lines[-1]
    config = json.loads((run.folder / "config.json").read_text())
    assert config["dataset"] == "drawn digits"
    assert config["parameters"] == 31_802
    assert sorted(p.name for p in run.folder.iterdir()) == [
        "config.json",
        "last.ckpt",
        "metrics.jsonl",
        "times.jsonl",
    ]
    restored = MODELS["basic"](None)
    load_weights(restored, run.folder / "last.ckpt")
    assert evaluate(restored, dataset) == evaluate(run.model, dataset)
    assert evaluate(restored, dataset)[1] == run.metrics[-1]["test_accuracy"]


def test_the_same_seed_gives_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    def outcome(name: str, seed: int) -> tuple[bytes, list[dict[str, float]]]:
        run = train(dataset, Config(epochs=2, seed=seed), tmp_path / name, str)
        return (run.folder / "last.ckpt").read_bytes(), run.metrics

    first = outcome("a", 0)
    assert outcome("b", 0) == first
    assert outcome("c", 1)[0] != first[0]


def test_evaluation_leaves_no_trace(dataset: Dataset) -> None:
    model = MODELS["basic"](np.random.default_rng(0))
    before = model.state_dict()
    loss, accuracy = evaluate(model, dataset, batch_size=64)
    assert model.training
    after = model.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    whole = evaluate(model, dataset, batch_size=200)
    assert loss == pytest.approx(whole[0], rel=1e-5)
    assert accuracy == whole[1]


def test_a_dry_run_is_one_batch(dataset: Dataset, tmp_path: Path) -> None:
    run = train(dataset, Config(epochs=9, dry_run=True), tmp_path, str)
    assert len(run.metrics) == 1
    assert int(run.model.state_dict()["1.num_batches_tracked"]) == 1


def poison(monkeypatch: pytest.MonkeyPatch, at: int, value: float) -> None:
    """Spoil the first parameter at the end of that step."""
    original, steps = learning.Learner.step, 0

    def poisoned(self: learning.Learner, *args: Any, **options: Any) -> learning.Outcome:
        nonlocal steps
        steps += 1
        outcome = original(self, *args, **options)
        if steps == at:
            first = self.optimizer.params[0]
            first.data = first.data * np.float32(value)
        return outcome

    monkeypatch.setattr(learning.Learner, "step", poisoned)


def test_a_loss_that_is_not_finite_stops_with_the_last_epoch_kept(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 12, np.nan)
    with pytest.raises(TrainingError, match=r"nan at step 3 of epoch 2.*--lr"):
        train(dataset, Config(epochs=5), tmp_path, str)
    state = load_trained(tmp_path).model.state_dict()
    assert all(np.isfinite(value).all() for value in state.values())


def test_weights_that_are_not_finite_are_not_saved(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 6, np.inf)
    with pytest.raises(TrainingError, match=r"'0.weight' became NaN or infinite by step 6"):
        train(dataset, Config(epochs=5, checkpoint_every=2), tmp_path, str)
    assert checkpoints.read(tmp_path / "last.ckpt")["progress"]["step"] == 4


def test_loss_that_is_not_finite_is_traced_to_its_op(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step \d+ of epoch 1: .*'\w+' made the first"):
        train(dataset, Config(epochs=1, lr=1e30), tmp_path, str)


def test_gradient_that_is_not_finite_is_traced_to_its_rule(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ag.ops.square, "rules", (lambda g, out, x: g * (2 * x) * np.inf,))
    original = learning.F.cross_entropy
    monkeypatch.setattr(
        learning.F, "cross_entropy", lambda *args, **options: ag.square(original(*args, **options))
    )
    with pytest.raises(TrainingError, match=r"gradient of '0.weight' .* step 1 of epoch 1.*square"):
        train(dataset, Config(epochs=1), tmp_path, str)
