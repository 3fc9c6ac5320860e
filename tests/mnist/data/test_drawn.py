"""The drawn digits: reproducible, in MNIST's format, varied, and legible."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist.data import drawn

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Split = tuple[Images, Labels]

STYLES = [
    pytest.param(digit, glyph, id=f"{digit}-{glyph.name}")
    for digit, glyphs in drawn.GLYPHS.items()
    for glyph in glyphs
]


@pytest.fixture(scope="module")
def splits() -> tuple[Split, Split]:
    return drawn.load(2000, 500, seed=3)


@pytest.fixture(scope="module")
def images(splits: tuple[Split, Split]) -> Images:
    return np.concatenate([splits[0][0], splits[1][0]])


def centre_of_mass(images: Images) -> NDArray[np.float64]:
    """(N, 2) row and column of each image's centre of mass."""
    pixel = np.arange(28)
    mass = images.sum(axis=(1, 2))
    return np.stack([images.sum(axis=2) @ pixel / mass, images.sum(axis=1) @ pixel / mass], axis=1)


def nearest_neighbours(train: Split, images: Images, k: int) -> NDArray[np.intp]:
    """Labels by vote of the k training images nearest in Euclidean distance."""
    known = train[0].reshape(len(train[0]), -1) / 255.0
    asked = images.reshape(len(images), -1) / 255.0
    distance = (known**2).sum(axis=1) - 2 * asked @ known.T
    votes = train[1][np.argsort(distance, axis=1)[:, :k]]
    return np.array([np.bincount(vote, minlength=10).argmax() for vote in votes])


def test_load_gives_bytes_in_the_shape_of_mnist(splits: tuple[Split, Split]) -> None:
    for (pixels, labels), size in zip(splits, (2000, 500), strict=True):
        assert pixels.dtype == labels.dtype == np.uint8
        assert pixels.shape == (size, 28, 28)
        assert labels.shape == (size,)


def test_labels_are_balanced_and_shuffled() -> None:
    (_, labels), (_, rest) = drawn.load(204, 7)
    assert sorted(np.bincount(labels, minlength=10)) == [20] * 6 + [21] * 4
    assert sorted(np.bincount(rest, minlength=10)) == [0] * 3 + [1] * 7
    # Sorted or cyclic labels would repeat one step all along.
    assert len(np.unique(np.diff(labels.astype(int)))) > 10


def test_same_seed_same_bytes_and_another_seed_others() -> None:
    first, again, other = (drawn.load(60, 30, seed=seed) for seed in (5, 5, 6))
    for (x, y), (x_again, y_again), (x_other, _) in zip(first, again, other, strict=True):
        assert x.tobytes() == x_again.tobytes()
        assert y.tobytes() == y_again.tobytes()
        assert x.tobytes() != x_other.tobytes()


def test_the_generator_decides_what_is_drawn_and_advances() -> None:
    rng = np.random.default_rng(1)
    first = drawn.draw([3, 1, 4], rng)
    np.testing.assert_array_equal(first, drawn.draw([3, 1, 4], np.random.default_rng(1)))
    assert (first != drawn.draw([3, 1, 4], rng)).any()


def test_numpys_global_random_state_is_neither_used_nor_moved() -> None:
    kept = np.random.get_state()
    try:
        np.random.seed(0)
        before = np.random.get_state(legacy=False)
        first = drawn.draw([0, 5], np.random.default_rng(2))
        after = np.random.get_state(legacy=False)
        np.testing.assert_equal(after, before)
        np.random.seed(1)
        np.testing.assert_array_equal(first, drawn.draw([0, 5], np.random.default_rng(2)))
    finally:
        np.random.set_state(kept)


def test_the_splits_come_from_streams_of_their_own() -> None:
    (x, _), (x_test, y_test) = drawn.load(80, 80, seed=2)
    assert not {image.tobytes() for image in x} & {image.tobytes() for image in x_test}
    _, (x_again, y_again) = drawn.load(11, 80, seed=2)
    np.testing.assert_array_equal(x_again, x_test)
    np.testing.assert_array_equal(y_again, y_test)


def test_no_two_images_are_alike_within_or_across_the_splits(images: Images) -> None:
    assert len({image.tobytes() for image in images}) == len(images)


def test_digits_keep_off_the_border_and_fill_the_box(images: Images) -> None:
    border = np.ones((28, 28), bool)
    border[1:-1, 1:-1] = False
    assert images[:, border].max() == 0
    for image in images:
        rows, columns = np.nonzero(image >= 128)
        longest = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 16 <= longest <= 21  # a box of 20 pixels, rarely aligned with the grid


def test_digits_are_centred_by_mass(images: Images) -> None:
    assert np.abs(centre_of_mass(images) - 14).max() <= 0.51


