"""Pictures of a training. Needs matplotlib, the `plot` extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HINT = "for curves.png install matplotlib: pip install 'pullback[plot]'"


def plot_curves(metrics: list[dict[str, Any]], title: str, path: Path) -> bool:
    """Draw loss and accuracy over the epochs into a PNG; False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator, PercentFormatter
    except ImportError:
        return False
    epochs = [entry["epoch"] for entry in metrics]
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part, style in (("train", "o--"), ("test", "o-")):
            values = [entry[f"{part}_{quantity}"] for entry in metrics]
            axes.plot(epochs, values, style, label=f"{part} {quantity}", markersize=4)
        axes.set_xlabel("epoch")
        axes.set_ylabel("cross-entropy" if quantity == "loss" else "accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend()
        if quantity == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.savefig(path, dpi=120)
    return True
