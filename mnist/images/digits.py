"""From a picture of a digit to what MNIST's digits are.

"The original black and white (bilevel) images were size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio. The resulting images contain grey levels as a result of the
anti-aliasing technique used by the normalization algorithm. The images were centered in a 28x28
image by computing the center of mass of the pixels, and translating the image so as to position
this point at the center of the 28x28 field." (the MNIST page; LeCun, Bottou, Bengio and Haffner
1998, section III.A). Before that, the ink has to be told from the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist.images.pictures import PictureError, block_means

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

SIDE, BOX = 28, 20
_CENTRE = 14  # index of the row and column where MNIST's centres of mass are, give or take a half
_WORKED_ON = 160  # pixels along the longer side: eight for each of the box, and quick
_LEAST_CONTRAST = 6.0  # grey levels of 256 between ink and paper
_LEAST_SIGNAL = 5.0  # standard deviations of the noise
_FAINT = 0.04  # of full ink: what is fainter counts as paper
_SPECK = 0.03  # of the mass of the largest part: what is smaller is dirt
_THIN = 1.3  # pixels of the 28 x 28: thinner pens than 99 % of MNIST's ...
_PEN = 1.9  # ... are made as wide as is usual there
_DISTANT = 0.15  # of the longer side: an empty band so wide parts two digits


@dataclass(frozen=True, eq=False)
class Digit:
    """A digit in MNIST's form.

    Attributes:
        image: uint8 (28, 28), 0 the background, 255 full ink.
        inverted: whether the picture was dark on light, the opposite of MNIST.
        scattered: whether the ink lies in parts so distant that it may be several digits.
    """

    image: NDArray[np.uint8]
    inverted: bool
    scattered: bool

    def __str__(self) -> str:
        """The image as 28 lines of characters, two for each pixel, as a pixel is square."""
        shades = " .:-=+*#%@"
        chosen = (self.image.astype(int) * len(shades)) // 256
        return "\n".join("".join(2 * shades[n] for n in row).rstrip() for row in chosen)


def to_mnist(picture: NDArray[Any], name: str = "the picture") -> Digit:
    """Bring a picture of one digit, light on dark or dark on light, into MNIST's form.

    Args:
        picture: levels (H, W) on a scale on which black and white are 255 apart, as
            `pictures.read_picture` gives them. What is ink and what is paper is told from the
            border; paper may be unevenly lit.
        name: what to call the picture in messages.

    Raises `PictureError` where there is no digit, `ValueError` for an array of another shape.
    """
    if picture.ndim != 2 or not picture.size:
        raise ValueError(f"a picture of shape {picture.shape} given, (H, W) expected")
    factor = _blocks(picture)
    while True:
        ink, inverted = _ink(block_means(picture, factor), name)
        box = _box(ink)
        closer = picture[_around(box, factor, picture.shape)]
        if _blocks(closer) == factor:
            break
        picture, factor = closer, _blocks(closer)  # a small digit on a large page
    digit = _thickened(ink[box])
    return Digit(_placed(_normalised(digit)), inverted, _widest_gap(digit) > _DISTANT)


def from_ink(ink: NDArray[np.uint8], name: str = "the drawing") -> NDArray[np.uint8]:
    """Bring a drawing into MNIST's form, uint8 (28, 28): `to_mnist` without the search for ink.

    Args:
        ink: (H, W), from 0, the paper, to 255, full ink, as a program draws it: none of it is dirt.
        name: what to call the drawing in messages.

    Raises `PictureError` where there is no ink, `ValueError` for an array of another shape.
    """
    if ink.ndim != 2 or not ink.size:
        raise ValueError(f"a drawing of shape {ink.shape} given, (H, W) expected")
    if not ink.any():
        raise PictureError(f"{name}: is blank; draw one digit")
    levels = ink.astype(np.float32) / np.float32(255)
    return _placed(_normalised(_thickened(levels[_box(levels)])))


def _blocks(picture: NDArray[Any]) -> int:
    """The sides of the blocks that bring the longer side down to what is worked on."""
    return -(-int(max(picture.shape)) // _WORKED_ON)


def _ink(levels: Floats, name: str) -> tuple[Floats, bool]:
    """How much of each pixel is ink, 0 to 1 (H, W), and whether that is darker than the paper."""
    away = levels - _paper(levels)
    noise = _noise(away[_frame(away.shape)])
    beyond = np.maximum(np.abs(away) - 4 * noise, 0) ** 2
    inverted = bool(beyond[away < 0].sum() > beyond[away > 0].sum())
    if inverted:
        away = -away
    count = max(4, away.size // 1000)
    top = float(np.sort(away, axis=None)[-count:].mean())
    if top < max(_LEAST_CONTRAST, _LEAST_SIGNAL * noise):
        what = "is blank" if np.ptp(levels) < _LEAST_CONTRAST else "shows no digit"
        raise PictureError(f"{name}: {what}; draw one digit, with paper around it")
    full = float(np.median(away[away > top / 2]))
    ink: Floats = np.clip(away / full, 0, 1).astype(np.float32)
    labels, parts = components(ink >= max(_FAINT, 4 * noise / full))
    mass = np.bincount(labels.ravel(), ink.ravel(), parts + 1)
    peak = np.zeros(parts + 1)
    np.maximum.at(peak, labels.ravel(), ink.ravel())
    dirt = (mass < _SPECK * mass[1:].max(initial=0)) | (peak < 0.5)
    dirt[0] = True
    ink[dirt[labels]] = 0
    if not ink.any():
        raise PictureError(f"{name}: shows no digit; draw one digit, with paper around it")
    return ink, inverted


def _noise(away: Floats) -> float:
    """The standard deviation of what is paper for the most part."""
    size = np.abs(away)
    off = size > 1e-3
    # Of noise on black or white paper about half is cut off: only the rest tells its size.
    return 1.4826 * float(np.median(size[off])) if off.mean() > 0.3 else 0.0


def _frame(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The outer sixteenth of a picture, at least a pixel."""
    wide = max(1, min(shape) // 16)
    frame = np.ones(shape, bool)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _paper(levels: Floats) -> Floats:
    """The level of the paper at each pixel (H, W): a parabola fitted to the frame.

    Where ink reaches into the frame it is left out, as what is far from the rest; it has to be
    the lesser part.
    """
    frame = _frame(levels.shape)
    known = levels[frame].astype(np.float64)
    median = float(np.median(known))
    if np.count_nonzero(known == median) > 0.6 * known.size:  # drawn, not photographed
        return np.full(levels.shape, median, np.float32)
    down, right = (np.linspace(-1, 1, size) for size in levels.shape)
    y, x = np.meshgrid(down, right, indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    basis, factors = terms[frame], np.array([median, 0, 0, 0, 0, 0])
    for _ in range(5):
        away = np.abs(known - basis @ factors)
        good = away <= 2.5 * 1.4826 * np.median(away) + 1e-3
        if good.sum() < 4 * len(factors):
            break
        factors = np.linalg.lstsq(basis[good], known[good])[0]
    return np.asarray(terms @ factors, np.float32)


def _box(ink: Floats) -> Box:
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _around(box: Box, factor: int, shape: tuple[int, ...]) -> Box:
    """The box in the picture from which blocks were averaged, with paper around it."""
    margin = 2 + max(part.stop - part.start for part in box) // 4
    rows, columns = (
        slice(max(0, factor * (part.start - margin)), min(size, factor * (part.stop + margin)))
        for part, size in zip(box, shape, strict=True)
    )
    return rows, columns


def _thickened(digit: Floats) -> Floats:
    """The same with a thin pen made wider, by which it grows a little; else averaging to 28 x 28
    would leave next to nothing of its lines."""
    pixel = max(digit.shape) / BOX
    width = _pen_width(digit)
    reach = (_PEN * pixel - width) / 2
    if width >= _THIN * pixel or reach < 0.5:
        return digit
    whole = math.ceil(reach)
    padded = np.pad(digit, 2 * whole)
    thick = np.zeros([size + 2 * whole for size in digit.shape], np.float32)
    down, right = np.ogrid[-whole : whole + 1, -whole : whole + 1]
    for top, left in np.argwhere(down * down + right * right <= reach * reach):
        moved = padded[top : top + thick.shape[0], left : left + thick.shape[1]]
        np.maximum(thick, moved, out=thick)
    return thick[_box(thick)]


def _pen_width(digit: Floats) -> float:
    """In pixels: twice the area of the ink over the length of its outline, which is the total
    variation (the coarea formula) and so needs no outline."""
    padded = np.pad(digit, ((0, 1), (0, 1)))
    down, right = np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1]
    # The far edges count by the padding; the near ones are added.
    outline = np.hypot(down, right).sum() + digit[0].sum() + digit[:, 0].sum()
    return 2 * float(digit.sum() / outline)


def _normalised(digit: Floats) -> Floats:
    """Scaled to 20 pixels along the longer side."""
    longest = max(digit.shape)
    height, width = (max(1, round(size * BOX / longest)) for size in digit.shape)
    rows, columns = _averaging(digit.shape[0], height), _averaging(digit.shape[1], width)
    return np.asarray(rows @ digit @ columns.T)


def _averaging(size: int, wanted: int) -> Floats:
    """The matrix (wanted, size) that averages `size` pixels over the area of each wanted one.

    Enlarging, it averages over one pixel's width: linear interpolation.
    """
    step = size / wanted
    half = max(step, 1.0) / 2
    centre = (np.arange(wanted)[:, None] + 0.5) * step
    pixel = np.arange(size)
    covered = np.minimum(centre + half, pixel + 1) - np.maximum(centre - half, pixel)
    covered = np.maximum(covered, 0)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True), np.float32)


