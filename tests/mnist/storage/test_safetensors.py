"""Weights as safetensors: what PyTorch reads and writes, and facts with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.weight_files import FACTS, network, refusal

from autograd import Tensor, no_grad
from mnist.models import MODELS
from mnist.storage.reading import CheckpointError
from mnist.storage.weights import load_trained, save_safetensors
from nn import Module

Generator = np.random.Generator


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
