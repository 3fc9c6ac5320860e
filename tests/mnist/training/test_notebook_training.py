"""What notebooks show of a training: its facts, numbers and curves, and the bar while it runs."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.pages import cells, expect_html

from mnist.config import Config
from mnist.data import Dataset
from mnist.models import MODELS
from mnist.results import load_run
from mnist.storage.run_files import RunFiles
from mnist.training import Run
from mnist.training.progress import progress_bar

# --- runs ----------------------------------------------------------------------------------------


def a_run(metrics: list[dict[str, Any]], **changes: Any) -> Run:
    images = np.arange(7 * 28 * 28, dtype=np.uint8).reshape(7, 28, 28)
    labels = np.zeros(7, np.uint8)
    dataset = Dataset("drawn <digits>", images, labels, images[:2], labels[:2])
    model = MODELS["basic"](np.random.default_rng(0))
    return Run(Config(epochs=20, **changes), dataset, Path("runs/<i>x"), model, metrics)


def entries(count: int) -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": 1 - 1 / (epoch + 1),
            "validation_loss": None,
            "validation_accuracy": None,
            "test_loss": 2 / epoch,
            "test_accuracy": 1 - 1 / (epoch + 2),
        }
        for epoch in range(1, count + 1)
    ]


def charts(html: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html)]


def test_a_run_shows_its_facts_numbers_and_curves() -> None:
    run = a_run(entries(5), recipe="<best>")
    html = expect_html(run._repr_html_())
    for fact in ("drawn &lt;digits&gt;", "runs/&lt;i&gt;x", "&lt;best&gt;", "31,802", "5 of 20"):
        assert fact in html
    rows = cells(html)
    assert rows[0] == ["epoch", "train loss", "train accuracy", "test loss", "test accuracy"]
    assert rows[-1] == ["5", "0.2000", "83.33%", "0.4000", "85.71%"]
    for svg in charts(html):
        lines = svg.findall("polyline")
        assert len(lines) == 2  # no validation split
        points = [tuple(map(float, p.split(","))) for p in lines[0].attrib["points"].split()]
        assert len(points) == 5
        assert [x for x, _ in points] == sorted({x for x, _ in points})
        heights = [y for _, y in points]
        falling = svg.attrib["aria-label"].startswith("loss")
        assert heights == sorted(heights, reverse=not falling)  # y counts downward
    assert len(charts(html)) == 2


def test_runs_of_any_length_and_with_any_loss() -> None:
    assert "0 of 20 epochs" in a_run([])._repr_html_()
    (one, _) = charts(expect_html(a_run(entries(1))._repr_html_()))
    assert len(one.findall("circle")) == 2
    ill = entries(3)
    ill[1] |= {"train_loss": float("nan"), "test_loss": float("inf")}
    html = expect_html(a_run(ill)._repr_html_())
    assert "nan" not in "".join(ET.tostring(svg, "unicode") for svg in charts(html))
    vote = [{"epoch": 20, "test_loss": 0.02, "test_accuracy": 0.997}]
    assert cells(a_run(vote)._repr_html_())[-1] == ["20", "0.0200", "99.70%"]
    long = expect_html(a_run(entries(1000))._repr_html_())
    assert len(long) < 20_000
    assert [row[0] for row in cells(long)][3:6] == ["3", "&hellip;", "992"]
    assert [row[0] for row in cells(long)][-1] == "1000"
    for svg in charts(long):
        assert all(len(line.attrib["points"].split()) <= 201 for line in svg.findall("polyline"))


def test_a_run_read_from_its_folder_shows_the_same(tmp_path: Path) -> None:
    run = replace(a_run(entries(5), recipe="best", lr=0.1, validation=100), folder=tmp_path)
    files = RunFiles(tmp_path)
    files.begin(run.config, run.dataset, run.model, run.metrics)
    files.save_weights(run.model)
    assert load_run(tmp_path)._repr_html_() == run._repr_html_()


# --- the bar -------------------------------------------------------------------------------------


class Screen(io.StringIO):
    """What takes text, and may be a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class NotebookScreen(Screen):
    __module__ = "ipykernel.iostream"


@pytest.mark.parametrize(
    ("out", "error", "shown_by"),
    [
        (Screen(False), Screen(False), None),
        (Screen(False), Screen(True), "error"),
        (NotebookScreen(False), NotebookScreen(False), "out"),
    ],
)
def test_the_bar_is_shown_in_a_terminal_and_in_a_notebook(
    out: Screen, error: Screen, shown_by: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", error)
        assert list(progress_bar(iter(range(3)), "epoch 1", 5, start=2)) == [0, 1, 2]
    for name, screen in (("out", out), ("error", error)):
        text = screen.getvalue()
        assert ("epoch 1" in text) == (name == shown_by)
        if name == shown_by:
            assert "2/5" in text
            assert text.rsplit("\r", 1)[-1].strip() == ""  # and is gone


def test_no_warning_where_ipywidgets_is_missing() -> None:
    """As tqdm sees a notebook: there is a kernel, and no widgets."""
    program = """
import sys, types, warnings
warnings.simplefilter("error")
shell = type("ZMQInteractiveShell", (), {})
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
sys.modules["IPython"] = kernel = types.ModuleType("IPython")
kernel.get_ipython = shell
sys.modules["ipywidgets"] = None
import mnist.training.progress, tqdm.auto, tqdm.asyncio
assert mnist.training.progress.tqdm is tqdm.asyncio.tqdm
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
