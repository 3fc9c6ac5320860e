"""Two runs side by side: what was set differently, and whether one is really better."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist.data.dataset import Dataset
from mnist.data.files import shown
from mnist.results.predictions import DIGITS, Predictions, mcnemar, wilson
from mnist.results.stored import load_run
from mnist.results.wording import interval, percent, plain

_MOST_LISTED = 100  # indices of digits that only one run gets right
_UNSET = object()


def compare_runs(a: Path, b: Path, dataset: Dataset) -> str:
    """Both networks on the test set of `dataset`, as text for a terminal.

    Raises RunError where a folder is not that of a run, or one of them was trained on other data,
    and CheckpointError where one is damaged.
    """
    runs = [load_run(a), load_run(b)]
    first, second = (run.predict(dataset) for run in runs)
    return "\n\n".join(
        [
            "\n".join(
                f"{letter}: {shown(run.folder)}"
                + (f" ({run.trained.note})" if run.trained.note else "")
                for letter, run in zip("AB", runs, strict=True)
            ),
            "Settings that differ\n" + _settings(runs[0].facts, runs[1].facts),
            f"Accuracy on {len(dataset.test_labels):,} test images of {dataset.name}\n"
            + _accuracies(first, second),
            "Is the difference chance?\n" + _verdict(first, second),
            _only("A", first.right & ~second.right),
            _only("B", second.right & ~first.right),
            "Right of each digit\n" + _digits(first, second),
        ]
    )


def _settings(a: dict[str, Any], b: dict[str, Any]) -> str:
    names = [name for name in {**a, **b} if a.get(name, _UNSET) != b.get(name, _UNSET)]
    rows = [
        [plain(name), *(plain(facts[name]) if name in facts else "-" for facts in (a, b))]
        for name in names
    ]
    return _aligned([["", "A", "B"], *rows], left=True) if rows else "  none"


def _accuracies(first: Predictions, second: Predictions) -> str:
    rows = [["", "right", "wrong", "accuracy", "95 % interval (Wilson)"]]
    for name, found in (("A", first), ("B", second)):
        count = len(found.labels)
        limits = interval(*wilson(found.hits, count))
        wrong = f"{count - found.hits:,}"
        rows.append([name, f"{found.hits:,}", wrong, percent(found.accuracy), limits])
    return _aligned(rows)


def _verdict(first: Predictions, second: Predictions) -> str:
    only_a = int((first.right & ~second.right).sum())
    only_b = int((second.right & ~first.right).sum())
    p = mcnemar(only_a, only_b)
    better = "A" if only_a > only_b else "B"
    told = (
        f"{better} is better beyond chance (p below 0.05)."
        if p < 0.05
        else "It may well be: two equally good networks differ at least so much that often."
    )
    return textwrap.indent(
        f"Only A is right on {only_a:,} images, only B on {only_b:,}: p = {p:.3g}.\n{told}\n"
        "McNemar's exact test, two-sided: the binomial distribution of these images with\n"
        "probability 1/2 (McNemar 1947, Psychometrika 12; Fagerland et al. 2013, BMC Med. Res.\n"
        "Methodol. 13:91). It judges these two networks, not what other seeds would give.",
        "  ",
    )


def _only(name: str, chosen: NDArray[np.bool_]) -> str:
    indices = np.flatnonzero(chosen)
    title = f"Test images that only {name} gets right, by index"
    if not len(indices):
        return f"{title}\n  none"
    text = " ".join(map(str, indices[:_MOST_LISTED]))
    if len(indices) > _MOST_LISTED:
        text += f" and {len(indices) - _MOST_LISTED:,} more"
    return f"{title}\n" + textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="  ")


def _digits(first: Predictions, second: Predictions) -> str:
    counts = first.confusion.sum(axis=1)
    hits = np.stack([first.confusion.diagonal(), second.confusion.diagonal()])
    rows = [["digit", "images", "A", "B", "B - A"]]
    for digit in range(DIGITS):
        a, b = hits[:, digit]
        rows.append([str(digit), f"{counts[digit]:,}", f"{a:,}", f"{b:,}", f"{b - a:+,}"])
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]], left: bool = False) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
