"""Random rotations and shifts of images, so that no epoch sees the same ones twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Ranges to draw from, uniformly and for each image.

    Args:
        rotation: largest angle in degrees, either way around the centre.
        shift: largest distance in pixels, either way along each axis; fractions of a pixel too.
    """

    rotation: float = 15.0
    shift: float = 2.0

    def __post_init__(self) -> None:
        for name in ("rotation", "shift"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(
                    f"Augmentation: {name} {getattr(self, name)} given, 0 or more expected"
                )

    def __call__(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """A transformed copy of images (N, H, W)."""
        n = len(images)
        angles = np.deg2rad(rng.uniform(-self.rotation, self.rotation, n))
        shifts = rng.uniform(-self.shift, self.shift, (2, n))
        return rotate_and_shift(images, angles, shifts)


def rotate_and_shift(
    images: NDArray[np.uint8], angles: NDArray[Any], shifts: NDArray[Any]
) -> NDArray[np.uint8]:
    """Turn each image about its centre, then move it; bilinear, and black where nothing was.

    Args:
        images: (N, H, W).
        angles: (N,) in radians; positive turns from the second axis (right) to the first (down).
        shifts: (2, N) in pixels, down and right.

    Returns:
        (N, H, W), stored with the batch innermost, as `data.normalise` and convolutions like it.
    """
    n, height, width = images.shape
    padded = np.zeros((n, height + 2, width + 2), np.uint8)  # black all round, to sample from
    padded[:, 1:-1, 1:-1] = images
    # Each target pixel looks back: undo the shift, then the turn. float32 is exact to 1e-5 pixels.
    down = _from_centre(height)[:, None, None] - shifts[0].astype(np.float32)
    right = _from_centre(width)[None, :, None] - shifts[1].astype(np.float32)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    y, dy = _split(cos * down - sin * right, height)
    x, dx = _split(sin * down + cos * right, width)
    corner = (y * (width + 2) + x) + np.arange(n, dtype=np.int32) * ((height + 2) * (width + 2))
    pixels = padded.reshape(-1)

    def at(offset: int) -> NDArray[np.uint8]:
        return np.take(pixels, corner + offset)

    upper = at(0) * (1 - dx) + at(1) * dx
    lower = at(width + 2) * (1 - dx) + at(width + 3) * dx
    mixed = upper * (1 - dy) + lower * dy
    return np.rint(mixed).astype(np.uint8).transpose(2, 0, 1)


def _from_centre(size: int) -> NDArray[np.float32]:
    return np.arange(size, dtype=np.float32) - (size - 1) / 2


def _split(from_centre: NDArray[Any], size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Distances from the centre as the padded pixel before each, and the fraction beyond it."""
    place = np.clip(from_centre + (size + 1) / 2, 0, np.nextafter(np.float32(size + 1), 0))
    whole = place.astype(np.int32)
    return whole, (place - whole).astype(np.float32)
