"""A run's folder turned into pictures, a page and a comparison, as a person asks for them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support.programs.run_folders import entry, store, store_of_0_1

from autograd import Tensor
from mnist.data import Dataset, drawn
from mnist.data.batches import train_batches
from mnist.models import MODELS, Vote
from mnist.results import (
    HINT,
    compare_runs,
    load_run,
    plot_curves,
    predict,
    rendering,
    write_report,
)
from mnist.results.predictions import wilson
from mnist.results.tables import run_html
from nn import Module
from nn import functional as F
from nn.optim import SGD

PICTURES = ["curves", "confusion", "worst", "filters", "saliency", "calibration"]
EVIL = "<script>alert('&')</script>"
Store = Callable[..., Path]
VOID = {"meta", "img", "source", "br", "link"}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    (images, labels), (test_images, test_labels) = drawn.load(train=600, test=300, seed=3)
    return Dataset("drawn digits", images, labels, test_images, test_labels)


def fitted(dataset: Dataset, seed: int) -> Module:
    """A network that knows a little: it is right more often than not, and sometimes wrong."""
    model = MODELS["basic"](np.random.default_rng(seed))
    optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9)
    for images, labels in train_batches(dataset, 50, seed=seed, epoch=1, augmentation=None):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(images)), labels).backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Module:
    return fitted(dataset, 1)


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset, model: Module) -> Path:
    return store(tmp_path / "run", dataset, model)


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)


class Page(HTMLParser):
    """A page taken apart; refuses what is not well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        assert len(own) == len(attrs)
        self.tags.append((tag, own))
        if tag not in VOID:
            self.open.append(tag)
        if own.get("role") == "region":
            self._rows = self.tables[own["aria-label"] or ""] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self._rows[-1][-1] += data
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def references(page: Page) -> list[str]:
    names = {"src", "srcset", "href", "data", "poster", "action"}
    return [value or "" for _, own in page.tags for name, value in own.items() if name in names]


def self_contained(text: str) -> Page:
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert all(reference.startswith("data:image/png;base64,") for reference in references(page))
    assert "url(" not in text
    assert "@import" not in text
    assert "://" not in text
    return page


def test_a_report_is_six_pictures_and_a_page(run: Path, dataset: Dataset) -> None:
    image_module = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    said: list[str] = []
    before = set(run.iterdir())
    names = write_report(run, dataset, said.append)
    assert names == [*(f"{name}.png" for name in PICTURES), "report.html"]
    assert {path.name for path in set(run.iterdir()) - before} == set(names)
    assert said == []
    for name in names[:-1]:
        picture = np.asarray(image_module.open(run / name).convert("L")).astype(float)
        assert 800 <= picture.shape[1] <= 1000
        assert 600 <= picture.shape[0] <= 1800
        assert 0.01 < (np.abs(picture - 255) > 40).mean() < 0.7  # on white, and not blank
        # Ink down to the lower edge and to the right one: nothing is drawn outside the picture
        # and nothing huddles in a corner.
        rows, columns = np.nonzero(np.abs(picture - 255) > 40)
        assert rows.max() > 0.9 * picture.shape[0]
        assert columns.max() > 0.9 * picture.shape[1]
    page = self_contained((run / "report.html").read_text(encoding="utf-8"))
    images = [own for tag, own in page.tags if tag == "img"]
    assert len(images) == 6
    assert all(len(own["alt"] or "") > 20 for own in images)
    captions = sum(tag == "figcaption" for tag, _ in page.tags)
    assert captions == 6
    # Each picture once on light ground, once on dark; no two are the same.
    assert len(references(page)) == len(set(references(page))) == 12