def _placed(digit: Floats) -> NDArray[np.uint8]:
    """In the field of 28 x 28, moved by whole pixels to have its centre of mass at the centre."""
    offsets = []
    for axis, size in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis, dtype=np.float64)
        centre = float(mass @ np.arange(size)) / mass.sum()
        offsets.append(min(max(round(_CENTRE - centre), 0), SIDE - size))
    image = np.zeros((SIDE, SIDE), np.uint8)
    top, left = offsets
    height, width = digit.shape
    image[top : top + height, left : left + width] = np.rint(255 * np.minimum(digit, 1))
    return image


def _widest_gap(digit: Floats) -> float:
    """The widest empty band of rows or columns, relative to the longer side."""
    steps = (np.diff(np.flatnonzero(digit.any(axis=axis))) for axis in (0, 1))
    return max(int(step.max(initial=1)) - 1 for step in steps) / int(max(digit.shape))


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Number the connected parts of a mask (H, W), diagonal neighbours included.

    Returns labels (H, W), 0 outside the mask and 1 ... count in it, and the count.

    Each pixel begins as a tree of its own; trees that touch are hooked together and flattened
    until none touch, in a number of rounds logarithmic in the pixels (Shiloach and Vishkin 1982).
    """
    number = np.arange(mask.size).reshape(mask.shape)
    pairs = [
        (number[here][both], number[there][both])
        for here, there in _NEIGHBOURS
        for both in [mask[here] & mask[there]]
    ]
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    root = np.arange(mask.size)
    while True:
        first, second = root[one], root[other]
        if np.array_equal(first, second):
            break
        np.minimum.at(root, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(root, above := root[root]):
            root = above
    roots, labels = np.unique(root[mask.ravel()], return_inverse=True)
    numbered = np.zeros(mask.shape, np.intp)
    numbered[mask] = labels + 1
    return numbered, len(roots)


_ALL, _FIRST, _LAST = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = [
    ((_ALL, _FIRST), (_ALL, _LAST)),
    ((_FIRST, _ALL), (_LAST, _ALL)),
    ((_FIRST, _FIRST), (_LAST, _LAST)),
    ((_FIRST, _LAST), (_LAST, _FIRST)),
]
