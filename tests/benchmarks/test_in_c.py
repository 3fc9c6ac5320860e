"""The rows of programs in C: what they measure, beside whom, and that all compute the same."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from benchmarks import in_c, measure, networks, on_pullback, report, results
from benchmarks.measure import Row
from benchmarks.quick import run
from benchmarks.sides import SIDES, Request, Variant

import nn
from mnist import engines, models

CS = [f"c-{name}" for name in in_c.FUNCTIONS]
LARGER = ("deep", "small", "best")


@pytest.mark.parametrize("cached", [True, False])
def test_first_calls_are_those_of_fresh_processes(
    cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Fresh:
        """A side whose first run takes 9 s, and whose later ones take 2 s and 3 s."""

        def __init__(self, variant: Variant, threads: int, programs: str) -> None:
            assert Path(programs).is_dir()
            started.append(programs)
            self.hello = {"version": variant.name}

        def __enter__(self) -> Fresh:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, request: Request) -> dict[str, Any]:
            if request.arguments["jitted"]:
                return {"first": 9.0 if request.arguments["verify"] else 3.0, "numbers": [[1.0]]}
            assert request.seconds > 0
            return {"seconds": [2.0, 3.0, 4.0]}

    monkeypatch.setattr(in_c, "Side", Fresh)
    settings = results.Settings([SIDES["pullback"]], [1], quick=True)
    result = in_c.first_call(settings, "first-call", cached, 5.0)
    assert {side: set(row.figures) for side, row in result.rows.items()} == {
        "pullback": {3.0},
        "unverified": {1.0},
    }
    assert len(started) > 2  # each kind once to fill what is kept, and not timed
    assert len(set(started)) == (1 if cached else len(started))
    assert not any(Path(folder).exists() for folder in started)
    assert "wanted: at most 5, met" in report.lines(result)[1]


@pytest.mark.slow
@pytest.mark.usefixtures("in_c")
def test_programs_in_c_are_measured_and_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    names = ["c-w1", *CS, "c-attention", "c-lstm", "c-images", "c-image"]
    names += [f"c-{name}" for name in LARGER] + ["first-call", "cached-call"]
    run(*names, "--sides", "pullback", "--json", str(path))
    facts = json.loads(path.read_text())["benchmarks"]
    assert list(facts) == names
    for name in names:
        assert min(facts[name]["sides"]["pullback"]["figures"]) > 0
    first, later = (facts[name]["sides"]["unverified"]["figures"] for name in names[-2:])
    assert max(later) < min(first)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.usefixtures("in_c")
def test_networks_drawn_at_random_are_held_to_w2(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    printed = run("c-random", "--sides", "pullback", "pytorch", "--json", str(path))
    cases = json.loads(path.read_text())["benchmarks"]["c-random"]["cases"]
    assert len(cases) == 13
    for sides in cases.values():
        assert sides["pytorch"]["ours_over_it"]["median"] > 0
    assert printed.count("ours / it") == 13
    assert "times that of W2: drawn-" in printed


APPLIED = [("applied", {"name": name, "shape": (6, 8)}) for name in in_c.FUNCTIONS]
STEPS: list[tuple[str, dict[str, Any]]] = [
    ("whole", {"network": "mlp", "batch": 4}),
    ("whole", {"network": "small", "batch": 4}),
    ("fed", {"length": 20}),
    ("attention", {"shape": (2, 3, 7, 4)}),
    ("recurrent", {"steps": 5, "batch": 3, "inputs": 2, "hidden": 4}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("task", "arguments"), [*APPLIED, *STEPS], ids=str)
def test_what_is_jitted_computes_what_pytorch_does(
    torch: ModuleType, task: str, arguments: dict[str, Any]
) -> None:
    from benchmarks import on_pullback, on_pytorch

    ours = on_pullback.TASKS[task](**arguments, jitted=True)
    theirs = on_pytorch.TASKS[task](**arguments, jitted=True)
    numbers = [ours() for _ in range(3)]
    assert not measure.disagreement(numbers, [theirs() for _ in range(3)], 1e-4)
    assert np.any(numbers, axis=1).all()


@pytest.mark.oracle
@pytest.mark.parametrize("network", networks.DRAWN)
def test_networks_drawn_at_random_learn_as_in_pytorch(torch: ModuleType, network: str) -> None:
    from benchmarks import on_pullback, on_pytorch

    # Few images: the third step of the widest would already magnify rounding to a part in a
    # thousand.
    sides = (side.TASKS["whole"] for side in (on_pullback, on_pytorch))
    ours, theirs = (task(network=network, batch=4, jitted=False) for task in sides)
    numbers = [ours() for _ in range(2)]
    assert not measure.disagreement(numbers, [theirs() for _ in range(2)], 1e-4)
    assert numbers[0] != numbers[1]


@pytest.mark.oracle
def test_images_get_the_scores_of_pytorch(
    torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import on_pullback, on_pytorch

    monkeypatch.setattr(engines, "settled", lambda engine: "numpy" if engine == "c" else engine)
    ours, theirs = (side.TASKS["images"](11, 4)() for side in (on_pullback, on_pytorch))
    assert len(ours) == 6  # two scores of each of three batches
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.oracle
def test_dropout_aside_best_is_the_same_for_both(torch: ModuleType) -> None:
    """In a step the two leave out other features, and their losses agree but roughly."""
    from benchmarks import on_pullback, on_pytorch

    scores = []
    for library in (on_pullback.LIBRARY, on_pytorch.LIBRARY):
        model = library.prepared("best", {})
        model.eval()
        with library.no_grad():
            found = model(library.tensor(networks.data("best", 3)[0]))
        scores.append(library.array(found))
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LARGER)
def test_the_larger_networks_are_those_of_the_training(name: str) -> None:
    ours, trained = networks.build(nn, networks.NETWORKS[name]()), models.MODELS[name](None)
    assert str(ours) == str(trained)
    shapes = [{n: array.shape for n, array in m.state_dict().items()} for m in (ours, trained)]
    assert shapes[0] == shapes[1]


def test_the_networks_drawn_at_random_are_many_kinds_and_no_others() -> None:
    drawn = list(networks.DRAWN.values())
    layers = [tuple(its.layers) for its in drawn]
    assert len(set(layers)) == len(drawn) == 12
    known = {
        tuple(make()) for name, make in networks.NETWORKS.items() if name not in networks.DRAWN
    }
    assert not known & set(layers)
    convolutions = [[layer[1:] for layer in its if layer[0] == "conv"] for its in layers]
    flat = list(itertools.chain(*convolutions))
    assert {side for _, _, _, side, _, _ in flat} == {1, 3, 5, 7}
    assert {stride for *_, stride, _ in flat} == {1, 2}
    assert {len(its) for its in convolutions} >= {1, 2, 3, 4, 5}
    kinds = [{layer[0] for layer in its} for its in layers]
    assert {"norm" in kind for kind in kinds} == {True, False}
    assert {"pool", "average"} <= set().union(*kinds)
    in_groups = [{c[0] == c[5] for c in its if c[5] > 1} for its in convolutions]
    assert sorted(map(sorted, filter(None, in_groups))) == [[False], [True]]  # True: depthwise
    assert min(its.batch for its in drawn) < 24
    assert max(its.batch for its in drawn) > 96


def test_convolutions_that_peers_would_not_make_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layer 0: a convolution \[1, 12, False\] given"):
        networks.parameters(networks.NETWORKS["small"]())


def test_the_worst_case_is_judged_by_the_first() -> None:
    cases = {
        name: {"pullback": Row({1: [ours] * 3}), "pytorch": Row({1: [2.0] * 3})}
        for name, ours in {"W2": 1.0, "a": 1.2, "b": 1.8}.items()
    }
    cases["c"] = {"pullback": Row({2: [1.0]}, threads=2), "pytorch": Row(problem="pytorch: gone")}
    result = results.Result("r", "Steps", "ms", 1e3, limit=1.5, cases=cases)
    _title, first, *_, alone, last = report.lines(result)
    assert (
        first == "  pullback 1000 (1 thread); pytorch 2000 (1 thread) ours / it 0.5 [0.5, 0.5]; W2"
    )
    assert alone == "  pullback 1000 (2 threads); c"
    assert last.startswith("  worst: 0.9 of pytorch, 1.8 times that of W2: b")
    assert last.endswith("wanted: at most 1.5, MISSED")
    assert "  pytorch: gone; c" in report.lines(result)
    assert len(result.every_row()) == 8


@pytest.mark.slow
@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("name", networks.DRAWN)
def test_what_is_drawn_at_random_computes_what_numpy_does(name: str) -> None:
    """A warning, which is an error here, says that C differs. BLAS, whose sums hang on how arrays
    lie in memory, gets some of the products."""
    batch = networks.DRAWN[name].batch
    timed = on_pullback.TASKS["whole"](network=name, batch=batch, jitted=True)
    first = timed()
    assert timed()[0] != first[0]
