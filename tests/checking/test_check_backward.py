"""check_backward on backward passes in published styles, right and with mistakes."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.backwards import FOLDER

import autograd
from autograd import check_backward

NAMES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"backwards_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reported(module: ModuleType, seed: int = 0) -> Any:
    forward, backward, *args = module.case(np.random.default_rng(seed))
    return check_backward(forward, backward, *args)


# Loops over pixels, steps or layers, which take a second or more each.
LONG = {
    "char_rnn",
    "deep_columns",
    "lstm_columns",
    "rnn_buffers",
}
LONGEST = {"conv_channels_last", "convolution"}


def _is_plain(name: str, number: int) -> bool:
    return name not in LONGEST and number % (100 if name in LONG else 3) == 0


MISTAKES = [
    pytest.param(name, number, marks=[] if _is_plain(name, number) else [pytest.mark.slow])
    for name in NAMES
    for number in range(len(loaded(FOLDER / f"{name}.py").MISTAKES))
]


def test_there_are_styles_enough() -> None:
    assert len(NAMES) >= 12 and all(
        sum(case.values[0] == name for case in MISTAKES) >= 2 for name in NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_right_passes_are_right(name: str) -> None:
    report = reported(loaded(FOLDER / f"{name}.py"))
    assert report.ok and report.first is None, report
    assert len(report.steps) >= 1


@pytest.mark.parametrize(("name", "number"), MISTAKES)
def test_the_line_of_a_mistake_is_named(name: str, number: int, tmp_path: Path) -> None:
    right = loaded(FOLDER / f"{name}.py")
    before, after = right.MISTAKES[number]
    head, mark, code = (FOLDER / f"{name}.py").read_text().partition("\n\n\n")
    assert code.count(before) >= 1
    at = code.rindex(before)
    path = tmp_path / f"{name}_{number}.py"
    path.write_text(head + mark + code[:at] + after + code[at + len(before) :])
    report = reported(loaded(path))
    wanted = getattr(right, "LINES", {}).get(number, after)
    assert not report.ok
    assert report.first.text == wanted, f"{report}\n{wanted} expected"
    assert path.read_text().splitlines()[report.first.line - 1].strip() == wanted
    # A line that was left out cannot be listed.
    assert (wanted if after == "pass" else after) in [t for _, _, t in report.first.lines], report


X, W = np.random.default_rng(1).standard_normal((2, 4, 4))


def product(x, w):
    out = np.tanh(x @ w)
    return out, (x, w, out)


def test_an_error_of_the_backward_is_its_own_and_nothing_is_left_behind() -> None:
    def backward(dout, cache):  # type: ignore[no-untyped-def]
        raise KeyError("missing")

    def tracer(frame: Any, event: str, arg: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(KeyError, match="missing") as caught:
            check_backward(product, backward, X, W)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    said = [*getattr(caught.value, "__notes__", []), *map(str, caught.value.args)]
    assert any("called backward(dout=float64 (4, 4)" in text for text in said)


def test_helpers_comprehensions_generators_recursion_and_early_return() -> None:
    def total(parts: list[Any]) -> Any:
        return parts[0] if len(parts) == 1 else parts[0] + total(parts[1:])

    def rows(dz: Any, w: Any) -> Any:
        for row in dz:
            yield row @ w.T

    def backward(dout, cache, wrong=False):  # type: ignore[no-untyped-def]
        x, w, out = cache
        dz = dout * (1 - out**2)
        dx = np.stack(list(rows(dz, w)))
        dw = total([np.outer(x[n], dz[n]) for n in range(len(x))])
        if not wrong:
            return dx, dw
        dx = dx + dw
        return dx, dw

    assert check_backward(product, backward, X, W).ok
    report = check_backward(product, lambda dout, cache: backward(dout, cache, True), X, W)
    assert report.first is not None and report.first.text == "dx = dx + dw"


def test_float32_is_judged_as_such() -> None:
    def backward(dout, cache):  # type: ignore[no-untyped-def]
        x, w, out = cache
        dz = dout * (1 - out * out)
        return dz @ w.T, x.T @ dz

    assert check_backward(product, backward, X.astype("f4"), W.astype("f4")).ok


def test_other_layouts_are_recognised() -> None:
    def forward(x, w):  # type: ignore[no-untyped-def]
        h = autograd.tanh(x @ w)
        return autograd.sum(h * h)

    def backward(x, w):  # type: ignore[no-untyped-def]
        h = np.tanh(w.T @ x.T)
        dh = 2 * h
        dw = ((1 - h**2) * dh @ x).T / 2
        return {"w": dw}

    report = check_backward(forward, backward, X[:3], W[:, :2])
    assert report.first is not None and report.first.text.startswith("dw =")
    assert report.notes and "order (1, 0)" in report.notes[0]


def test_what_cannot_be_told_is_an_error_that_says_so() -> None:
    def backward(dout, strange, thing):  # type: ignore[no-untyped-def]
        return dout

    with pytest.raises(TypeError, match=r"'strange', 'thing'.*inputs="):
        check_backward(product, backward, X, W)

    def unnamed(dout, cache):  # type: ignore[no-untyped-def]
        first = dout * 2
        return first, first, first

    with pytest.raises(ValueError, match=r"backward has .*first.*forward has .*out"):
        check_backward(product, unnamed, X, W)


def through_numbers(x, w):
    scale = math.exp(0.1 * float(np.sum(w * w)))
    out = np.tanh(x @ w) * scale
    return out, (x, w, out, scale)


def through_numbers_backward(dout, cache, penalty=0.2):
    x, w, out, scale = cache
    dz = dout * scale * (1 - (out / scale) ** 2)
    dx = dz @ w.T
    dw = x.T @ dz + np.sum(dout * out) * penalty * w
    return dx, dw


def into_an_array(x, w):
    out = np.zeros(len(x))
    h = np.tanh(x @ w)
    for i in range(len(x)):
        out[i] = math.exp(h[i, 0]) + h[i].sum()
    return out, (x, w, h)


def into_an_array_backward(dout, cache):
    x, w, h = cache
    dh = np.repeat(dout[:, None], h.shape[1], 1)
    dh[:, 0] += dout * np.exp(h[:, 0])
    dz = dh * (1 - h * h)
    dx, dw = dz @ w.T, x.T @ dz
    return dx, dw


def to_a_float(x, w):
    h = np.tanh(x @ w)
    return float(np.sum(h * h)), (x, w, h)


def to_a_float_backward(cache):
    x, w, h = cache
    dz = 2 * h * (1 - h * h)
    dx, dw = dz @ w.T, x.T @ dz
    return dx, dw


def into_views(x, w):
    out = x @ w
    out.T[0] = out.T[0] * 2
    rows = out[1:]
    rows *= 3
    return out, (x, w)


def into_views_backward(dout, cache):
    x, w = cache
    da = dout.copy()
    da[:, 0] *= 2
    da[1:] *= 3
    dx, dw = da @ w.T, x.T @ da
    return dx, dw


def with_functions_of_numbers(x, w):
    h = x @ w
    return np.array([[math.erf(v) for v in row] for row in h]), (x, w, h)


def with_functions_of_numbers_backward(dout, cache):
    x, w, h = cache
    dz = dout * 2 / np.sqrt(np.pi) * np.exp(-h * h)
    dx, dw = dz @ w.T, x.T @ dz
    return dx, dw


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (through_numbers, through_numbers_backward),
        (into_an_array, into_an_array_backward),
        (to_a_float, to_a_float_backward),
        (into_views, into_views_backward),
        (with_functions_of_numbers, with_functions_of_numbers_backward),
    ],
)
def test_what_the_tape_loses_is_judged_by_differences(forward: Any, backward: Any) -> None:
    report = check_backward(forward, backward, X, W)
    assert report.ok, report
    assert any("central differences instead" in note for note in report.notes)

    def wrong(*args: Any) -> Any:
        dx, dw = backward(*args)
        dw = dw * 1.5
        return dx, dw

    keep = None if forward is to_a_float else lambda dout, returned: (dout, returned[1])
    keep = keep or (lambda dout, returned: (returned[1],))
    report = check_backward(forward, wrong, X, W, inputs=keep)
    assert report.first is not None and report.first.text == "dw = dw * 1.5", report


def test_where_a_gradient_is_lost_is_said() -> None:
    report = check_backward(into_an_array, into_an_array_backward, X, W)
    assert any("lost at" in note and "math.exp" in note for note in report.notes)


def test_a_forward_that_tensors_do_not_run_and_that_is_too_large_is_an_error() -> None:
    x, w = np.zeros((60, 60)), np.zeros((60, 60))

    def wrong(dout, cache):  # type: ignore[no-untyped-def]
        dx, dw = into_views_backward(dout, cache)
        return dx + 1, dw

    with pytest.raises(RuntimeError, match="into_views does not run on tensors"):
        check_backward(into_views, wrong, x, w)


def test_a_factor_that_comes_in_at_the_parameters_is_no_mistake_unless_it_is_missing() -> None:
    def forward(x, w):  # type: ignore[no-untyped-def]
        h = np.tanh(x @ w)
        return np.sum(h * h) / len(x), (x, w, h)

    def backward(cache, m):  # type: ignore[no-untyped-def]
        x, _, h = cache
        dh = 2 * h
        dw = x.T @ (dh * (1 - h * h)) / m
        return dw  # noqa: RET504

    report = check_backward(forward, backward, X, W, inputs=lambda g, r: (r[1], 4))
    assert report.ok, report
    report = check_backward(forward, backward, X, W, inputs=lambda g, r: (r[1], 1))
    assert not report.ok and report.first.row.diagnosis, report


def test_objects_globals_and_random_numbers_are_as_before() -> None:
    module = loaded(FOLDER / "net_in_place.py")
    forward, backward, *args = module.case(np.random.default_rng(0))
    net = forward.__self__
    before = {name: array.copy() for name, array in net.params.items()}
    state = np.random.get_state()[2]
    check_backward(forward, backward, *args)
    assert set(vars(net)) == {"params"} and np.random.get_state()[2] == state
    assert all(np.array_equal(before[name], array) for name, array in net.params.items())
