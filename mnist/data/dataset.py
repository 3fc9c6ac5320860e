"""From a folder, a download or the drawing program to arrays that a network can train on."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist.data import drawn
from mnist.data.download import FILES, REMEDY, DownloadError, download
from mnist.data.files import shown
from mnist.data.idx import DataError, read_images, read_labels, sha256

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]

CHOICES = ("auto", "mnist", "drawn")
DRAWN = "drawn digits"
DEFAULT_FOLDER = Path("data")
# Beneath the folder itself, where torchvision puts the files below the root it is given
# (MNIST/raw) and below the folder of one data set (raw).
_LAYOUTS = (".", "MNIST/raw", "raw")
_BLOCK = 1024  # images worked on at once, to keep temporaries small


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images uint8 (N, 28, 28), labels uint8 (N,), and the name to show beside every result.

    The validation set is empty unless `held_out` has taken it from the training set.

    Attributes:
        folder: where its files lie.
        seed: what it was drawn from, if it was.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    validation_images: NDArray[np.uint8] = field(
        default_factory=lambda: np.empty((0, 28, 28), np.uint8)
    )
    validation_labels: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    folder: Path | None = None
    seed: int | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all images and labels, the same whatever is held out of them."""
        digest = hashlib.sha256()
        for parts in (
            (self.train_images, self.validation_images),
            (self.train_labels, self.validation_labels),
            (self.test_images,),
            (self.test_labels,),
        ):
            digest.update(sum(map(len, parts)).to_bytes(8, "little"))
            for part in parts:
                digest.update(np.ascontiguousarray(part).reshape(-1).data)
        return digest.hexdigest()

    @property
    def mean(self) -> float:
        """Mean of the training pixels, scaled to [0, 1]; 0.1307 for MNIST."""
        pixels, total, _ = self._moments
        return total / (255 * pixels)

    @property
    def std(self) -> float:
        """Standard deviation of the training pixels, scaled to [0, 1]; 0.3081 for MNIST."""
        pixels, total, squares = self._moments
        return math.sqrt(pixels * squares - total * total) / (255 * pixels)

    @cached_property
    def _moments(self) -> tuple[int, int, int]:
        """Number, sum and sum of squares of the training pixels: integers, hence exact."""
        counts = np.zeros(256, dtype=np.int64)
        # In blocks, as bincount makes eight bytes of every pixel.
        for start in range(0, len(self.train_images), _BLOCK):
            block = self.train_images[start : start + _BLOCK]
            counts += np.bincount(block.reshape(-1), minlength=256)
        levels = np.arange(256)
        return int(counts.sum()), int(counts @ levels), int(counts @ levels**2)


def load(data_dir: str | Path | None = None) -> tuple[Pair, Pair]:
    """Read ((train_images, train_labels), (test_images, test_labels)) from four IDX files.

    Images are uint8 (N, 28, 28), labels uint8 (N,), 0 to 9. The folder is `data_dir`, else the
    environment variable MNIST_DIR, else ./data; only into ./data are missing files downloaded.
    Files may be .gz or plain, in the folder itself or in torchvision's layout beneath it.

    Raises `DataError` when a named folder lacks files or a file is damaged, `DownloadError` when
    a download is needed and fails.
    """
    return _read_folder(_find(data_dir))


def open_dataset(
    which: str = "auto",
    data_dir: str | Path | None = None,
    seed: int = 0,
    announce: Callable[[str], None] = print,
) -> Dataset:
    """Open MNIST ("mnist"), drawn digits ("drawn"), or MNIST if it can be had ("auto").

    `seed` makes the drawn digits; `announce` is given the one line that tells of "auto" falling
    back on them. That happens only when no folder was named, ./data lacks the files and the
    download fails: data that the user named, or that is damaged, is never silently replaced.

    Raises `ValueError` for an unknown `which`, `DataError` and `DownloadError` as `load` does.
    """
    if which not in CHOICES:
        raise ValueError(f"no data set {which!r}: choose one of {', '.join(CHOICES)}")
    if which == "drawn":
        return _drawn(seed)
    try:
        files = _find(data_dir)
    except DownloadError as error:
        if which == "mnist":
            raise
        dataset = _drawn(seed)
        train, test = len(dataset.train_images), len(dataset.test_images)
        announce(
            f"MNIST is neither in ./{DEFAULT_FOLDER} nor downloadable ({error.brief}): using "
            f"{train + test:,} drawn digits instead ({train:,} to train, {test:,} to test); "
            "--data-dir FOLDER uses your files."
        )
        return dataset
    train_pair, test_pair = _read_folder(files)
    folder = next(iter(files.values())).parent.absolute()
    return Dataset(_name(files, train_pair, test_pair), *train_pair, *test_pair, folder=folder)


