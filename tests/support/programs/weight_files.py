"""What tests of files of weights share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mnist.models import MODELS
from mnist.storage.reading import CheckpointError
from mnist.storage.weights import load_trained
from nn import Module

FACTS = {"model": "basic", "epochs": 2, "seed": 3, "pixel_mean": 0.25, "pixel_std": 0.5}


def network(name: str, rng: np.random.Generator) -> Module:
    """One with parameters and statistics of no special values."""
    model = MODELS[name](rng)
    model.load_state_dict(
        {
            key: np.abs(rng.normal(size=value.shape)) if value.dtype.kind == "f" else value + 5
            for key, value in model.state_dict().items()
        }
    )
    return model


def refusal(path: Path, named: Path | None = None) -> str:
    """What is said of weights that are refused, on one line; it names the file."""
    with pytest.raises(CheckpointError) as caught:
        load_trained(path)
    message = str(caught.value)
    assert message.startswith(f"{named or path}: ")
    assert len(message.splitlines()) == 1 and "; " in message and message[-1] not in ".;: "
    return message.removeprefix(f"{named or path}: ")
