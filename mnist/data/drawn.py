"""Handwritten-looking digits drawn from strokes: the data set for when MNIST is not at hand.

Every digit has one or more styles in ``GLYPHS``, each a short table of control points.  A digit
is drawn by moving those points a little, running a smooth curve through them, bending, slanting
and stretching the whole, and inking the curve with a pen whose width varies.  The result has
MNIST's format: 28x28 bytes, white ink (255) on black (0), the digit scaled to a 20x20 box and
centred by its centre of mass.

To add a style, add a ``Glyph`` row: a name, its share among the styles of that digit (shares are
relative, they need not sum to 1) and its strokes.  A stroke is text, one ``x,y`` per control
point in the order the pen meets them, x rightwards and y downwards, both in percent of the
height of the digit.  The curve passes smoothly through every point except those marked with
``!``, where it turns a sharp corner.  Points with equal coordinates are one point, so strokes
that start there stay joined whatever the jitter.  Space the points about evenly: a Catmull-Rom
curve overshoots where a short gap follows a long one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["GLYPHS", "Glyph", "draw", "load"]

F32 = NDArray[np.float32]
Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


class Glyph(NamedTuple):
    """One way of writing a digit (see the module's docstring for the stroke notation)."""

    name: str
    share: float
    strokes: tuple[str, ...]


GLYPHS: dict[int, tuple[Glyph, ...]] = {
    0: (
        Glyph("closed", 5, ("57,2 34,9 16,32 11,62 23,90 45,99 70,89 86,62 87,32 76,9 55,2",)),
        Glyph("overlapped", 3, ("71,12 48,2 26,16 11,48 17,82 41,98 70,87 88,52 82,18 61,2 38,7",)),
        Glyph("open", 2, ("43,5 20,26 11,58 20,89 45,99 71,89 87,60 87,30 75,6 56,3",)),
        Glyph("curled", 1, ("50,4 26,18 12,50 18,84 44,99 70,84 84,52 81,22 64,4 49,10 50,26",)),
    ),
    1: (
        Glyph("bar", 16, ("57,0 52,34 48,67 43,100",)),
        Glyph("flag", 2, ("38,20 54,0! 50,50 47,100",)),
        Glyph("flag and foot", 1.5, ("28,22 52,0! 50,50 49,100", "22,100 48,99 76,98")),
    ),
    2: (
        Glyph("plain", 4, ("14,24 26,6 50,0 72,9 76,32 60,57 36,78 10,97! 48,95 88,98",)),
        Glyph("looped", 3, (
            "14,22 30,4 54,0 74,14 70,40 50,66 26,90 8,94 10,78 32,78 58,92 92,92",
        )),
        Glyph("big loop", 3, (
            "16,20 34,2 58,2 73,18 68,42 50,68 28,92 6,95 4,78 24,67 48,78 70,92 96,86",
        )),
        Glyph("flowing", 2, ("10,18 34,2 62,4 74,22 62,50 38,74 12,94! 30,86 56,96 90,88",)),
        Glyph("zed", 1, ("12,10 44,3 78,6! 46,50 10,97! 48,96 88,95",)),
    ),
    3: (
        Glyph("round", 5, ("14,13 36,0 62,4 73,22 58,42 34,48! 62,52 80,70 70,92 42,100 12,89",)),
        Glyph("knotted", 3, ("16,14 40,0 66,8 68,28 50,44 34,47 44,52 68,58 78,78 54,97 12,92",)),
        Glyph("flat", 1, ("16,4 46,3 76,4! 42,42! 68,48 81,70 66,93 38,100 12,89",)),
    ),
    4: (
        Glyph("open", 4, ("24,4 18,30 14,58! 49,56 84,53", "70,2 67,34 64,67 61,100")),
        Glyph("round", 4, ("22,2 14,28 22,52 46,55 68,46", "76,2 71,34 66,67 62,100")),
        Glyph("lightning", 3, ("42,0 28,29 12,58! 50,56 88,53", "66,28 61,52 56,76 51,100")),
        Glyph("closed", 1, ("64,0! 39,32 12,64! 48,63 86,62", "64,0! 63,33 61,66 59,100")),
        Glyph("one stroke", 2, ("24,2 17,28 26,50 48,50 66,34 74,6! 70,38 65,70 61,100",)),
    ),
    5: (
        Glyph("hat last", 5, ("34,5! 22,42! 46,37 70,48 76,69 60,92 35,99 8,91", "34,5 62,5 92,1")),
        Glyph("one stroke", 4, ("92,2 61,4 32,6! 22,44! 50,38 72,50 74,76 52,97 25,99 8,90",)),
        Glyph("ess", 2, ("86,5 56,2 32,14 28,36 50,46 71,60 73,82 51,98 26,98 8,88",)),
    ),
    6: (
        Glyph("curved", 5, ("62,0 42,14 26,38 19,68 29,94 50,100 69,88 70,68 54,57 36,64 23,82",)),
        Glyph("upright", 3, ("46,0 31,28 20,58 22,88 44,100 67,91 74,72 60,57 40,62 24,78",)),
        Glyph("tall", 3, ("62,0 42,26 27,52 22,80 38,98 60,92 66,74 52,62 34,72 26,84",)),
        Glyph("open", 1, ("60,0 40,20 26,46 20,76 36,98 58,96 72,80 66,62 46,62",)),
    ),
    7: (
        Glyph("plain", 6, ("10,9 46,6 84,4! 66,34 52,66 42,100",)),
        Glyph("curved", 3, ("10,16 28,5 54,7 78,6 78,24 62,50 50,76 42,100",)),
        Glyph("hooked", 3, ("14,28 18,7! 48,6 80,4! 66,34 54,66 46,100",)),
        Glyph("barred", 2, ("12,9 46,6 84,4! 66,34 52,66 42,100", "28,52 52,50 78,46")),
    ),
    8: (
        Glyph("ess first", 6, (
            "70,14 50,0 30,12 34,34 52,50 67,70 61,93 41,100 25,86 36,62 58,40 74,15",
        )),
        Glyph("open", 3, (
            "80,8 54,0 30,13 36,36 55,53 66,74 54,98 32,95 27,74 46,52 66,34 82,14",
        )),
        Glyph("two rings", 1, (
            "50,48 30,36 32,12 52,1 70,14 68,38 50,48 26,64 27,90 50,100 72,90 72,62 50,48",
        )),
    ),
    9: (
        Glyph("straight", 5, ("71,18 56,2 34,6 21,26 31,45 52,43 68,29 74,10! 71,40 68,70 66,99",)),
        Glyph("curled", 2, ("72,16 53,1 31,9 23,31 37,46 58,40 73,16! 75,44 70,72 54,96 24,94",)),
        Glyph("slanting", 4, ("75,12 56,0 34,8 22,29 35,43 58,35 77,9! 66,39 54,70 43,100",)),
    ),
}  # fmt: skip

# What a hand varies: standard deviations, in heights of the digit unless said otherwise.  Tuned by
# eye and by ink statistics against sheets of MNIST digits.
CARE = (0.4, 1.45)  # range of a factor on all jitter and bend: neat hands and hasty ones
POINT_JITTER = 0.016  # each control point by itself
END_JITTER = 0.035  # a stroke's first and last point: where the pen lands is the least certain
STROKE_JITTER = 0.02  # a whole stroke after the first, against the others
BEND = 0.07  # the elastic bend
WAVES = 4  # plane waves in the bend
WAVE = 0.35  # spread of their frequency in x and in y, cycles per height
WAIST = 0.22  # height of the middle, over a quarter: the sizes of upper and lower bowl
TAPER = 0.15  # relative width of the bottom against the top
SLANT = (0.13, 0.24)  # mean and spread of the shear, width per height
TURN = 0.085  # rotation, radians
WIDTH = 0.18  # spread of ln(width / the table's width)
PEN = (1.24, 0.245)  # median stroke radius in pixels, and spread of ln(radius)
PRESSURE = 0.13  # relative swing of the radius along the strokes

SIDE = 28  # pixels of the image
BOX = 20.0  # pixels of the box that holds the digit
MARGIN = 1.5  # pixels kept free of ink inside the image's edge
CENTRE = 14.0  # row and column where the centre of mass is, in MNIST within half a pixel
EDGE = 1.2  # pixels over which the ink fades: MNIST's scans were averaged down to this grid
GRAIN = 0.07  # pixels of roughness of that edge
BLOB = 0.62  # pixels, standard deviation of the Gaussian blobs that make up a line of ink
STEP = 0.025  # distance between curve samples, in heights: under one BLOB, so no beads show
CHUNK = 256  # images drawn at once: bounds the memory, and the working set stays in cache


class Curve(NamedTuple):
    """A glyph prepared for sampling: S samples of the pen's path, linear in K control points."""

    points: F32  # (K, 2)
    jitter: F32  # (K, 1) standard deviation of each point
    basis: F32  # (S, K) samples = basis @ points
    stroke: NDArray[np.intp]  # (S,) number of the stroke a sample belongs to
    joined: F32  # (S - 1,) 1 where a sample and the next lie on one curve, 0 at a break


def _parse(stroke: str) -> tuple[list[tuple[float, float]], list[int]]:
    """Points of a stroke, and the indices at which it splits into smooth runs."""
    words = stroke.split()
    x_y = [word.rstrip("!").split(",") for word in words]
    cuts = [i for i, word in enumerate(words) if word.endswith("!") or i in (0, len(words) - 1)]
    return [(float(x) / 100, float(y) / 100) for x, y in x_y], cuts


def _catmull_rom(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix (S, K) that turns the K points of a smooth run into S samples of it.

    Catmull and Rom, "A class of local interpolating splines" (1974), uniform, as cubic Hermite
    pieces: the tangent at a point is half the way from its neighbour before to the one after;
    beyond each end the run is continued by reflection.
    """
    count = len(points)
    value = np.eye(count)
    ahead = np.vstack([value[1:], 2 * value[-1] - value[-2]])
    behind = np.vstack([2 * value[0] - value[1], value[:-1]])
    tangent = (ahead - behind) / 2
    rows = []
    for i, length in enumerate(np.hypot(*np.diff(points, axis=0).T)):
        steps = int(np.ceil(length / STEP))
        last = i == count - 2
        t = np.linspace(0, 1, steps + last, endpoint=last)[:, None]
        rows.append(
            (2 * t**3 - 3 * t**2 + 1) * value[i]
            + (t**3 - 2 * t**2 + t) * tangent[i]
            + (3 * t**2 - 2 * t**3) * value[i + 1]
            + (t**3 - t**2) * tangent[i + 1]
        )
    return np.vstack(rows)


@cache
def _curve(glyph: Glyph) -> Curve:
    """Prepare a glyph: equal coordinates become one point, strokes become rows of the basis."""
    parsed = [_parse(stroke) for stroke in glyph.strokes]
    index = {xy: i for i, xy in enumerate(dict.fromkeys(xy for s, _ in parsed for xy in s))}
    points = np.array(list(index))
    jitter = np.full((len(points), 1), POINT_JITTER)
    basis, stroke, joined = [], [], []
    for number, (path, cuts) in enumerate(parsed):
        jitter[[index[path[0]], index[path[-1]]]] = END_JITTER
        for begin, end in pairwise(cuts):
            where = [index[xy] for xy in path[begin : end + 1]]
            run = _catmull_rom(points[where])
            basis.append(run @ np.eye(len(points))[where])
            stroke += [number] * len(run)
            joined += [1] * (len(run) - 1) + [0]
    return Curve(
        points.astype(np.float32),
        jitter.astype(np.float32),
        np.vstack(basis).astype(np.float32),
        np.array(stroke),
        np.array(joined[:-1], np.float32),
    )


def _normal(rng: np.random.Generator, *shape: int) -> F32:
    """Standard normal numbers, cut at 2.5: the rare extremes would be the illegible digits."""
    return np.clip(rng.standard_normal(shape, dtype=np.float32), -2.5, 2.5)


def _bend(path: F32, size: F32, rng: np.random.Generator) -> F32:
    """Displace points (N, S, 2) by a smooth random field of the given size (N, 1, 1) per image.

    The elastic distortion of Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis" (ICDAR 2003), on points in place of
    pixels: their Gaussian-smoothed noise is here a sum of plane waves with Gaussian wave vectors.
    """
    count = len(path)
    wave = np.float32(2 * np.pi * WAVE) * _normal(rng, count, 2, WAVES)
    phase = rng.uniform(0, 2 * np.pi, (count, 1, WAVES)).astype(np.float32)
    swing = size * np.float32(np.sqrt(2 / WAVES)) * _normal(rng, count, WAVES, 2)
    return np.asarray(path + np.sin(path @ wave + phase) @ swing)


def _write(curve: Curve, count: int, rng: np.random.Generator) -> F32:
    """Paths (count, S, 2) of the pen, each in a hand of its own; units of the digit's height."""
    points = curve.points - np.float32(0.5)
    care = rng.uniform(*CARE, (count, 1, 1)).astype(np.float32)
    path = curve.basis @ (points + care * curve.jitter * _normal(rng, count, *points.shape))
    shift = STROKE_JITTER * care * _normal(rng, count, curve.stroke[-1] + 1, 2)
    shift[:, 0] = 0
    path = _bend(path + shift[:, curve.stroke], BEND * care, rng)
    waist, taper, width, lean, turn = _normal(rng, 5, count, 1)
    x, y = path[..., 0], path[..., 1]
    x = x * np.exp(WIDTH * width + TAPER * taper * y)
    y = y + WAIST * waist * (0.25 - y**2)
    x = x - (SLANT[0] + SLANT[1] * lean) * y
    cos, sin = np.cos(TURN * turn), np.sin(TURN * turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _press(lengths: F32, rng: np.random.Generator) -> F32:
    """Stroke radii (N, S) in pixels: one pen per image, pressed harder here than there."""
    count = len(lengths)
    pen = PEN[0] * np.exp(PEN[1] * _normal(rng, count, 1))
    turns, phase = rng.uniform(((0.5,), (0.0,)), ((2.0,), (1.0,)), (count, 2, 1)).swapaxes(0, 1)
    along = np.cumsum(lengths, axis=1) / np.sum(lengths, axis=1, keepdims=True)
    swing = np.sin(2 * np.pi * (turns * along + phase))
    return np.asarray(pen * (1 + PRESSURE * swing), np.float32)


def _lengths(path: F32, joined: F32) -> F32:
    """Length of path (N, S) that each sample stands for: half the way to each neighbour."""
    gaps = joined * np.hypot(*np.moveaxis(np.diff(path, axis=1), -1, 0))
    lengths: F32 = (np.pad(gaps, ((0, 0), (0, 1))) + np.pad(gaps, ((0, 0), (1, 0)))) / 2
    return lengths


def _place(path: F32, radius: F32, lengths: F32) -> tuple[F32, F32]:
    """Scale paths to the box, ink included, and move their centre of mass to the image's centre.

    A lopsided digit that would then leave the image is made smaller, to keep ``MARGIN`` clear.
    Returns the paths in pixels, (0, 0) being the centre of the first pixel, and the scale (N, 1).
    """
    mass = lengths * radius
    path = path - (mass[:, None] @ path) / mass.sum(axis=1)[:, None, None]
    pen = radius.mean(axis=1, keepdims=True)
    extent = np.ptp(path, axis=1).max(axis=1, keepdims=True)
    reach = np.abs(path).max(axis=(1, 2))[:, None]
    scale = np.minimum((BOX - 2 * pen) / extent, (SIDE - 0.5 - CENTRE - MARGIN - pen) / reach)
    return path * scale[..., None] + np.float32(CENTRE), scale


def _ink(path: F32, radius: F32, lengths: F32, rng: np.random.Generator) -> Images:
    """Ink paths (N, S, 2) of the given radii (N, S) and lengths (N, S), all in pixels.

    A line of ink is a sum F of Gaussian blobs, sample s weighing exp(radius**2 / (2 BLOB**2))
    times its length over BLOB sqrt(2 pi).  Along a straight line the sum is the integral, and
    2 BLOB**2 ln F = radius**2 - distance**2, zero on the line's edge; ink pools a little where
    strokes meet, as it does on paper.  Gaussians factor into x and y, so the sum over samples is
    one matrix product per image in place of a distance from every pixel to every segment.
    """
    grid = np.arange(SIDE, dtype=np.float32)
    # The floor keeps blobs far from a pixel out of the (slow) denormal numbers and ln F finite.
    blob = np.exp(np.maximum(-((grid - path[..., None]) ** 2) / (2 * BLOB**2), -30))
    mass = lengths * np.exp(radius**2 / (2 * BLOB**2)) / (BLOB * np.sqrt(2 * np.pi))
    field = (blob[:, :, 1] * mass[..., None].astype(np.float32)).swapaxes(1, 2) @ blob[:, :, 0]
    pen = radius.mean(axis=1)[:, None, None]
    distance = np.sqrt(np.maximum(pen**2 - 2 * BLOB**2 * np.log(field), 0))
    inside = pen - distance + np.float32(GRAIN) * _normal(rng, *field.shape)
    return np.asarray(np.rint(255 * np.clip(inside / EDGE + 0.5, 0, 1)), np.uint8)


def _centre(images: Images) -> Images:
    """Move images by whole pixels, as MNIST's were, to bring the centre of mass within half of one.

    ``_place`` has centred the strokes; ink that overlaps other ink puts that off a little.
    """
    pixel = np.arange(SIDE)
    mass = images.sum(axis=(1, 2))
    down = np.rint(images.sum(axis=2) @ pixel / mass - CENTRE).astype(np.intp)
    right = np.rint(images.sum(axis=1) @ pixel / mass - CENTRE).astype(np.intp)
    rows = (pixel + down[:, None]) % SIDE
    columns = (pixel + right[:, None]) % SIDE
    which = np.arange(len(images))
    return np.asarray(images[which[:, None, None], rows[:, :, None], columns[:, None, :]])


def _draw_glyph(glyph: Glyph, count: int, rng: np.random.Generator) -> Images:
    """Draw (count, 28, 28) images of one style."""
    curve = _curve(glyph)
    path = _write(curve, count, rng)
    lengths = _lengths(path, curve.joined)
    radius = _press(lengths, rng)
    path, scale = _place(path, radius, lengths)
    return _centre(_ink(path, radius, lengths * scale, rng))


def _batches(
    labels: NDArray[np.intp], rng: np.random.Generator
) -> Iterator[tuple[Glyph, NDArray[np.intp]]]:
    """Give every label a style by its share; yield each style with the indices to be drawn."""
    for digit, glyphs in GLYPHS.items():
        where = np.flatnonzero(labels == digit)
        share = np.array([glyph.share for glyph in glyphs])
        style = rng.choice(len(glyphs), len(where), p=share / share.sum())
        for number, glyph in enumerate(glyphs):
            mine = where[style == number]
            for start in range(0, len(mine), CHUNK):
                yield glyph, mine[start : start + CHUNK]


def draw(labels: NDArray[np.integer] | Sequence[int], rng: np.random.Generator) -> Images:
    """Draw one handwritten-looking digit per label.

    Args:
        labels: the digits to draw, shape (N,), integers 0..9.
        rng: source of all randomness; the same state gives the same images.

    Returns:
        uint8 images of shape (N, 28, 28), 0 for paper and 255 for full ink.

    Raises:
        ValueError: if the labels are not a flat sequence of integers 0..9.
    """
    wanted = np.asarray(labels)
    if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
        raise ValueError(
            f"labels must be a flat sequence of integers, shape (N,); "
            f"got shape {wanted.shape}, dtype {wanted.dtype}"
        )
    wrong = wanted[(wanted < 0) | (wanted > 9)]
    if wrong.size:
        raise ValueError(f"labels must lie in 0..9; got {wrong[0]} among {wanted.size} labels")
    images = np.empty((wanted.size, SIDE, SIDE), np.uint8)
    for glyph, where in _batches(wanted.astype(np.intp), rng):
        images[where] = _draw_glyph(glyph, len(where), rng)
    return images


def _split(size: int, seed: np.random.SeedSequence) -> tuple[Images, Labels]:
    """``size`` images and their labels, every digit equally often, in random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(size, dtype=np.int64) % 10).astype(np.uint8)
    return draw(labels, rng), labels


def load(
    train: int = 10_000, test: int = 2_000, seed: int = 0
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Draw a training and a test set, in the structure of MNIST's.

    Args:
        train: number of training images.
        test: number of test images.
        seed: non-negative; the two sets come from independent streams spawned from it.

    Returns:
        ``(train_images, train_labels), (test_images, test_labels)``: images uint8 (N, 28, 28),
        labels uint8 (N,).  Labels are shuffled, and the counts of any two digits differ by at
        most one.  The same seed gives the same bytes on the same machine and NumPy; elsewhere
        the last bit of a sum may round otherwise, which moves single pixels by one grey level.

    Raises:
        ValueError: if a size or the seed is negative.
    """
    for name, value in (("train", train), ("test", test), ("seed", seed)):
        if value < 0:
            raise ValueError(f"{name} must not be negative; got {value}")
    first, second = np.random.SeedSequence(seed).spawn(2)
    return _split(train, first), _split(test, second)
