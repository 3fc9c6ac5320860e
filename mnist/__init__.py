"""MNIST: reading it, drawing a stand-in, augmenting it, and training networks on it."""

from mnist.data import DataError, Dataset, DownloadError, load, open_dataset

__all__ = ["DataError", "Dataset", "DownloadError", "load", "open_dataset"]
