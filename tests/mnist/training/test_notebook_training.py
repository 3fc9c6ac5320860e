"""What notebooks show of a training: its facts, numbers and curves, and the bar while it runs."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.pages import cells, expect_html

from mnist.config import Config
from mnist.data import Dataset
from mnist.models import MODELS
from mnist.results import load_run
from mnist.training import Run, train
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


def curves(html: str) -> list[bytes]:
    """The pictures in it."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]*)" width="430" alt="[^"]+">', html)
    assert html.count("<img") == len(found)
    return [base64.b64decode(text, validate=True) for text in found]


@pytest.fixture
def drawn_of(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What curves are drawn of."""
    pytest.importorskip("matplotlib")
    from mnist.results import drawings

    given: list[Any] = []
    original = drawings.curves

    def noted(metrics: Any, title: str, look: Any) -> Any:
        given.append((metrics, title))
        return original(metrics, title, look)

    monkeypatch.setattr(drawings, "curves", noted)
    return given


def test_a_run_shows_its_facts_numbers_and_curves(drawn_of: list[Any]) -> None:
    image_module = pytest.importorskip("PIL.Image")
    run = a_run(entries(5), recipe="<best>")
    html = expect_html(run._repr_html_())
    for fact in ("drawn &lt;digits&gt;", "runs/&lt;i&gt;x", "&lt;best&gt;", "31,802", "5 of 20"):
        assert fact in html
    rows = cells(html)
    assert rows[0] == ["epoch", "test loss", "test accuracy", "train loss", "train accuracy"]
    assert rows[-1] == ["5", "0.4000", "85.71 %", "0.2000", "83.33 %"]
    (png,) = curves(html)
    picture = np.asarray(image_module.open(io.BytesIO(png)).convert("L")).astype(float)
    assert 0.01 < (np.abs(picture - 255) > 40).mean() < 0.7  # on white, and not blank
    ((metrics, title),) = drawn_of
    assert metrics == entries(5)
    assert title == "basic on drawn <digits>"


def test_without_matplotlib_there_are_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    html = expect_html(a_run(entries(5))._repr_html_())
    assert curves(html) == []
    assert cells(html)[-1] == ["5", "0.4000", "85.71 %", "0.2000", "83.33 %"]


def test_runs_of_any_length_and_with_any_loss(drawn_of: list[Any]) -> None:
    empty = a_run([])._repr_html_()
    assert "0 of 20 epochs" in empty
    assert curves(empty) == []
    assert len(curves(expect_html(a_run(entries(1))._repr_html_()))) == 1
    ill = entries(3)
    ill[1] |= {"train_loss": float("nan"), "test_loss": float("inf")}
    assert len(curves(expect_html(a_run(ill)._repr_html_()))) == 1
    vote = [{"epoch": 20, "test_loss": 0.02, "test_accuracy": 0.997}]
    assert cells(a_run(vote)._repr_html_())[-1] == ["20", "0.0200", "99.70 %"]
    long = expect_html(a_run(entries(1000))._repr_html_())
    assert len(long) < 200_000
    assert len(re.sub(r'src="[^"]*"', "", long)) < 4_000
    assert [row[0] for row in cells(long)][3:6] == ["3", "&hellip;", "992"]
    assert [row[0] for row in cells(long)][-1] == "1000"
    assert len(drawn_of[-1][0]) == 1000


def test_an_interrupted_run_says_so() -> None:
    run = a_run([])
    assert not run.interrupted
    for signum in (2, 15):
        assert replace(run, signum=signum).interrupted
        assert "0 of 20 epochs, interrupted" in replace(run, signum=signum)._repr_html_()


def test_a_run_read_from_its_folder_shows_the_same(tmp_path: Path) -> None:
    config = Config(epochs=1, batch_size=40, recipe="best", lr=0.1, validation=100)
    run = train(digits(200), config, tmp_path, str)
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
