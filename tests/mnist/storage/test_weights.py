"""Weights from and to files: the same network whatever the file, and none that does not fit."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.programs.run_folders import store, store_of_0_1
from support.programs.weight_files import FACTS, network, refusal

import mnist.storage.weights as weights
from autograd import Tensor, no_grad
from mnist.config import Config
from mnist.models import MODELS, Vote
from mnist.storage import checkpoints
from mnist.storage.reading import CheckpointError
from mnist.storage.weights import load_trained, load_weights, save_safetensors
from nn import Module

Generator = np.random.Generator


def assert_same(model: Module, other: Module) -> None:
    states = model.state_dict(), other.state_dict()
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        assert value.dtype == states[1][name].dtype
        np.testing.assert_array_equal(value, states[1][name])


def save_npz(model: Module, path: Path) -> None:
    np.savez(path, **model.state_dict())  # type: ignore[arg-type]


def save_checkpoint(model: Module, path: Path) -> None:
    facts = {"train_images": 10, "pixel_mean": 0.25, "pixel_std": 0.5}
    config = asdict(Config(model="basic"))
    checkpoints.write(path, {"config": config, "dataset": facts, "model": model.state_dict()})


def save(model: Module, path: Path) -> None:
    if path.suffix == ".safetensors":
        pytest.importorskip("safetensors", reason="pip install pullback[safetensors]")
        save_safetensors(model, path)
    else:
        (save_checkpoint if path.suffix == ".ckpt" else save_npz)(model, path)


every_kind = pytest.mark.parametrize("kind", [".npz", ".ckpt", ".safetensors"])


# --- what is read --------------------------------------------------------------------------------


def test_a_runs_folder(tmp_path: Path, rng: Generator) -> None:
    model = network("basic", rng)
    run = store(tmp_path / "run", digits(20), model)
    for path in (run, str(run), run / "last.ckpt"):
        trained = load_trained(path)
        assert_same(trained.model, model)
        assert (trained.name, trained.mean) == ("basic", digits(20).mean)
        assert (trained.facts["lr"], trained.facts["train_images"]) == (0.05, 20)
        assert not any(module.training for module in trained.model.modules())
        assert trained.note == ""
    assert load_trained(run).facts["test_accuracy"] == 0.8125


def test_a_runs_folder_of_0_1(tmp_path: Path, rng: Generator) -> None:
    model = network("basic", rng)
    run = store_of_0_1(tmp_path / "run", digits(20), model)
    (run / "config.json").write_text(json.dumps(FACTS))
    for path in (run, str(run), run / "model.npz"):
        trained = load_trained(path)
        assert_same(trained.model, model)
        assert (trained.name, trained.mean, trained.std) == ("basic", 0.25, 0.5)
        assert {name: trained.facts[name] for name in FACTS} == FACTS
        assert not any(module.training for module in trained.model.modules())
    for name in ("config.json", "metrics.jsonl", "times.jsonl"):
        (run / name).unlink()
    assert_same(load_trained(run).model, model)  # weights alone tell their network


@pytest.mark.parametrize("kept", [store, store_of_0_1])
def test_a_run_that_is_not_over_is_told_as_such(kept: Any, tmp_path: Path, rng: Generator) -> None:
    run = kept(tmp_path / "run", digits(20), network("basic", rng), epochs=7)
    told = f"unfinished: 2 of 7 epochs are done; python train.py --resume {run} goes on"
    assert load_trained(run).note == told


@pytest.mark.parametrize("kept", [store, store_of_0_1])
def test_what_has_learned_nothing_is_refused(kept: Any, tmp_path: Path, rng: Generator) -> None:
    model, weights = network("basic", rng), "last.ckpt" if kept is store else "model.npz"
    untrained = kept(tmp_path / "untrained", digits(20), model, metrics=())
    for path in (untrained, untrained / weights):
        assert refusal(path).startswith("holds no trained network, as no epoch of its training ")
    dry = kept(tmp_path / "dry", digits(20), model, dry_run=True)
    for path in (dry, dry / weights):
        assert "dry run, whose network has learned nothing; train one" in refusal(path)


@every_kind
@pytest.mark.parametrize("name", sorted(MODELS))
def test_weights_alone_tell_their_network(
    kind: str, name: str, tmp_path: Path, rng: Generator
) -> None:
    model = network(name, rng)
    path = tmp_path / f"weights{kind.upper() if kind == '.npz' else kind}"
    if kind == ".ckpt":
        facts = {"pixel_mean": weights.MNIST_MEAN, "pixel_std": weights.MNIST_STD}
        parts = {"config": {}, "dataset": facts, "model": model.state_dict()}
        checkpoints.write(path, parts)
    elif kind == ".npz":
        with path.open("wb") as file:
            np.savez_compressed(file, **model.state_dict())  # type: ignore[arg-type]
    else:
        save(model, path)
    trained = load_trained(path)
    assert_same(trained.model, model)
    assert trained.name == name
    assert (trained.mean, trained.std) == (weights.MNIST_MEAN, weights.MNIST_STD)


def test_the_mean_and_std_are_those_of_mnist(tmp_path: Path) -> None:
    """As they are known everywhere, to the digits given."""
    assert round(weights.MNIST_MEAN, 4) == 0.1307 and round(weights.MNIST_STD, 4) == 0.3081


def test_a_checkpoint_of_a_training(tmp_path: Path, rng: Generator) -> None:
    model = network("basic", rng)
    save_checkpoint(model, tmp_path / "best.ckpt")
    # Those of another training beside it do not matter: it has its own.
    (tmp_path / "config.json").write_text(json.dumps(FACTS | {"model": "deep", "pixel_std": 9}))
    trained = load_trained(tmp_path / "best.ckpt")
    assert_same(trained.model, model)
    assert (trained.name, trained.mean, trained.std) == ("basic", 0.25, 0.5)
    assert trained.facts["momentum"] == 0.9 and trained.facts["train_images"] == 10


@every_kind
def test_a_vote(kind: str, tmp_path: Path, rng: Generator) -> None:
    vote = Vote([network("basic", rng) for _ in range(11)])
    save(vote, tmp_path / f"vote{kind}")
    trained = load_trained(tmp_path / f"vote{kind}")
    assert isinstance(trained.model, Vote) and trained.name == "basic"
    assert_same(trained.model, vote)
    images = Tensor(rng.standard_normal((2, 1, 28, 28)).astype(np.float32))
    with no_grad():
        np.testing.assert_array_equal(trained.model(images).data, vote.eval()(images).data)


def test_a_vote_of_one(tmp_path: Path, rng: Generator) -> None:
    vote = Vote([network("basic", rng)])
    save_npz(vote, tmp_path / "vote.npz")
    assert_same(load_trained(tmp_path / "vote.npz").model, vote)


def test_a_vote_with_a_gap_or_a_stranger_is_refused(tmp_path: Path, rng: Generator) -> None:
    state = Vote([network("basic", rng) for _ in range(3)]).state_dict()
    path = tmp_path / "vote.npz"
    np.savez(path, **{n: v for n, v in state.items() if "members.1." not in n})  # type: ignore
    assert "of none of the networks" in refusal(path)
    strange = state | {"members.2.5.weight": np.zeros((10, 4), np.float32)}
    np.savez(path, **strange)  # type: ignore[arg-type]
    assert "of none of the networks" in refusal(path)


@every_kind
def test_load_weights_takes_any_kind(kind: str, tmp_path: Path, rng: Generator) -> None:
    model, other = network("basic", rng), MODELS["basic"](rng)
    save(model, tmp_path / f"weights{kind}")
    load_weights(other, tmp_path / f"weights{kind}")
    assert_same(other, model)


@pytest.mark.parametrize("name", ["deep", "basic"])
def test_weights_that_do_not_fit_change_nothing(name: str, tmp_path: Path, rng: Generator) -> None:
    model = network("basic", rng)
    before = model.state_dict()
    state = network(name, rng).to(np.float64).state_dict()
    state[list(state)[-1]][...] = 1e300
    np.savez(tmp_path / "a.npz", **state)  # type: ignore[arg-type]
    told = "shape" if name == "deep" else "too large for this network's type"
    with pytest.raises(CheckpointError, match=told):
        load_weights(model, tmp_path / "a.npz")
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


# --- what is refused -----------------------------------------------------------------------------


def test_other_networks_are_refused_by_what_differs(tmp_path: Path, rng: Generator) -> None:
    run = store_of_0_1(tmp_path / "run", digits(20), network("basic", rng))
    path = run / "model.npz"
    state = network("basic", rng).state_dict()
    cases = {
        "5.bias is missing": {k: v for k, v in state.items() if k != "5.bias"},
        "'more' is unexpected": state | {"more": np.zeros(1)},
        "5.bias has shape (11,), (10,) expected": state | {"5.bias": np.zeros(11)},
        "1.num_batches_tracked is float64, int64 expected": state
        | {"1.num_batches_tracked": np.array(1.0)},
    }
    for told, changed in cases.items():
        np.savez(path, **changed)  # type: ignore[arg-type]
        assert f"not of the network basic: {told}; " in refusal(path)
        assert f"not of the network basic: {told}; " in refusal(run)
    (run / "config.json").unlink()
    assert f"of none of the networks {', '.join(MODELS)}; " in refusal(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "[1], an object expected"),
        ("{", "its JSON is broken"),
        ("\0" * (1 << 21), "2,097,152 bytes where at most 1,048,576"),
        ('{"model": ["basic"]}', "'model' is ['basic']"),
        ('{"pixel_std": NaN}', "NaN for a number"),
        ({"model": "huge"}, "unknown here; one of|model is 'huge', one of the networks expected"),
        ({"pixel_mean": "0.1"}, "a pixel_mean of '0.1', a number expected"),
        ({"pixel_mean": True}, "a pixel_mean of True"),
        ({"pixel_std": 0}, "a pixel_std of 0, a number above 0 expected"),
        ({"pixel_std": 1e308}, "a pixel_std of 1e+308"),
        ({"pixel_mean": 10**400}, "a number of 401 digits"),
    ],
)
def test_wrong_facts_are_refused(
    text: str | dict[str, Any], told: str, tmp_path: Path, rng: Generator
) -> None:
    run = store_of_0_1(tmp_path / "run", digits(20), network("basic", rng))
    text = text if isinstance(text, str) else json.dumps(FACTS | text)
    (run / "config.json").write_text(text)
    for path in (run / "model.npz", run):
        with pytest.raises(CheckpointError) as caught:
            load_trained(path)
        assert str(caught.value).startswith(f"{run}")
        assert any(part in str(caught.value) for part in told.split("|"))


def test_what_fits_two_networks_is_not_guessed(
    tmp_path: Path, rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "twin", MODELS["basic"])
    save_npz(network("basic", rng), tmp_path / "a.npz")
    assert refusal(tmp_path / "a.npz").startswith("fits the networks basic, twin; put")
    (tmp_path / "config.json").write_text('{"model": "twin"}')
    assert load_trained(tmp_path / "a.npz").name == "twin"


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("holds no run (config.json is not there)")
    assert refusal(tmp_path / "none.npz").startswith("no such file")
    assert refusal(tmp_path / "a.pt").startswith("no such file or folder")
    (tmp_path / "a.pt").touch()
    assert "no file of weights by its name" in refusal(tmp_path / "a.pt")
    path = tmp_path / "a.ckpt"
    checkpoints.write(path, {"model": {}})
    assert "is a checkpoint but none of a training" in refusal(path)
    checkpoints.write(path, {"model": {"a": 1}, "config": {}, "dataset": {}})
    assert "has weights that are no arrays" in refusal(path)
    np.savez(tmp_path / "o.npz", a=np.array([None], dtype=object))
    assert "no plain array" in refusal(tmp_path / "o.npz")
    (tmp_path / "no.npz").write_bytes(b"PK\5\6" + bytes(18))
    assert "of none of the networks" in refusal(tmp_path / "no.npz")
