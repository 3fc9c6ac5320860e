"""Loss and accuracy of a network on images that it was not trained on."""

from __future__ import annotations

from typing import Literal

from autograd import Tensor, no_grad
from mnist.batches import evaluation_batches
from mnist.data import Dataset
from nn import Module
from nn import functional as F


def evaluate(
    model: Module,
    dataset: Dataset,
    batch_size: int = 1000,
    *,
    part: Literal["test", "validation"] = "test",
    limit: int | None = None,
) -> tuple[float, float]:
    """Mean loss and accuracy (a fraction), in evaluation mode; at most `limit` batches."""
    was_training = model.training
    model.eval()
    seen, loss_sum, hits = 0, 0.0, 0
    with no_grad():
        for images, labels in evaluation_batches(dataset, batch_size, part=part, limit=limit):
            scores = model(Tensor(images))
            loss_sum += F.cross_entropy(scores, labels, reduction="sum").item()
            hits += int((scores.data.argmax(axis=1) == labels).sum())
            seen += len(labels)
    model.train(was_training)
    return loss_sum / seen, hits / seen