@pytest.mark.usefixtures("no_matplotlib")
def test_the_page_tells_the_numbers_without_matplotlib(
    run: Path, dataset: Dataset, model: Module
) -> None:
    said: list[str] = []
    assert write_report(run, dataset, said.append) == ["report.html"]
    assert said == [HINT]
    page = self_contained((run / "report.html").read_text(encoding="utf-8"))
    found = predict(
        model, dataset.test_images, dataset.test_labels, mean=dataset.mean, std=dataset.std
    )
    hits = int((found.guesses == dataset.test_labels).sum())
    assert 150 < hits < 300
    assert f"right {hits / 3:.2f} %" in page.text
    assert f"mistakes {300 - hits} of 300 test images" in page.text
    low, high = (100 * end for end in wilson(hits, 300))
    assert f"95 %: {low:.2f} to {high:.2f} %" in page.text
    assert page.text.count(HINT) == 1

    assert page.tables["Epochs"] == [
        ["", "test", "training", ""],
        ["epoch", "loss", "accuracy", "loss", "accuracy", "time"],
        ["1", "0.8000", "70.00 %", "0.9000", "70.00 %", "1 min 1 s"],
        ["2", "0.4000", "81.25 %", "0.4500", "70.00 %", "-"],
    ]
    rows = page.tables["Digits"][1:]
    assert len(rows) == 10
    for digit, row in enumerate(rows):
        is_it, read_so = dataset.test_labels == digit, found.guesses == digit
        both = (is_it & read_so).sum()
        expected = [f"{100 * both / whole.sum():.2f} %" for whole in (read_so, is_it)]
        assert row[:4] == [str(digit), str(is_it.sum()), *expected]
    worst = page.tables["Worst mistakes"][1:]
    assert len(worst) == 20
    own = found.probabilities[np.arange(300), dataset.test_labels]
    assert [int(row[0]) for row in worst] == np.argsort(own)[:20].tolist()
    for index, label, probability, guess, _ in worst:
        assert int(label) == dataset.test_labels[int(index)]
        assert int(guess) == found.guesses[int(index)]
        assert float(probability.strip("<> %")) == pytest.approx(100 * own[int(index)], abs=0.01)
    settings = {row[0]: row[1] for row in page.tables["Settings"]}
    assert settings["lr"].startswith("0.05")
    assert settings["parameters"].startswith("31,802")


@pytest.mark.usefixtures("no_matplotlib")
def test_text_from_files_is_escaped(tmp_path: Path, dataset: Dataset, model: Module) -> None:
    folder = store(tmp_path / "a<b>&c", dataset, model, dataset=EVIL, recipe=EVIL, other=EVIL)
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({f"<i>{EVIL}": 1, **facts}))
    write_report(folder, dataset, lambda line: None)
    page = self_contained((folder / "report.html").read_text(encoding="utf-8"))
    # The recipe on top, and among the settings three values and one name.
    assert page.text.count(EVIL) == 5
    assert "a<b>&c" in page.text
    assert "i" not in {tag for tag, _ in page.tags}


@pytest.mark.usefixtures("no_matplotlib")
def test_what_makes_the_numbers_doubtful_is_said(
    tmp_path: Path, dataset: Dataset, model: Module
) -> None:
    run = store(tmp_path / "run", dataset, model, dry_run=True, epochs=5)
    said: list[str] = []
    write_report(run, dataset, said.append, dry=True)
    text = Page((run / "report.html").read_text(encoding="utf-8")).text
    for expected in ("dry run", "2 of 5 epochs"):
        assert sum(expected in line for line in said) == 1
        assert expected in text


