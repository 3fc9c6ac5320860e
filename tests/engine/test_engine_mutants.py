"""The command that plants mistakes in the engine: what it changes, what it draws, what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from engine_mutants import SHARE, judgements, report
from support.mutants.runs import Outcome, Stage, stages
from support.mutants.sampling import Key, Mutant, mutants, sample
from support.mutants.survivors import JUDGED, Judged

ROOT = Path(__file__).resolve().parents[2]


def made(source: str) -> dict[str, set[str]]:
    """By kind, what the changed lines become."""
    found: dict[str, set[str]] = {}
    for mutant in mutants(dedent(source), "sample.py"):
        if mutant.changes(dedent(source)):
            found.setdefault(mutant.kind, set()).add(mutant.key.after)
    return found


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("x < y", "comparison", ["x <= y", "x >= y"]),
        ("(x) == (y)", "comparison", ["(x) != (y)"]),
        ("x is not y", "comparison", ["x is y"]),
        ("x not in y", "comparison", ["x in y"]),
        ("x < y in z", "comparison", ["x <= y in z", "x >= y in z", "x < y not in z"]),
        ("x and y", "boolean", ["x or y", "x", "y"]),
        (
            "x and y and z",
            "boolean",
            ["x or y and z", "x and y or z", "(y and z)", "(x and z)", "(x and y)"],
        ),
        ("not (x or y)", "boolean", ["(x or y)", "not (x and y)", "not (x)", "not (y)"]),
        ("a = -b", "arithmetic", ["a = b"]),
        ("a + b * c", "arithmetic", ["a - b * c", "a + b / c"]),
        ("a // b", "arithmetic", ["a / b", "a % b"]),
        ("a ** b", "arithmetic", ["a * b"]),
        ("x += 2", "arithmetic", ["x -= 2"]),
        ("x += 2", "constant", ["x += 3"]),
        ("f(True, 1, 0.5)", "constant", ["f(False, 1, 0.5)", "f(True, 0, 0.5)", "f(True, 1, 1.5)"]),
        ("if x: y()", "condition", ["if not (x): y()", "if True: y()", "if False: y()"]),
        ("if x is y: z()", "condition", ["if True: z()", "if False: z()"]),
        ("while x: y()", "condition", ["while not (x): y()", "while False: y()"]),
        ("a if x else b", "condition", [f"a if {c} else b" for c in ("not (x)", "True", "False")]),
        (
            "[a for a in b if a]",
            "condition",
            [f"[a for a in b if {c}]" for c in ("not (a)", "True", "False")],
        ),
        ("isinstance(a, A | B)", "condition", ["isinstance(a, A)", "isinstance(a, B)"]),
        ('a == "f"', "string", ['a == "other"']),
        ('a in "fc"', "string", ['a in "f"', 'a in "c"']),
        ("f(a, b)", "swap", ["f(b, a)"]),
        ("f(a, *b)", "swap", []),
        ("f(k=a, l=b)", "swap", ["f(k=b, l=a)"]),
        ("f(a, k=1, l=2)", "dropped keyword", ["f(a, l=2)", "f(a, k=1)"]),
        ("f(k=1)", "dropped keyword", ["f()"]),
        ("x[a:]", "slice", ["x[a + 1:]", "x[a:-1]"]),
        ("x[:b]", "slice", ["x[1:b]", "x[:b - 1]"]),
        ("x[1:]", "constant", ["x[0:]"]),
        ("with a, b: c()", "dropped context", ["with b: c()", "with a: c()"]),
        ("with no_grad(): c()", "dropped context", ["if True: c()"]),
        ("with no_grad(): c()", "name", ["with enable_grad(): c()"]),
        ("np.zeros_like(x)", "name", ["np.ones_like(x)"]),
        ("x.copy()", "dropped call", ["x"]),
        ("def f(a, b=0): pass", "default", ["def f(a, b=1): pass"]),
        ("raise E('message here', 1)", "dropped statement", ["pass"]),
        ("def f(a): return a", "return", ["def f(a): return None"]),
        ("def f(a): return a, b", "swap", ["def f(a): return b, a"]),
        ("def f(a): a = g()", "dropped statement", ["pass"]),
        ("def f(a): b = g()", "value", ["def f(a): b = None"]),
        ("def f(a): a.b = g()", "dropped statement", ["pass"]),
        ("for x in y: continue", "dropped statement", ["pass"]),
        ("del x", "dropped statement", ["pass"]),
    ],
)
def test_what_a_line_becomes(source: str, kind: str, expected: list[str]) -> None:
    assert made(source).get(kind, set()) == set(expected)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "from a import b",
        "if TYPE_CHECKING:\n    x = f(1)",
        "Name = Callable[[A | None], B]",
        "__all__ = ['a', 'b']",
        "class A:\n    __slots__ = ('a', 'b')",
        "class A(Protocol):\n    x = 1",
        "class A:\n    x: int",
        "def f(x: Literal[1, 'a'] | None = None) -> Literal[True]: ...",
        "@overload\ndef f(x=1): return x + 1",
        "assert x is not None",
        "zip(a, strict=True)[b]",
    ],
)
def test_what_no_test_could_notice_is_left_alone(source: str) -> None:
    assert {k: v for k, v in made(source).items() if k != "dropped statement"} == {}


def test_messages_are_left_alone() -> None:
    assert made("raise E(f(a, 1), 'text')") == {"dropped statement": {"pass"}}
    assert made("warnings.warn('text', stacklevel=2)") == {"dropped statement": {"pass"}}
    assert made("x.y = f'{a + 1}' + 'a message of words'") == {"dropped statement": {"pass"}}


SOURCE = """
class A:
    def f(self, x):
        # π takes two bytes
        return self.g("π", x + 1)  # why

    def g(self, x):
        return (
            x - 1
        )