def held_out(dataset: Dataset, count: int) -> Dataset:
    """The same with the last `count` training images as the validation set.

    The files are in no order of digits. Raises `DataError` where no image would be left to train.
    """
    if not count:
        return dataset
    size = len(dataset.train_images)
    if not 0 < count < size:
        raise DataError(
            f"{count:,} validation images wanted of {size:,} training images; "
            f"hold out 1 to {size - 1:,}"
        )
    return replace(
        dataset,
        train_images=dataset.train_images[:-count],
        train_labels=dataset.train_labels[:-count],
        validation_images=dataset.train_images[-count:],
        validation_labels=dataset.train_labels[-count:],
    )


def normalise(images: NDArray[np.uint8], mean: float, std: float) -> NDArray[np.float32]:
    """Turn uint8 images (N, 28, 28) into float32 (N, 1, 28, 28): (x / 255 - mean) / std.

    The result is a view of contiguous (1, 28, 28, N) storage, the batch axis innermost in memory:
    the engine's convolutions run over whole batches pixel by pixel and are fastest when these
    lie side by side. The values are the same in either order.

    Raises `ValueError` for other types or shapes, and for a `std` that is not above 0 (all pixels
    equal: there is nothing to learn from).
    """
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(f"images are {images.dtype} {images.shape}, not uint8 (N, 28, 28)")
    if not (std > 0 and math.isfinite(std) and math.isfinite(mean)):
        raise ValueError(f"mean {mean} and std {std} cannot normalise: std must be above 0")
    # A pixel has 256 possible values: each is computed once, in double precision.
    table = ((np.arange(256) / 255 - mean) / std).astype(np.float32)
    storage = np.empty((1, 28, 28, len(images)), dtype=np.float32)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        storage[0, :, :, start : start + _BLOCK] = table[block.transpose(1, 2, 0)]
    return np.asarray(storage.transpose(3, 0, 1, 2))


def _find(data_dir: str | Path | None) -> dict[str, Path]:
    """Where each of `FILES` lies, after a download if need be."""
    named: str | Path | None = data_dir or os.environ.get("MNIST_DIR") or None
    folder = DEFAULT_FOLDER if named is None else Path(named)
    found = _look_in(folder)
    if len(found) < len(FILES) and named is None:
        found = _look_in(download(folder))
    if len(found) < len(FILES):
        missing = ", ".join(name for name in FILES if name not in found)
        state = f"lacks {missing} (.gz or plain)"
        if not folder.is_dir():
            state = "is a file, not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{shown(folder)}: {state}; {REMEDY}")
    return found


def _look_in(folder: Path) -> dict[str, Path]:
    """The files in the first layout that has all four, else those in the fullest."""
    # One layout must have them all: a mixture of two could pair images with foreign labels.
    return max((_listed(folder / layout) for layout in _LAYOUTS), key=len)


def _listed(folder: Path) -> dict[str, Path]:
    try:
        present = set(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DataError(
            f"{shown(folder)}: cannot be listed ({error.strerror}); "
            "make it readable for yourself or name another folder"
        ) from error
    found = {}
    for name in FILES:
        # Some distribute train-images.idx3-ubyte. Compressed first: gzip checks itself.
        dotted = name.replace("-idx", ".idx")
        variants = (f"{name}.gz", name, f"{dotted}.gz", dotted)
        paths = [folder / variant for variant in variants if variant in present]
        if paths:
            # Unpackers like to make a folder of the name; it counts only if nothing else is there.
            found[name] = min(paths, key=os.path.isdir)
    return found


def _read_folder(files: dict[str, Path]) -> tuple[Pair, Pair]:
    train_images, train_labels, test_images, test_labels = (files[name] for name in FILES)
    return _read_pair(train_images, train_labels), _read_pair(test_images, test_labels)


def _read_pair(images_path: Path, labels_path: Path) -> Pair:
    images, labels = read_images(images_path), read_labels(labels_path)
    if len(images) != len(labels):
        raise DataError(
            f"{shown(images_path)} holds {len(images):,} images but {shown(labels_path)} holds "
            f"{len(labels):,} labels; they do not belong together: replace one or both"
        )
    if not len(images):
        raise DataError(f"{shown(images_path)}: holds 0 images; put a file with some there")
    return images, labels


def _name(files: dict[str, Path], train: Pair, test: Pair) -> str:
    hashes = [sha256(array) for array in (*train, *test)]
    if hashes == list(FILES.values()):
        return "MNIST"
    folder = next(iter(files.values())).parent
    # Nothing in the files themselves tells Fashion-MNIST from other pictures: their folder must.
    full = folder.resolve()
    owner = full.parent if full.name == "raw" else full
    if "fashionmnist" in owner.name.lower().replace("-", "").replace("_", ""):
        return "Fashion-MNIST"
    return f"IDX files in {shown(folder)}"


def _drawn(seed: int) -> Dataset:
    train, test = drawn.load(seed=seed)
    return Dataset(DRAWN, *train, *test, seed=seed)
