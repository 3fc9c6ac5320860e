"""What runs a training, op by op or as a program, changes nothing but its time."""

from __future__ import annotations

import json
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.programs.small_trainings import CONFIG, DATA, Steps, files

from autograd import Tensor
from autograd.native import NativeWarning
from mnist.config import Config
from mnist.engines import ENGINES, scoring, settled
from mnist.models import MODELS, PEAK_LR, Vote
from mnist.results import write_report
from mnist.serving.site import Inspector
from mnist.storage.weights import Trained, load_trained
from mnist.training import Training, resume, train
from mnist.training.ensemble import train_ensemble
from mnist.training.learning import Learner
from nn import BatchNorm1d, Dropout, Flatten, Linear, ReLU, Sequential

pytestmark = pytest.mark.filterwarnings("error")  # no user is told of what runs how

KINDS = [
    Config(model="best", epochs=2, batch_size=16, seed=3, validation=20),  # with dropout
    Config(epochs=2, batch_size=24, accumulate=3, label_smoothing=0.1),
]


def with_dropout(rng: np.random.Generator | None) -> Sequential:
    """Small, as the programs of the networks that there are take seconds to be made."""
    return Sequential(
        Flatten(),
        Linear(784, 12, rng=rng),
        BatchNorm1d(12),
        ReLU(),
        Dropout(0.3),
        Linear(12, 10, rng=rng),
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more model."""
    monkeypatch.setitem(MODELS, "with dropout", with_dropout)
    monkeypatch.setitem(PEAK_LR, "with dropout", PEAK_LR["basic"])


each_kind = pytest.mark.parametrize(
    "config",
    [
        pytest.param(KINDS[0], id="the best", marks=pytest.mark.slow),
        pytest.param(replace(KINDS[0], model="with dropout"), id="dropout", marks=pytest.mark.slow),
        pytest.param(KINDS[1], id="parts of the basic", marks=pytest.mark.slow),
        pytest.param(replace(KINDS[1], model="with dropout"), id="parts"),
    ],
)


@each_kind
def test_they_end_alike(config: Config, small: None, tmp_path: Path) -> None:
    data = digits(70)  # so that the last batch of an epoch is a smaller one
    engines = [e for e in ENGINES if e != "c"]
    runs = {e: train(data, replace(config, engine=e), tmp_path / e, str) for e in engines}
    for engine in ("auto", "numpy"):
        own = runs[engine].model.state_dict()
        for name, value in runs["tape"].model.state_dict().items():
            np.testing.assert_array_equal(own[name], value, err_msg=name)
        for ours, theirs in zip(runs[engine].metrics, runs["tape"].metrics, strict=True):
            for name, value in theirs.items():
                assert ours[name] == (value and pytest.approx(value, rel=1e-5)), name


@each_kind
def test_c_ends_nearly_alike(config: Config, tmp_path: Path, small: None, in_c: None) -> None:
    data = digits(70)
    runs = {e: train(data, replace(config, engine=e), tmp_path / e, str) for e in ("tape", "c")}
    own = runs["c"].model.state_dict()
    for name, value in runs["tape"].model.state_dict().items():
        np.testing.assert_allclose(own[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    for ours, theirs in zip(runs["c"].metrics, runs["tape"].metrics, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-3)


def test_auto_is_c_where_there_is_a_compiler(in_c: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled("auto") == "c"
    monkeypatch.setenv("PULLBACK_JIT", "0")
    assert settled("auto") == "numpy"
    with pytest.warns(NativeWarning, match="there is no C here"):
        assert settled("c") == "numpy"


def test_programs_run_in_the_place_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, original = 0, Sequential.forward

    def counted(self: Sequential, x: Any) -> Any:
        nonlocal calls
        calls += 1
        return original(self, x)

    monkeypatch.setattr(Sequential, "forward", counted)
    forwards = {}
    for engine in ("tape", "numpy"):
        calls = 0
        train(digits(200), Config(epochs=2, batch_size=10, engine=engine), tmp_path / engine, str)
        forwards[engine] = calls
    assert forwards["tape"] >= 2 * 20 + 2
    assert forwards["numpy"] <= 8


@pytest.mark.parametrize(
    ("engine", "model", "step"),
    [
        ("tape", "basic", 3),
        ("tape", "with dropout", 6),
        ("numpy", "basic", 3),
        ("numpy", "with dropout", 6),
        ("c", "with dropout", 3),
        pytest.param("c", "basic", 3, marks=pytest.mark.slow),
        pytest.param("c", "basic", 6, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_keeps_its_engine(
    engine: str,
    model: str,
    step: int,
    tmp_path: Path,
    steps: Steps,
    small: None,
    request: pytest.FixtureRequest,
) -> None:
    if engine == "c":
        request.getfixturevalue("in_c")
    config = replace(CONFIG, engine=engine, model=model)
    train(DATA, config, tmp_path / "whole", str)
    steps.stop_at(step)
    train(DATA, config, tmp_path / "run", str)
    resume(DATA, tmp_path / "run", str)
    assert files(tmp_path / "run") == files(tmp_path / "whole")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["engine"] == engine
    assert load_trained(tmp_path / "run").engine == engine


def test_the_report_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):  # whose pictures take longer
        monkeypatch.setitem(sys.modules, name, None)
    train(DATA, replace(CONFIG, epochs=1, engine="auto"), tmp_path, str)
    write_report(tmp_path, DATA, str)
    assert "<td>numpy</td>" in (tmp_path / "report.html").read_text().replace(' class="text"', "")


def test_hooks_run_and_nobody_is_warned(tmp_path: Path) -> None:
    seen: dict[str, list[float]] = {"tape": [], "numpy": []}
    runs = {}
    for engine, own in seen.items():
        training = Training(digits(60), Config(batch_size=10, engine=engine), tmp_path / engine)
        images = np.random.default_rng(0).standard_normal((8, 10, 1, 28, 28)).astype(np.float32)
        for i in range(8):
            if i == 4:
                training.model[0].register_forward_hook(
                    lambda module, args, out, own=own: own.append(float(out.data.sum()))
                )
                training.learner.optimizer.params[-1].register_hook(lambda g: g * 2)
            training.learner.step(images[i], np.arange(10), 10, stop=False, where="")
        runs[engine] = training.model.state_dict()
    assert seen["tape"] == seen["numpy"] and len(seen["tape"]) == 4
    for name, value in runs["tape"].items():
        np.testing.assert_array_equal(runs["numpy"][name], value)


def test_an_ensemble_votes(tmp_path: Path) -> None:
    config = Config(epochs=1, batch_size=20, members=2)
    metrics = [
        train_ensemble(digits(60), replace(config, engine=e), tmp_path / e, str).metrics
        for e in ("tape", "numpy")
    ]
    assert metrics[0] == metrics[1]


def test_a_step_needs_no_more_memory_than_on_the_tape() -> None:
    peaks = {}
    rng = np.random.default_rng(0)
    for engine in ("tape", "numpy"):
        learner = Learner(Config(engine=engine), 10)
        batches = [
            (rng.standard_normal((32, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 32))
            for _ in range(6)
        ]
        for images, labels in batches[:5]:  # in which programs are made, and compared
            learner.step(images, labels, 32, stop=False, where="")
        tracemalloc.start()
        learner.step(*batches[5], 32, stop=False, where="")
        peaks[engine] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks["numpy"] <= peaks["tape"]


@pytest.mark.parametrize("name", ["basic", "vote"])
def test_what_was_trained_is_run_alike(name: str) -> None:
    rng = np.random.default_rng(0)
    model = Vote([MODELS["basic"](rng) for _ in range(2)]) if name == "vote" else MODELS[name](rng)
    model.eval()
    x = Tensor(rng.standard_normal((250, 1, 28, 28)).astype(np.float32))
    np.testing.assert_allclose(
        scoring("numpy", model)(x).data, scoring("tape", model)(x).data, rtol=1e-4, atol=1e-5
    )
    lookers = [Inspector(Trained(model, name, 0.1, 0.3, {"engine": e})) for e in ("tape", "numpy")]
    for _ in range(3):
        image = rng.integers(0, 256, (28, 28)).astype(np.uint8)
        for saliency in (False, True):
            found = [looker.inspect(image, saliency=saliency) for looker in lookers]
            layers = lookers[1].inspect(
                image, saliency=saliency, layers=[lookers[1].layers[0]["name"]]
            )
            assert found[0] == found[1]
            assert found[0] == {k: v for k, v in layers.items() if k != "layers"}
