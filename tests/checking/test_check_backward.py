"""check_backward on backward passes in published styles, right and with mistakes planted in them."""

from __future__ import annotations

import importlib.util
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


MISTAKES = [
    (name, number)
    for name in NAMES
    for number in range(len(loaded(FOLDER / f"{name}.py").MISTAKES))
]


def test_there_are_twelve_styles() -> None:
    assert len(NAMES) == 12 and all(sum(n == m for m, _ in MISTAKES) >= 2 for n in NAMES)


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
