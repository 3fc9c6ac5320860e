"""The page in a real browser: digits are drawn on it by mouse, finger and keyboard."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.browser import MISSING, Browser, Point, browser

from autograd import Tensor
from mnist.data import drawn, normalise
from mnist.models import basic
from mnist.serving import make_server
from mnist.storage.weights import Trained
from nn import functional as F
from nn.optim import SGD

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

ONE = [(0.52, 0.15 + 0.07 * i) for i in range(11)]
ZERO = [
    (0.5 + 0.22 * math.sin(angle), 0.5 - 0.34 * math.cos(angle))
    for angle in np.linspace(0, 2 * math.pi, 25)
]
SEVEN = [(0.25, 0.2), (0.45, 0.2), (0.72, 0.2), (0.62, 0.4), (0.52, 0.6), (0.42, 0.85)]
THREE = [
    *[(0.3, 0.24), (0.42, 0.16), (0.58, 0.16), (0.66, 0.28), (0.58, 0.42), (0.46, 0.47)],
    *[(0.6, 0.53), (0.68, 0.66), (0.6, 0.82), (0.44, 0.86), (0.28, 0.76)],
]


@pytest.fixture(scope="module")
def network() -> Trained:
    """The basic net after one pass over drawn digits."""
    rng = np.random.default_rng(0)
    (images, labels), _ = drawn.load(train=6000, test=10, seed=1)
    mean, std = float(images.mean() / 255), float(images.std() / 255)
    model = basic(rng)
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)  # without warming up, 0.03 kills
    for start in range(0, len(images), 50):
        batch = slice(start, start + 50)
        loss = F.cross_entropy(model(Tensor(normalise(images[batch], mean, std))), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Trained(model.eval(), "basic", mean, std, {"dataset": "drawn digits"})


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(network: Trained) -> Iterator[str]:
    server = make_server(network, port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://{server.authority}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(window: Browser, address: str) -> Iterator[Browser]:
    """The page, freshly loaded; nothing that happened on it was an error."""
    window.view(1280, 900)
    window.open(address)
    window.until(lambda: "parameters" in window.text("#model"), "the facts of the model")
    yield window
    window.release()
    assert window.errors() == []


def settled(page: Browser) -> str:
    """The guess, once the newest drawing has its answer."""
    page.until(lambda: page.run("return !asking && answered === version && !!last"), "the answer")
    return page.text("#digit")


def shares(page: Browser) -> list[float]:
    """The ten probabilities, as the page shows them."""
    texts = page.run(
        "return [...document.querySelectorAll('#chances li')].map(row => row.lastChild.textContent)"
    )
    return [float(text.removesuffix(" %") or "nan") for text in texts]


def spread(page: Browser, selector: str) -> list[int]:
    """How many colours there are on each canvas; 1 where nothing is drawn."""
    found: list[int] = page.run(
        "return [...document.querySelectorAll(arguments[0])].map(canvas => new Set(new Uint32Array("
        "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer"
        ")).size)",
        selector,
    )
    return found


# For each map that is shown, how many of its pixels are not of the colour of zero; and how many
# values of the answer are not zero.
COUNTS = """
const zero = colours().zero.join();
return [...document.querySelectorAll(".maps canvas")].map(canvas => {
  const rgba = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < rgba.length; i += 4) count += rgba.slice(i, i + 3).join() !== zero;
  return count;
});
"""
NONZERO = """
return Object.values(last.layers).filter(({shape}) => shape.length === 3).flatMap(
  ({shape: [channels, height, width], data}) => {
    const values = signed(data), size = height * width;
    return Array.from({length: channels},
      (_, i) => values.subarray(i * size, (i + 1) * size).filter(value => value).length);
  });
