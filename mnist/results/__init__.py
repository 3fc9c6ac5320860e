"""Results of a training to look at: pictures, a page, and two runs side by side."""

from mnist.results.comparison import compare_runs
from mnist.results.predictions import Predictions, predict, saliency
from mnist.results.rendering import HINT
from mnist.results.report import plot_curves, write_report
from mnist.results.stored import StoredRun, load_run

__all__ = [
    "HINT",
    "Predictions",
    "StoredRun",
    "compare_runs",
    "load_run",
    "plot_curves",
    "predict",
    "saliency",
    "write_report",
]