@pytest.mark.parametrize("kept", [store, pytest.param(store_of_0_1, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_vote_has_filters_of_each_and_no_curves(
    kept: Store, tmp_path: Path, dataset: Dataset, model: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(rendering, "_DPI", 40)  # faster
    vote = Vote([model, fitted(dataset, 2), model]).eval()
    last = {"epoch": 2, "test_loss": 0.4, "test_accuracy": 0.9}
    folder = kept(tmp_path / "vote", dataset, vote, [last], members=3)
    (folder / "times.jsonl").unlink()
    accuracies = 0.75, 0.8, 0.85
    for number, (network, accuracy) in enumerate(zip(vote.members, accuracies, strict=True), 1):
        metrics = [entry(1, 0.5), entry(2, accuracy)]
        own = network if number < 3 else fitted(dataset, 3)  # the third has been trained on
        store(folder / f"member-{number}", dataset, own, metrics)
    names = write_report(folder, dataset, print)
    assert names == [*(f"{name}.png" for name in PICTURES[1:]), "report.html"]
    page = self_contained((folder / "report.html").read_text(encoding="utf-8"))
    assert page.tables["Epochs"][1:] == [["epoch", "loss", "accuracy"], ["2", "0.4000", "90.00 %"]]
    assert page.tables["Networks"][1:] == [["1", "0.4000", "75.00 %"], ["2", "0.4000", "80.00 %"]]
    assert "of each network" in page.text
    assert "A vote of 3 basic networks on drawn digits" in page.text


def test_curves_on_their_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    flawless = {**entry(1, 1.0), "train_accuracy": 0.0, "test_loss": 0.0}
    for number, metrics in enumerate(([entry(1, 0.5)], [flawless, entry(2, 0.9)], [])):
        path = tmp_path / f"{number}.png"
        assert plot_curves(metrics, "$x^$ & \u6570", path)
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_matplotlib")
def test_curves_are_missed_quietly(tmp_path: Path) -> None:
    assert not plot_curves([entry(1, 0.5)], "title", tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


def test_a_stored_run_for_a_notebook(tmp_path: Path, dataset: Dataset, model: Module) -> None:
    folder = store(tmp_path / "run", dataset, model, dataset=EVIL, recipe=EVIL)
    page = self_contained(load_run(folder)._repr_html_())
    assert page.text.count(EVIL) == 2
    assert "2 of 2 epochs" in page.text
    page = self_contained(run_html({"model": EVIL, "dataset": "x"}, [{}], folder))
    assert page.text.count(EVIL) == 1
    assert "1 of ? epochs" in page.text


def test_two_runs_side_by_side(run: Path, tmp_path: Path, dataset: Dataset, model: Module) -> None:
    other = fitted(dataset, 2)
    second = store(tmp_path / "other", dataset, other, lr=0.1, extra=True)
    text = compare_runs(run, second, dataset)
    images, labels = dataset.test_images, dataset.test_labels
    a, b = (
        predict(m, images, labels, mean=dataset.mean, std=dataset.std).guesses == labels
        for m in (model, other)
    )
    assert (a & ~b).any()
    assert (b & ~a).any()
    blocks = dict(block.split("\n", 1) for block in text.split("\n\n"))
    settings = [line.split() for line in blocks["Settings that differ"].splitlines()]
    assert settings == [["A", "B"], ["lr", "0.05", "0.1"], ["extra", "-", "yes"]]
    for name, right, wrong in (("A", a, b), ("B", b, a)):
        listed = blocks[f"Test images that only {name} gets right, by index"].split()
        assert [int(index) for index in listed] == np.flatnonzero(right & ~wrong).tolist()
        assert f"{name}    {right.sum()}" in text
    verdict = blocks["Is the difference chance?"]
    assert f"Only A is right on {(a & ~b).sum()} images, only B on {(b & ~a).sum()}" in verdict
    rows = [line.split() for line in blocks["Right of each digit"].splitlines()[1:]]
    for digit, row in enumerate(rows):
        inside = labels == digit
        counts = [int(part[inside].sum()) for part in (np.ones(300, int), a, b)]
        assert [int(cell) for cell in row] == [digit, *counts, counts[2] - counts[1]]


def test_a_run_beside_itself_differs_in_nothing(
    run: Path, tmp_path: Path, dataset: Dataset
) -> None:
    shutil.copytree(run, tmp_path / "copy")
    text = compare_runs(run, tmp_path / "copy", dataset)
    assert "Settings that differ\n  none" in text
    assert "p = 1." in text
    assert text.count("gets right, by index\n  none") == 2