"""


@pytest.mark.parametrize(("digit", "points"), [("1", ONE), ("0", ZERO), ("7", SEVEN), ("3", THREE)])
def test_drawing_by_mouse(page: Browser, digit: str, points: list[Point], tmp_path: Path) -> None:
    page.drag("#pad", points)
    assert settled(page) == digit
    assert page.run("return strokes.length") == 1
    found = shares(page)
    assert sum(found) == pytest.approx(100, abs=0.6)
    assert np.argmax(found) == int(digit)
    assert f"{found[int(digit)]:.1f} %" in page.text("#verdict")
    page.until(lambda: page.text("#spoken").startswith(digit), "the announcement")
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_probabilities_move_while_drawing(page: Browser) -> None:
    """Before the pen is lifted; each answer is to the drawing as it then was."""
    page.run(
        "window.seen = []; const show = render;"
        "render = answer => { show(answer); seen.push(answer.probabilities); };"
    )
    page.drag("#pad", THREE, lift=False)
    settled(page)
    assert page.run("return pointer !== null")
    seen = np.array(page.run("return seen"))
    assert len(seen) > 2
    assert np.abs(np.diff(seen, axis=0)).max() > 0.2
    page.drag("#pad", [(0.2, 0.9), (0.2, 0.9)])


def test_no_more_than_one_request_at_a_time(page: Browser) -> None:
    page.run(
        "window.open_now = window.most = window.total = 0; const real = fetch;"
        "window.fetch = async (...all) => { most = Math.max(most, ++open_now); total++;"
        "  try { const got = await real(...all); await new Promise(r => setTimeout(r, 60));"
        "    return got; } finally { open_now--; } };"
    )
    page.drag("#pad", ZERO)
    assert settled(page) == "0"
    most, total = page.run("return [most, total]")
    assert most == 1
    assert 1 < total < len(ZERO)


def test_saliency_and_activations(page: Browser) -> None:
    assert set(spread(page, "canvas.map")) == {1}
    page.drag("#pad", SEVEN)
    settled(page)
    assert min(spread(page, "#image, #saliency")) > 20
    maps = np.reshape(spread(page, ".maps canvas"), (4, 16))
    assert maps.max(axis=1).min() > 10
    assert page.run(COUNTS) == page.run(NONZERO)
    heights = page.run(
        "return [...document.querySelectorAll('.bars i')].map(bar => bar.style.height)"
    )
    assert len(heights) == 10
    assert "50%" in heights  # the largest
    summaries = page.run(
        "return [...document.querySelectorAll('summary')].map(line => line.textContent)"
    )
    assert summaries[0] == "Conv2d 0 · 16 maps of 28 \N{MULTIPLICATION SIGN} 28"
    assert summaries[-1] == "Linear 5 · 10 numbers"


def test_a_layer_that_is_closed_is_not_asked_for_until_it_is_opened(page: Browser) -> None:
    page.click("#layers details:first-child summary")
    page.drag("#pad", ONE)
    settled(page)
    assert page.run("return Object.keys(last.layers)") == ["1", "2", "3", "5"]
    page.click("#layers details:first-child summary")
    page.until(lambda: page.run("return '0' in last.layers"), "the outputs of layer 0")
    assert max(spread(page, "#layers details:first-child canvas")) > 5


def test_undo_and_clear(page: Browser) -> None:
    enabled = "return [...document.querySelectorAll('button')].map(button => !button.disabled)"
    assert page.run(enabled) == [False, False]
    page.drag("#pad", ONE)
    alone = settled(page), shares(page)
    assert page.run(enabled) == [True, True]
    for undo in (lambda: page.click("#undo"), lambda: page.keys("u")):
        page.drag("#pad", [(0.2, 0.5), (0.5, 0.5), (0.85, 0.5)])
        settled(page)
        assert shares(page) != alone[1]
        undo()
        assert (settled(page), shares(page)) == alone
    page.chord("\ue009", "z")  # Control
    assert page.run("return strokes.length") == 0
    for clear in (
        lambda: page.click("#clear"),
        lambda: page.keys("c"),
        lambda: page.keys("\ue00c"),
    ):
        page.drag("#pad", ONE)
        settled(page)
        clear()
        assert page.text("#digit") == "?"
        assert np.isnan(shares(page)).all()
        assert set(spread(page, "canvas.map")) == {1}
        assert page.run(enabled) == [False, False]


def test_drawing_by_keyboard(page: Browser) -> None:
    """A one: up from the middle, the pen lowered, and down. Tab leads to the drawing area."""
    page.keys("\ue004")
    assert page.run("return document.activeElement.id") == "pad"
    page.keys(["\ue013"] * 12 + [" "] + ["\ue015"] * 24 + [" "])
    assert settled(page) == "1"
    assert page.run("return strokes.length") == 1
    for wanted in ("undo", "clear"):
        page.keys("\ue004")
        assert page.run("return document.activeElement.id") == wanted
    page.keys(" ")
    assert page.text("#digit") == "?"


@pytest.mark.parametrize("dark", [False, True])
def test_by_finger_on_a_phone(page: Browser, dark: bool, tmp_path: Path) -> None:
    page.view(360, 740, phone=True, dark=dark)
    fits = "return document.documentElement.scrollWidth <= innerWidth && innerWidth === 360"
    page.until(lambda: page.run(fits), "the page fits the phone")
    page.drag("#pad", THREE, pointer="touch")
    assert settled(page) == "3"
    assert page.run("return scrollY") == 0  # drawing scrolls nothing
    assert (
        page.run("return document.querySelector('#chances').getBoundingClientRect().bottom") < 740
    )
    assert page.run(fits)
    small = page.run(
        "return [...document.querySelectorAll('button, summary')]"
        ".filter(e => e.getBoundingClientRect().height < 40).length"
    )
    assert small == 0  # for a finger
    page.screenshot(tmp_path / "phone.png")


def test_the_server_goes_and_comes_back(page: Browser, network: Trained) -> None:
    server = make_server(network, port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    port = server.server_address[1]
    page.open(f"http://{server.authority}/")
    page.until(lambda: "parameters" in page.text("#model"), "the facts of the model")
    server.shutdown()
    thread.join()
    server.server_close()
    page.drag("#pad", ONE)
    page.until(lambda: "does not answer" in page.text("#trouble"), "the trouble is told")
    server = make_server(network, port=port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    assert settled(page) == "1"
    page.until(lambda: not page.text("#trouble"), "the trouble is over")
    server.shutdown()
    thread.join()
    server.server_close()
    assert all("ERR_CONNECTION" in line or "ERR_EMPTY" in line for line in page.errors())


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG 2.2, the definitions of contrast ratio and relative luminance."""

    def luminance(colour: list[int]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (value / 255 for value in colour)
        ]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(page: Browser, dark: bool) -> None:
    page.view(1280, 900, dark=dark)

    def colour(name: str) -> Any:
        value = page.run(
            "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])", name
        ).strip()
        return [int(value[i : i + 2], 16) for i in (1, 3, 5)]

    for text in ("--text", "--quiet", "--accent", "--alarm"):
        for ground in ("--card", "--ground"):
            assert contrast(colour(text), colour(ground)) >= 4.5
