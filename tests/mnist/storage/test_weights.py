"""Weights from and to files: the same network whatever the file, and none that does not fit."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist.storage.weights as weights
from autograd import Tensor, no_grad
from mnist.config import Config
from mnist.models import MODELS, Vote
from mnist.storage import checkpoints
from mnist.storage.reading import CheckpointError
from mnist.storage.weights import load_trained, load_weights, save_safetensors
from nn import Module

Generator = np.random.Generator

FACTS = {"model": "basic", "pixel_mean": 0.25, "pixel_std": 0.5, "members": 1, "seed": 3}


def network(name: str, rng: Generator) -> Module:
    """One with parameters and statistics of no special values."""
    model = MODELS[name](rng)
    model.load_state_dict(
        {
            key: np.abs(rng.normal(size=value.shape)) if value.dtype.kind == "f" else value + 5
            for key, value in model.state_dict().items()
        }
    )
    return model


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


def refusal(path: Path, named: Path | None = None) -> str:
    """What is said of weights that are refused, on one line; it names the file."""
    with pytest.raises(CheckpointError) as caught:
        load_trained(path)
    message = str(caught.value)
    assert message.startswith(f"{named or path}: ")
    assert len(message.splitlines()) == 1 and "; " in message and message[-1] not in ".;: "
    return message.removeprefix(f"{named or path}: ")


# --- what is read --------------------------------------------------------------------------------


def test_a_runs_folder(tmp_path: Path, rng: Generator) -> None:
    model = network("basic", rng)
    save_npz(model, tmp_path / "model.npz")
    (tmp_path / "config.json").write_text(json.dumps(FACTS))
    for path in (tmp_path, str(tmp_path), tmp_path / "model.npz"):
        trained = load_trained(path)
        assert_same(trained.model, model)
        assert (trained.name, trained.mean, trained.std) == ("basic", 0.25, 0.5)
        assert trained.facts == FACTS
        assert not any(module.training for module in trained.model.modules())


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
    path = tmp_path / "model.npz"
    state = network("basic", rng).state_dict()
    cases = {
        "5.bias is missing": {k: v for k, v in state.items() if k != "5.bias"},
        "'more' is unexpected": state | {"more": np.zeros(1)},
        "5.bias has shape (11,), (10,) expected": state | {"5.bias": np.zeros(11)},
        "1.num_batches_tracked is float64, int64 expected": state
        | {"1.num_batches_tracked": np.array(1.0)},
    }
    (tmp_path / "config.json").write_text(json.dumps(FACTS))
    for told, changed in cases.items():
        np.savez(path, **changed)  # type: ignore[arg-type]
        assert f"not of the network basic: {told}; " in refusal(tmp_path, path)
    (tmp_path / "config.json").unlink()
    assert f"of none of the networks {', '.join(MODELS)}; " in refusal(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "[1], an object expected"),
        ("{", "its JSON is broken"),
        ("\0" * (1 << 21), "2,097,152 bytes where at most 1,048,576"),
        ('{"model": "huge"}', "is of the network 'huge', unknown here"),
        ('{"model": ["basic"]}', "is of the network ['basic'], unknown here"),
        ('{"pixel_mean": "0.1"}', "a pixel_mean of '0.1', a number expected"),
        ('{"pixel_mean": true}', "a pixel_mean of True"),
        ('{"pixel_std": 0}', "a pixel_std of 0.0, above 0 expected"),
        ('{"pixel_std": NaN}', "NaN for a number"),
        ('{"pixel_std": 1e308}', "a pixel_std of 1e+308"),
    ],
)
def test_wrong_facts_are_refused(text: str, told: str, tmp_path: Path, rng: Generator) -> None:
    save_npz(network("basic", rng), tmp_path / "model.npz")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError) as caught:
        load_trained(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}") and told in str(caught.value)


def test_what_fits_two_networks_is_not_guessed(
    tmp_path: Path, rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "twin", MODELS["basic"])
    save_npz(network("basic", rng), tmp_path / "a.npz")
    assert refusal(tmp_path / "a.npz").startswith("fits the networks basic, twin; put")
    (tmp_path / "config.json").write_text('{"model": "twin"}')
    assert load_trained(tmp_path / "a.npz").name == "twin"


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, tmp_path / "model.npz").startswith("no such file")
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


# --- safetensors ---------------------------------------------------------------------------------


@pytest.fixture
def safetensors() -> Any:
    return pytest.importorskip("safetensors.numpy", reason="pip install pullback[safetensors]")


def test_facts_travel_with_safetensors(tmp_path: Path, rng: Generator, safetensors: Any) -> None:
    model = network("basic", rng)
    path = tmp_path / "a.safetensors"
    save_safetensors(model, path, FACTS)
    trained = load_trained(path)
    assert (trained.mean, trained.std, trained.facts) == (0.25, 0.5, FACTS)
    first = path.read_bytes()
    save_safetensors(model, path, FACTS)
    assert path.read_bytes() == first


def test_any_layout_in_memory_gives_the_same_file(
    tmp_path: Path, rng: Generator, safetensors: Any
) -> None:
    model = network("basic", rng)
    save_safetensors(model, tmp_path / "a.safetensors")
    for parameter in model.parameters():
        parameter.data = np.asfortranarray(parameter.data)
    save_safetensors(model, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert safetensors.load_file(tmp_path / "b.safetensors")["1.num_batches_tracked"].shape == ()


def test_damaged_safetensors_are_refused(tmp_path: Path, rng: Generator, safetensors: Any) -> None:
    path = tmp_path / "a.safetensors"
    save_safetensors(network("basic", rng), path, FACTS)
    good = path.read_bytes()
    for length in (0, 1, 7, 8, 9, 200, len(good) - 1):
        path.write_bytes(good[:length])
        assert "is damaged, or no file of weights" in refusal(path)
    for position in range(0, 1200, 5):
        changed = bytearray(good)
        changed[position] ^= rng.integers(1, 256, dtype=np.uint8)
        path.write_bytes(changed)
        try:
            load_trained(path)  # a name or a fact may have become another, unnoticed
        except CheckpointError as error:
            assert len(str(error).splitlines()) == 1
    for header in (
        b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
        b"{}" * 9,
    ):
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        refusal(path)


def test_without_the_package_a_hint(
    tmp_path: Path, rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for act in (
        lambda: save_safetensors(MODELS["basic"](rng), tmp_path / "a.safetensors"),
        lambda: load_trained(tmp_path / "a.safetensors"),
    ):
        with pytest.raises(CheckpointError, match="pip install safetensors"):
            act()
    assert not list(tmp_path.iterdir())


def test_safetensors_that_cannot_be_written(
    tmp_path: Path, rng: Generator, safetensors: Any
) -> None:
    with pytest.raises(CheckpointError, match=r"written \(No such file or directory\); "):
        save_safetensors(MODELS["basic"](rng), tmp_path / "none" / "a.safetensors")


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted(MODELS))
def test_pytorch_loads_them_and_agrees(
    name: str, tmp_path: Path, rng: Generator, torch: Any, safetensors: Any
) -> None:
    from safetensors.torch import load_file, save_file

    ours, images = network(name, rng).eval(), rng.standard_normal((16, 1, 28, 28))
    for parameter in ours.parameters():
        parameter.data *= np.float32(0.3)
    theirs = beside(torch, ours)
    save_safetensors(ours, tmp_path / "ours.safetensors")
    loaded = load_file(tmp_path / "ours.safetensors")
    expected = {key: (value.dtype, value.shape) for key, value in theirs.state_dict().items()}
    assert {key: (value.dtype, value.shape) for key, value in loaded.items()} == expected
    assert expected["1.num_batches_tracked"] == (torch.int64, ())
    theirs.load_state_dict(loaded)
    assert_agree(torch, ours, theirs, images)

    other = beside(torch, ours)
    for value in other.state_dict().values():  # of its own, but with variances above 0
        value.copy_(torch.rand(value.shape) + 0.1 if value.is_floating_point() else value + 9)
    save_file(other.state_dict(), tmp_path / "theirs.safetensors")
    trained = load_trained(tmp_path / "theirs.safetensors")
    assert trained.name == name
    assert int(trained.model.state_dict()["1.num_batches_tracked"]) == 9
    assert_agree(torch, trained.model, other, images)


def assert_agree(torch: Any, ours: Module, theirs: Any, images: Any) -> None:
    """Their scores for the same images differ by at most 1e-5 of the largest."""
    images = images.astype(np.float32)
    with no_grad(), torch.no_grad():
        found = ours(Tensor(images)).data
        expected = theirs.eval()(torch.from_numpy(images)).numpy()
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def beside(torch: Any, module: Any) -> Any:
    """The same architecture in torch.nn, layer by layer, with values of its own."""
    kind, of = type(module).__name__, torch.nn
    if kind == "Sequential":
        return of.Sequential(*(beside(torch, child) for child in module))
    if kind == "Conv2d":
        outputs, inputs, *window = module.weight.shape
        bias = module.bias is not None
        return of.Conv2d(inputs, outputs, window, padding=module.padding, bias=bias)
    if kind == "Linear":
        return of.Linear(*module.weight.shape[::-1])
    if kind == "BatchNorm2d":
        return of.BatchNorm2d(module.num_features)
    if kind == "MaxPool2d":
        return of.MaxPool2d(module.kernel_size)
    return getattr(of, kind)()
