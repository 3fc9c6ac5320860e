"""Folders of runs, written by hand: as trainings write them now, and as 0.1 left them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist.data import Dataset
from mnist.storage import checkpoints
from nn import Module


def entry(epoch: int, test_accuracy: float) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train_loss": 0.9 / epoch,
        "train_accuracy": 0.7,
        "validation_loss": None,
        "validation_accuracy": None,
        "test_loss": 0.8 / epoch,
        "test_accuracy": test_accuracy,
    }


TWO = (entry(1, 0.7), entry(2, 0.8125))


def write_lines(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in entries))


def store(
    folder: Path,
    dataset: Dataset,
    model: Module,
    /,
    metrics: Sequence[dict[str, Any]] = TWO,
    **facts: Any,
) -> Path:
    """A run of now: what is told of it is in last.ckpt, and repeated in the other files."""
    settings, about = _facts(dataset, model, facts)
    settings["format"] = 2
    about["data_sha256"] = dataset.fingerprint
    _write(folder, {**settings, **about}, metrics)
    state = {"config": settings, "dataset": about, "model": model.state_dict(), "format": 2}
    checkpoints.write(folder / "last.ckpt", {**state, "metrics": list(metrics)})
    return folder


def store_of_0_1(
    folder: Path,
    dataset: Dataset,
    model: Module,
    /,
    metrics: Sequence[dict[str, Any]] = TWO,
    **facts: Any,
) -> Path:
    """A run of 0.1, or a vote: its weights are in model.npz, and no file has a fingerprint."""
    settings, about = _facts(dataset, model, facts)
    _write(folder, {**settings, **about}, metrics)
    np.savez(folder / "model.npz", **model.state_dict())  # type: ignore[arg-type]
    return folder


def _facts(
    dataset: Dataset, model: Module, changes: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings, and facts of the data and the network."""
    settings = {"model": "basic", "epochs": 2, "lr": 0.05, "seed": 4, "members": 1}
    about = {
        "parameters": sum(p.size for p in model.parameters()),
        "dataset": dataset.name,
        "train_images": len(dataset.train_images),
        "pixel_mean": dataset.mean,
        "pixel_std": dataset.std,
    }
    for name, value in changes.items():
        (about if name in about else settings)[name] = value
    return settings, about


def _write(folder: Path, facts: dict[str, Any], metrics: Sequence[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(facts))
    write_lines(folder / "metrics.jsonl", metrics)
    (folder / "times.jsonl").write_text('{"epoch": 1, "seconds": 61.0}\n{"epoch": 2, "sec')
