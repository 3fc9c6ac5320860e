"""Results of a training to look at: pictures, a page, and two runs side by side."""

from mnist.results.charts import plot_curves
from mnist.results.comparison import compare_runs
from mnist.results.pixel_gradients import saliency
from mnist.results.predictions import Predictions, predict
from mnist.results.rendering import HINT
from mnist.results.stored import ReportError
from mnist.results.tables import run_html
from mnist.results.writing import write_report

__all__ = [
    "HINT",
    "Predictions",
    "ReportError",
    "compare_runs",
    "plot_curves",
    "predict",
    "run_html",
    "saliency",
    "write_report",
]
