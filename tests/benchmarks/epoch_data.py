"""The data and the settings of the timed epoch: one file that both sides read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

# As train.py has them; the rate is that of the basic net.
SETTINGS: dict[str, Any] = {
    "lr": 0.05,
    "batch_size": 64,
    "test_batch_size": 1000,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "rotation": 15.0,
    "shift": 2.0,
    "seed": 0,
}


def prepare(folder: Path, small: bool) -> tuple[str, int]:
    """Write data.npz; gives the data's name and the number of training images.

    MNIST if MNIST_DIR names its folder, otherwise drawn digits; `small`: a few drawn digits.
    """
    from mnist.data import drawn, open_dataset

    if small:
        (images, labels), (test_images, test_labels) = drawn.load(train=512, test=256)
        name, arrays = "drawn digits", (images, labels, test_images, test_labels)
    else:
        data = open_dataset("mnist" if os.environ.get("MNIST_DIR") else "drawn")
        name = data.name
        arrays = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    names = ("train_images", "train_labels", "test_images", "test_labels")
    np.savez(folder / "data.npz", **dict(zip(names, arrays, strict=True)))
    return name, len(arrays[0])
