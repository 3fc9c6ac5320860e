"""Random rotations, shifts and distortions of images, so that no epoch sees the same ones twice."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_NODES = 4  # of the elastic distortion along each axis; they lie 9 pixels apart


@dataclass(frozen=True)
class Augmentation:
    """Ranges to draw from, uniformly and for each image.

    Args:
        rotation: largest angle in degrees, either way around the centre.
        shift: largest distance in pixels, either way along each axis; fractions of a pixel too.
        zoom: largest relative change of size, along each axis apart: 0.1 draws from 1 / 1.1 to 1.1.
        shear: largest slant, in pixels to the side for each pixel up.
        elastic: largest displacement, in pixels along each axis, of the nodes of a coarse grid;
            the pixels between follow smoothly (after Simard et al. 2003).
    """

    rotation: float = 15.0
    shift: float = 2.0
    zoom: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"Augmentation: {field.name} {value} given, 0 or more expected")

    def __call__(
        self,
        images: Image,
        rng: np.random.Generator,
        rows: NDArray[np.intp] | None = None,
        count: int = 0,
    ) -> Image:
        """A transformed copy of images (N, H, W).

        Where they are `rows` (N,) of a batch of `count`, they are transformed as within the batch.
        """
        n, own = (len(images), slice(None)) if rows is None else (count, rows)
        angles = np.deg2rad(rng.uniform(-self.rotation, self.rotation, n))[own]
        shifts = rng.uniform(-self.shift, self.shift, (2, n))[:, own]
        if not (self.zoom or self.shear or self.elastic):
            return rotate_and_shift(images, angles, shifts)
        largest = np.log1p(self.zoom)
        sizes = np.exp(rng.uniform(-largest, largest, (2, n)))[:, own]
        slants = rng.uniform(-self.shear, self.shear, n)[own]
        nodes = rng.uniform(-self.elastic, self.elastic, (2, _NODES, _NODES, n))[..., own]
        return distort(images, angles, shifts, sizes, slants, nodes)


def rotate_and_shift(images: Image, angles: NDArray[Any], shifts: NDArray[Any]) -> Image:
    """Turn each image about its centre, then move it; bilinear, and black where nothing was.

    Args:
        images: (N, H, W).
        angles: (N,) in radians; positive turns from the second axis (right) to the first (down).
        shifts: (2, N) in pixels, down and right.

    Returns:
        (N, H, W), stored with the batch innermost, as `data.normalise` and convolutions like it.
    """
    return _sampled(images, *_turned(images, angles, shifts))


def distort(
    images: Image,
    angles: NDArray[Any],
    shifts: NDArray[Any],
    sizes: NDArray[Any],
    slants: NDArray[Any],
    nodes: NDArray[Any],
) -> Image:
    """Distort each image elastically, slant it, change its size, turn it, then move it.

    Args:
        images, angles, shifts: as for `rotate_and_shift`.
        sizes: (2, N), the factors of height and width.
        slants: (N,), pixels to the right for each pixel down.
        nodes: (2, K, K, N), displacements in pixels, down and right, of what lies at the nodes of a
            grid that spans the image.

    Returns:
        (N, H, W), stored with the batch innermost.
    """
    # Each target pixel looks back: all is undone in the opposite order.
    down, right = _turned(images, angles, shifts)
    factors = sizes.astype(np.float32)
    down, right = down / factors[0], right / factors[1]
    right = right - slants.astype(np.float32) * down
    rows, columns = (_smooth(size, nodes.shape[1]) for size in images.shape[1:])
    moved = rows @ nodes.astype(np.float32).reshape(2, nodes.shape[1], -1)
    moved = moved.reshape(2, len(rows), nodes.shape[2], -1)
    moved = np.matmul(columns, moved)
    return _sampled(images, down - moved[0], right - moved[1])


def _turned(
    images: Image, angles: NDArray[Any], shifts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where each target pixel comes from, from the centre: (H, W, N) pixels down, and right."""
    # Undo the shift, then the turn. float32 is exact to 1e-5 pixels.
    _, height, width = images.shape
    down = _from_centre(height)[:, None, None] - shifts[0].astype(np.float32)
    right = _from_centre(width)[None, :, None] - shifts[1].astype(np.float32)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    return cos * down - sin * right, sin * down + cos * right


def _sampled(images: Image, down: NDArray[Any], right: NDArray[Any]) -> Image:
    """The images at places counted from the centre, bilinear."""
    n, height, width = images.shape
    padded = np.zeros((n, height + 2, width + 2), np.uint8)  # black all round, to sample from
    padded[:, 1:-1, 1:-1] = images
    y, dy = _split(down, height)
    x, dx = _split(right, width)
    corner = (y * (width + 2) + x) + np.arange(n, dtype=np.int32) * ((height + 2) * (width + 2))
    pixels = padded.reshape(-1)

    def at(offset: int) -> NDArray[Any]:
        return np.asarray(np.take(pixels, corner + offset))

    upper = at(0) * (1 - dx) + at(1) * dx
    lower = at(width + 2) * (1 - dx) + at(width + 3) * dx
    mixed = upper * (1 - dy) + lower * dy
    return np.asarray(np.rint(mixed).transpose(2, 0, 1), np.uint8)


def _from_centre(size: int) -> NDArray[np.float32]:
    return np.arange(size, dtype=np.float32) - (size - 1) / 2


@lru_cache(maxsize=8)
def _smooth(size: int, nodes: int) -> NDArray[np.float32]:
    """The matrix (size, nodes) of an interpolation between nodes, by half a wave of the cosine."""
    place = np.linspace(0, nodes - 1, size)
    before = np.minimum(place.astype(int), nodes - 2)
    weight = (1 - np.cos(np.pi * (place - before))) / 2
    matrix = np.zeros((size, nodes), np.float32)
    matrix[np.arange(size), before] = 1 - weight
    matrix[np.arange(size), before + 1] = weight
    return matrix


def _split(from_centre: NDArray[Any], size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Distances from the centre as the padded pixel before each, and the fraction beyond it."""
    place = np.clip(from_centre + (size + 1) / 2, 0, np.nextafter(np.float32(size + 1), 0))
    whole = place.astype(np.int32)
    return whole, (place - whole).astype(np.float32)