def h(x):
    if x:
        x.one(
            x,
        )
    if x:
        x.one(
            x,
        )
"""


def test_mutants_are_named_by_their_text_and_function() -> None:
    found = mutants(SOURCE, "sample.py")
    plus, minus = [mutant for mutant in found if mutant.kind == "arithmetic"]
    before = 'return self.g("π", x + 1) # why'
    assert plus.key == Key("sample.py", "A.f", before, before.replace("+", "-"))
    assert (minus.key, minus.line) == (Key("sample.py", "A.g", "x - 1", "x + 1"), 9)
    assert plus.applied(SOURCE) == SOURCE.replace("+", "-")
    calls = [mutant for mutant in found if mutant.key[1:3] == ("h", "x.one( ...")]
    assert [mutant.key.nth for mutant in calls] == [0, 1]
    assert len({mutant.key for mutant in found}) == len(found)


def drawn(count: int, seed: int, source: str = SOURCE) -> list[Mutant]:
    return sample(mutants(source, "a.py"), {"a.py": source}, count, seed)


def test_a_sample_depends_on_the_seed_alone_and_takes_a_line_once() -> None:
    assert drawn(4, 0) == drawn(4, 0)
    assert len({tuple(drawn(4, seed)) for seed in range(5)}) > 1
    assert len({mutant.line for mutant in drawn(4, 0)}) == 4
    every = drawn(1000, 0)
    assert len(every) == len(set(every)) > len({mutant.line for mutant in every})
    assert all(mutant.changes(SOURCE) for mutant in every)


def test_a_sample_of_lines_stays_while_others_change() -> None:
    longer = SOURCE.replace("return (", "y = x > 2\n        return (")
    before, after = ({m.key for m in drawn(5, 0, source)} for source in (SOURCE, longer))
    assert len(before & after) >= 4  # one may have had to give way


def test_judged_survivors_are_mutants_that_there_are() -> None:
    texts = {j.file: (ROOT / j.file).read_text("utf-8") for j in JUDGED}
    there = {mutant.key for file, text in texts.items() for mutant in mutants(text, file)}
    for j in JUDGED:
        assert Key(j.file, j.where, j.before, j.after, j.nth) in there, j
        assert j.reason


def test_a_survivor_must_be_judged_and_few_may_be_noticeable() -> None:
    found = dict.fromkeys(drawn(1000, 0), Outcome("killed"))
    stage = [Stage(("test_a.py",), 1.0)]
    text, well = report(found, stage, {})
    assert (well, "100.0%" in text) == (True, True)
    survivor = next(iter(found))
    found[survivor] = Outcome("survived")
    text, well = report(found, stage, {})
    assert (well, "1 not judged yet" in text) == (False, True)
    assert len(found) < 1 / (1 - SHARE)
    for equivalent in (True, False):
        judged = judgements([Judged(*survivor.key[:4], equivalent, "no matter", survivor.key.nth)])
        text, well = report(found, stage, judged)
        assert well == equivalent
        assert "no matter" in text
    text, _ = report(dict.fromkeys(found, Outcome("timeout")), stage, judged)
    assert f"judged to survive, but died: {survivor}" in text


def test_stages_grow_and_begin_with_the_fastest_files() -> None:
    found = stages({"a": 3.0, "b": 0.5, "c": 0.75, "d": 100.0, "e": 1.0})
    assert [stage.files for stage in found] == [("b", "c"), ("e", "a"), ("d",)]
    assert [stage.seconds for stage in found] == [1.25, 4.0, 100.0]
    assert stages({}) == []


TINY = """
def sign(x):
    if x < 0:
        return -1
    while x > 9:
        x -= 1
    return 1
"""
TESTS = """
import numpy as np
from tiny.core import sign

def test_negative(): assert sign(-3) == -1
def test_large(): assert sign(20) == 1
"""


@pytest.mark.slow
def test_the_command_says_what_died_and_what_survived(tmp_path: Path) -> None:
    for folder, file, text in [
        ("tiny", "__init__.py", ""),
        ("tiny", "core.py", TINY),
        ("tests", "test_tiny.py", TESTS),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text(text)
    command = [sys.executable, str(ROOT / "tests" / "engine_mutants.py"), "--root", str(tmp_path)]
    command += ["--targets", "tiny", "--tests", "tests", "--json", str(tmp_path / "out.json")]
    done = subprocess.run([*command, "--count", "5"], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["mutants"]
    assert [(row["after"], row["verdict"]) for row in rows] == [
        ("if True:", "killed"),
        ("return None", "killed"),
        ("while x >= 9:", "survived"),
        ("pass", "timeout"),  # x no longer becomes less
        ("return 0", "killed"),
    ]
    assert [row["by"].rpartition("::")[2] for row in rows[:2]] == ["test_large", "test_negative"]
    assert "4 of 5 that a test could notice died: 80.0%" in done.stdout
    assert "not judged yet: Judged(file='tiny/core.py', where='sign'" in done.stdout
    assert (tmp_path / "tiny" / "core.py").read_text() == TINY
