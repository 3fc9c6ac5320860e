"""MNIST: reading it, drawing a stand-in, augmenting it, and training networks on it."""

from mnist.data import Dataset, load, open_dataset
from mnist.download import DownloadError
from mnist.idx import DataError

__all__ = ["DataError", "Dataset", "DownloadError", "load", "open_dataset"]
