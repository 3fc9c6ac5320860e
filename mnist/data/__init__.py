"""MNIST and what stands in for it: read, downloaded or drawn, augmented, in batches."""

from mnist.data.dataset import CHOICES, Dataset, held_out, load, normalise, open_dataset
from mnist.data.download import DownloadError
from mnist.data.idx import DataError

__all__ = [
    "CHOICES",
    "DataError",
    "Dataset",
    "DownloadError",
    "held_out",
    "load",
    "normalise",
    "open_dataset",
]
