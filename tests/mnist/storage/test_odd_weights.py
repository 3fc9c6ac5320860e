"""Weights of a kind or size that nobody here writes: refused in one line, or read all the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator
from support.programs.checkpoint_files import MAGIC

from mnist.models import MODELS
from mnist.storage.reading import CheckpointError
from mnist.storage.weights import load_trained, save_safetensors

FACTS = {"model": "basic", "pixel_mean": 0.25, "pixel_std": 0.5}


def refusal(path: Path) -> str:
    """What is said of weights that are refused, on one line; it names the file."""
    with pytest.raises(CheckpointError) as caught:
        load_trained(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert "; " in message
    return message.removeprefix(f"{path}: ")


@pytest.fixture
def good(tmp_path: Path, rng: Generator) -> Path:
    """A file of the network basic."""
    pytest.importorskip("safetensors.numpy", reason="pip install pullback[safetensors]")
    save_safetensors(MODELS["basic"](rng), tmp_path / "a.safetensors", FACTS)
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("name", ["a.safetensors", "a.npz", "a.ckpt"])
def test_files_that_are_far_too_large(tmp_path: Path, name: str) -> None:
    if name == "a.safetensors":
        pytest.importorskip("safetensors.numpy", reason="pip install pullback[safetensors]")
    path = tmp_path / name
    path.write_bytes({".npz": b"PK", ".ckpt": MAGIC}.get(path.suffix, bytes(8)))
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # zeros that take no room on the disk
    assert "holds 1,099,511,627,776 bytes where at most 1,073,741,824 make sense" in refusal(path)


@pytest.mark.skipif(os.name != "posix", reason="this system has no such files")
@pytest.mark.parametrize("what", ["pipe", "/dev/zero", "folder", "rubbish", "NaN", "large"])
def test_odd_metrics_in_the_folder_of_a_run_are_refused_and_keep_no_weights_from_being_read(
    tmp_path: Path, rng: Generator, what: str
) -> None:
    np.savez(tmp_path / "model.npz", **MODELS["basic"](rng).state_dict())
    metrics = tmp_path / "metrics.jsonl"
    if what == "pipe":
        os.mkfifo(metrics)
    elif what == "folder":
        metrics.mkdir()
    elif what == "/dev/zero":
        metrics.symlink_to(what)
    elif what == "large":
        metrics.touch()
        os.truncate(metrics, 1 << 40)
    else:
        metrics.write_bytes({"rubbish": b"\xff[7", "NaN": b'{"test_accuracy": NaN}'}[what])
    assert load_trained(tmp_path / "model.npz").facts == {}
    assert refusal(tmp_path).startswith("holds no run (config.json is not there); ")
    (tmp_path / "config.json").write_text(json.dumps(FACTS | {"epochs": 1, "seed": 0}))
    with pytest.raises(CheckpointError) as caught:
        load_trained(tmp_path)
    assert str(caught.value).startswith(f"{metrics}: ") and str(caught.value).isprintable()


def with_metadata(content: bytes, metadata: str) -> bytes:
    """The file with this text in the place of its `__metadata__`."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = "HERE"
    text = json.dumps(header).replace('"HERE"', metadata).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    "metadata",
    ["null", "{}", '{"format": "pt"}', '{"facts": "{}"}', '{"facts": "null"}', '{"": "\\u0000"}'],
)
def test_other_metadata_of_safetensors(good: Path, metadata: str) -> None:
    good.write_bytes(with_metadata(good.read_bytes(), metadata))
    trained = load_trained(good)
    assert (trained.name, trained.facts) == ("basic", {})


@pytest.mark.parametrize(
    "metadata",
    [
        "[]",
        "7",
        '"text"',
        "[[[]]]",
        '{"facts": null}',
        '{"facts": {}}',
        '{"facts": {"model": "basic"}}',
        '{"facts": "[1, 2]"}',
        '{"facts": "7"}',
        '{"facts": "text"}',
        '{"facts": ""}',
        '{"facts": "\\ud800"}',
        json.dumps({"facts": "[" * 5000}),
        '{"facts": "{\\"model\\": [\\"basic\\"]}"}',
        '{"facts": "{\\"model\\": {}}"}',
        '{"facts": "{\\"pixel_std\\": NaN}"}',
        '{"facts": "{\\"pixel_mean\\": \\"0\\"}"}',
        '{"facts": "{\\"pixel_std\\": null}"}',
        json.dumps({"facts": '{"pixel_mean": ' + "9" * 400 + "}"}),
    ],
)
def test_metadata_of_safetensors_that_make_no_sense(good: Path, metadata: str) -> None:
    good.write_bytes(with_metadata(good.read_bytes(), metadata))
    refusal(good)
