"""Where tensors meet lists, options, Python, NumPy, SciPy or pandas, gradients are right, or an
error says what to do, or the documentation says that they end there. Nothing is lost in silence.

The table is in support.ways; python tests/ways.py prints it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.ways.judging import Flat, Refused, Right, Said, Way, complaint, judged, ways
from support.ways.table import WAYS, installed, printed

import autograd as ag

README = Path(ag.__file__).with_name("README.md").read_text(encoding="utf-8")


def _case(way: Way) -> object:
    marks = [pytest.mark.oracle] if way.package else []
    return pytest.param(way, id=f"{way.package or 'here'}: {way.name}", marks=marks)


@pytest.mark.parametrize("way", [_case(way) for way in WAYS])
def test_a_way_to_lose_a_gradient(way: Way) -> None:
    if not installed(way.package):
        pytest.skip(f"{way.package} is not installed: pip install pullback[oracle]")
    assert complaint(way, judged(way)) is None


def test_the_table_is_large_and_its_names_differ() -> None:
    assert max(Counter((way.package, way.name) for way in WAYS).values()) == 1
    kinds = Counter(type(way.expects) for way in WAYS if not way.package)
    assert min(kinds[kind] for kind in (Right, Refused, Flat, Said)) >= 20


def test_where_numbers_leave_the_graph_is_documented() -> None:
    section = README.partition("## Where numbers leave the graph")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `([^`(]+)", section, re.MULTILINE))
    assert {way.expects.by for way in WAYS if isinstance(way.expects, Said)} == listed


@ag.primitive
def _halved(x: object) -> object:
    return np.multiply(x, 0.5)


_halved.defvjp(lambda g, out, x: g)  # wrong by a factor of 2


def test_the_judge_notices_what_is_lost_or_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    lost = ways(Right(), {"lost": (lambda x: x.data * 2, lambda x: x * 2)})
    lost += ways(Right(), {"in part": (lambda x: [x * 2, (x * 3).data], lambda x: [x * 2, x * 3])})
    lost += ways(Right(), {"slope": (lambda x: _halved(x), lambda x: x / 2)})
    lost += ways(Right(), {"value": (lambda x: x * 2, lambda x: x * 2 + 1)})
    lost += ways(Right(), {"error": lambda x: x.nothing})
    lost += ways(Refused(TypeError, ("nothing",)), {"kind": lambda x: x.nothing})
    lost += ways(Refused(AttributeError, ("detach",)), {"words": lambda x: x.nothing})
    lost += ways(Refused(TypeError), {"no error": lambda x: x * 2})
    lost += ways(Flat(), {"not flat": lambda x: x * 2})
    lost += ways(Said("float"), {"not lost": lambda x: x * 2, "flat": lambda x: x > 1})
    assert [way.name for way in lost if complaint(way, judged(way)) is None] == []
    assert [judged(way).kind for way in lost[:4]] == ["lost", "wrong", "wrong", "wrong"]
    assert printed(lost) == 1
    assert capsys.readouterr().out.count("WRONG") == len(lost) + 1
    assert printed(ways(Right(), {"right": lambda x: x * 2})) == 0
