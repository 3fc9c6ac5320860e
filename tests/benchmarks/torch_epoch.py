"""One epoch of W1 in PyTorch as `mnist.training` runs it: the same order of the images, the same
angles and shifts, schedule, optimizer and evaluation, each by PyTorch's own means, and batches made
on a thread beside the steps. What `mnist.training` does besides, to look at each gradient for NaN
and to write checkpoints, is in our time alone.

The random numbers are drawn as `mnist.data.batches` and `mnist.data.augment` draw them, so that
both sides see the same images, rounded to whole grey values, and have to reach the same losses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch.nn import functional as F

# The streams of random numbers, as in mnist.data.batches.
SHUFFLE, AUGMENT = 1, 2
EPOCH = 1
AHEAD = 4  # batches, as there

Item = TypeVar("Item")


def run(
    model: torch.nn.Module,
    folder: str,
    lr: float,
    batch_size: int,
    test_batch_size: int,
    momentum: float,
    weight_decay: float,
    rotation: float,
    shift: float,
    seed: int,
) -> list[float]:
    """Train once through the data of `folder`, then test; units as in mnist.config.Config.

    Returns training loss and accuracy, and test loss and accuracy, means.
    """
    with np.load(Path(folder) / "data.npz") as arrays:
        images, labels, test_images, test_labels = (torch.from_numpy(arrays[n]) for n in arrays)
    pixels = images.to(torch.float32)
    mean, std = float(pixels.mean()), float(pixels.std())
    del pixels
    steps = -(-len(images) // batch_size)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=steps, cycle_momentum=False
    )
    order = np.random.default_rng([seed, SHUFFLE, EPOCH]).permutation(len(images))
    loss_sum, train_hits = 0.0, 0

    def make(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.from_numpy(order[index * batch_size : (index + 1) * batch_size])
        turned = augment(
            images[chosen].to(torch.float32).unsqueeze(1),
            rotation,
            shift,
            np.random.default_rng([seed, AUGMENT, EPOCH, index]),
        )
        return (turned - mean) / std, labels[chosen].long()

    for index, (x, y) in enumerate(ahead(make, steps)):
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if index + 1 < steps:
            schedule.step()
        loss_sum += loss.item() * len(y)
        train_hits += int((scores.argmax(1) == y).sum())
    model.eval()
    test_loss, hits = 0.0, 0
    with torch.no_grad():
        for x, y in zip(
            test_images.split(test_batch_size), test_labels.split(test_batch_size), strict=True
        ):
            scores = model((x.to(torch.float32).unsqueeze(1) - mean) / std)
            test_loss += F.cross_entropy(scores, y.long(), reduction="sum").item()
            hits += int((scores.argmax(1) == y).sum())
    trained = loss_sum / len(images), train_hits / len(images)
    return [*trained, test_loss / len(test_images), hits / len(test_images)]


def ahead(make: Callable[[int], Item], count: int) -> Iterator[Item]:
    """make(0), make(1) and so on, a few made beside what is done with those before."""
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(make, index) for index in range(min(AHEAD, count)))
        for index in range(count):
            item = waiting.popleft().result()
            if index + AHEAD < count:
                waiting.append(pool.submit(make, index + AHEAD))
            yield item


def augment(
    images: torch.Tensor, rotation: float, shift: float, rng: np.random.Generator
) -> torch.Tensor:
    """Images (N, 1, H, H) turned by up to `rotation` degrees, moved by up to `shift` pixels."""
    n, half = len(images), (images.shape[-1] - 1) / 2
    angles = np.deg2rad(rng.uniform(-rotation, rotation, n))
    down, right = rng.uniform(-shift, shift, (2, n)) / half  # half the image is one unit
    cos, sin = np.cos(angles), np.sin(angles)
    # Each target pixel looks back: undo the shift, then the turn. Rows: across, then down.
    look_back = np.array(
        [[cos, sin, -(cos * right + sin * down)], [-sin, cos, sin * right - cos * down]]
    )
    theta = torch.from_numpy(look_back.transpose(2, 0, 1).astype(np.float32))
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    return F.grid_sample(images, grid, align_corners=True).round_()