def test_ink_statistics_are_near_those_of_mnist(images: Images) -> None:
    # MNIST's training set: mean 0.1307, standard deviation 0.3081.
    assert images.mean() / 255 == pytest.approx(0.1307, abs=0.01)
    assert images.std() / 255 == pytest.approx(0.3081, abs=0.01)
    each = images.mean(axis=(1, 2)) / 255
    assert 0.02 < each.min() < each.max() < 0.35
    assert (images.max(axis=(1, 2)) > 200).all()


def test_edges_are_antialiased(images: Images) -> None:
    inked = images[images > 0]
    grey = (inked > 40) & (inked < 215)
    assert 0.2 < grey.mean() < 0.6


@pytest.mark.parametrize(("digit", "glyph"), STYLES)
def test_every_style_draws(digit: int, glyph: drawn.Glyph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(drawn.GLYPHS, digit, (glyph,))
    with np.errstate(all="raise", under="ignore"):
        pixels = drawn.draw([digit] * 40, np.random.default_rng(4))
    ink = pixels.mean(axis=(1, 2)) / 255
    assert ink.min() > 0.02
    assert ink.max() < 0.35
    # A hand, and not a stamp: images of one style differ by far more than the grain of the edge.
    assert np.abs(pixels[1:] / 255.0 - pixels[0] / 255.0).mean(axis=(1, 2)).min() > 0.01


def test_every_style_of_a_digit_is_used_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = drawn.Glyph("a block", 3, ("0,0 100,0! 0,50! 100,50! 0,100! 100,100",))
    light = drawn.Glyph("a bar", 1, ("50,0 50,50 50,100",))
    monkeypatch.setitem(drawn.GLYPHS, 1, (heavy, light))
    pixels = drawn.draw([1] * 400, np.random.default_rng(0))
    wide = np.array([np.ptp(np.nonzero(image.max(axis=0) > 128)[0]) for image in pixels]) > 14
    assert wide.mean() == pytest.approx(0.75, abs=0.1)


def test_corners_are_sharp_and_other_points_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the mark the curve swings round the tip; with it, two straight lines meet there.
    for name in ("POINT_JITTER", "END_JITTER", "BEND", "WAIST", "TAPER", "TURN", "WIDTH", "GRAIN"):
        monkeypatch.setattr(drawn, name, 0.0)
    monkeypatch.setattr(drawn, "SLANT", (0.0, 0.0))
    monkeypatch.setattr(drawn, "PRESSURE", 0.0)
    monkeypatch.setattr(drawn, "PEN", (1.0, 0.0))
    ink = {}
    for mark in ("!", ""):
        glyph = drawn.Glyph("wedge" + mark, 1, (f"0,0 100,50{mark} 0,100",))
        monkeypatch.setitem(drawn.GLYPHS, 7, (glyph,))
        ink[mark] = drawn.draw([7], np.random.default_rng(0))[0]
    # Both are symmetric about row 14, the centre; the smooth one has the blunter tip.
    for image in ink.values():
        np.testing.assert_allclose(image[1:].astype(float), image[:0:-1], atol=1)
    tip = {mark: int((image[:, -8:] > 128).sum()) for mark, image in ink.items()}
    assert tip["!"] < tip[""]


def test_neighbours_read_most_digits_but_not_all(splits: tuple[Split, Split]) -> None:
    train, (pixels, labels) = splits
    right = (nearest_neighbours(train, pixels, k=3) == labels).mean()
    # A classifier that knows nothing of digits reads 0.91 of MNIST after as many examples.
    assert 0.88 < right < 0.99


def test_class_means_are_not_enough(splits: tuple[Split, Split]) -> None:
    (x, y), (pixels, labels) = splits
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)]).round().astype(np.uint8)
    guess = nearest_neighbours((means, np.arange(10, dtype=np.uint8)), pixels, k=1)
    assert 0.6 < (guess == labels).mean() < 0.9


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_labels_may_be_any_sequence(kind: type) -> None:
    pixels = drawn.draw(kind([7, 2, 7]), np.random.default_rng(0))
    np.testing.assert_array_equal(
        pixels, drawn.draw(np.array([7, 2, 7], np.uint8), np.random.default_rng(0))
    )


def test_nothing_asked_nothing_drawn() -> None:
    assert drawn.draw([], np.random.default_rng(0)).shape == (0, 28, 28)
    (x, y), (_, rest) = drawn.load(0, 3)
    assert (x.shape, y.shape, rest.shape) == ((0, 28, 28), (0,), (3,))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 10], r"labels must lie in 0\.\.9; got 10 among 2 labels"),
        ([3, -1, 4], r"labels must lie in 0\.\.9; got -1 among 3 labels"),
        ([1.0, 2.0], r"flat sequence of integers.*dtype float64"),
        ([True, False], r"flat sequence of integers.*dtype bool"),
        ([[1, 2]], r"flat sequence of integers.*shape \(1, 2\)"),
    ],
)
def test_wrong_labels_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drawn.draw(labels, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["train", "test", "seed"])
def test_negative_sizes_and_seeds_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative; got -4"):
        drawn.load(**{name: -4})
