"""Loss and accuracy of a network on images that it was not trained on."""

from __future__ import annotations

from typing import Literal

import numpy as np

from autograd import Tensor, no_grad
from mnist.data.batches import evaluation_batches
from mnist.data.dataset import Dataset
from nn import Module
from nn import functional as F
from nn.distributed import Group, rank_and_size


def evaluate(
    model: Module,
    dataset: Dataset,
    batch_size: int = 1000,
    *,
    part: Literal["test", "validation"] = "test",
    limit: int | None = None,
    group: Group | None = None,
) -> tuple[float, float]:
    """Mean loss and accuracy (a fraction), in evaluation mode; at most `limit` batches.

    The processes of a group evaluate a part each, and all get the result.
    """
    was_training = model.training
    model.eval()
    sums = np.zeros(3)  # of losses, of what is right, and how many there are
    rank, size = rank_and_size(group)
    batches = evaluation_batches(dataset, batch_size, part=part, limit=limit, rank=rank, size=size)
    with no_grad():
        for images, labels in batches:
            scores = model(Tensor(images))
            loss = F.cross_entropy(scores, labels, reduction="sum").item()
            sums += loss, (scores.data.argmax(axis=1) == labels).sum(), len(labels)
    model.train(was_training)
    loss_sum, hits, seen = sums if group is None else group.sum(sums, "evaluation")
    return float(loss_sum / seen), float(hits / seen)
