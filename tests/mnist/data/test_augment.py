"""Rotations and shifts against a loop over pixels, and exact cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mnist.data.augment import Augmentation, rotate_and_shift


def by_loops(image: np.ndarray, angle: float, shift: np.ndarray) -> np.ndarray:
    """One image, one pixel at a time, in double precision: the definition."""
    height, width = image.shape

    def at(i: int, j: int) -> float:
        return float(image[i, j]) if 0 <= i < height and 0 <= j < width else 0.0

    out = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            down, right = i - (height - 1) / 2 - shift[0], j - (width - 1) / 2 - shift[1]
            y = math.cos(angle) * down - math.sin(angle) * right + (height - 1) / 2
            x = math.sin(angle) * down + math.cos(angle) * right + (width - 1) / 2
            a, b = math.floor(y), math.floor(x)
            u, v = y - a, x - b
            value = (at(a, b) * (1 - v) + at(a, b + 1) * v) * (1 - u)
            value += (at(a + 1, b) * (1 - v) + at(a + 1, b + 1) * v) * u
            out[i, j] = round(value)
    return out


def test_every_pixel_is_that_of_the_loop(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (12, 14, 11), dtype=np.uint8)
    angles = rng.uniform(-np.pi, np.pi, 12)
    shifts = rng.uniform(-6, 6, (2, 12))
    result = rotate_and_shift(images, angles, shifts).astype(int)
    expected = [by_loops(*each) for each in zip(images, angles, shifts.T, strict=True)]
    # One grey level: float32 may round the other way.
    assert np.abs(result - np.array(expected)).max() <= 1


def test_nothing_asked_nothing_changed(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(rotate_and_shift(images, np.zeros(3), np.zeros((2, 3))), images)


def test_whole_shifts_move_down_and_right(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (1, 28, 28), dtype=np.uint8)
    moved = rotate_and_shift(images, np.zeros(1), np.array([[3.0], [-2.0]]))
    np.testing.assert_array_equal(moved[0, 3:, :-2], images[0, :-3, 2:])
    assert not moved[0, :3].any()
    assert not moved[0, :, -2:].any()


def test_a_quarter_turn_takes_right_to_down(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (1, 9, 9), dtype=np.uint8)
    turned = rotate_and_shift(images, np.array([np.pi / 2]), np.zeros((2, 1)))
    expected = np.rot90(images, k=-1, axes=(1, 2)).astype(int)
    assert np.abs(turned.astype(int) - expected).max() <= 1


def test_far_shifts_leave_black() -> None:
    images = np.full((1, 28, 28), 255, np.uint8)
    assert not rotate_and_shift(images, np.zeros(1), np.array([[100.0], [0.0]])).any()


def test_draws_stay_in_range_and_follow_the_generator() -> None:
    images = np.zeros((500, 28, 28), np.uint8)
    images[:, 13:15, 13:15] = 255
    augment = Augmentation(rotation=0, shift=2)
    moved = augment(images, np.random.default_rng(5))
    np.testing.assert_array_equal(moved, augment(images, np.random.default_rng(5)))
    assert (moved != augment(images, np.random.default_rng(6))).any()
    rows = np.arange(28)
    centres = (moved * rows[:, None]).sum((1, 2)) / moved.sum((1, 2), dtype=float)
    assert np.abs(centres - 13.5).max() <= 2.01
    assert centres.std() == pytest.approx(4 / math.sqrt(12), rel=0.1)  # uniform over 4 pixels


@pytest.mark.parametrize("argument", [{"rotation": -1}, {"shift": -0.5}, {"shift": math.nan}])
def test_bad_ranges_are_refused(argument: dict[str, float]) -> None:
    (name,) = argument
    with pytest.raises(ValueError, match=f"{name} .* 0 or more expected"):
        Augmentation(**argument)
