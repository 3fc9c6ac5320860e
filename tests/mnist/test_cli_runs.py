"""What train.py does with folders of runs, and says where nobody may listen."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.layers.rank_trainings import listing
from support.programs.idx_files import write_digits
from support.programs.small_trainings import Steps, everything
from support.programs.train_cli import Here, begun, run, settle, without_pictures

import mnist.speaking as speaking
from mnist.commands import newest_run
from mnist.data import DataError
from mnist.data.files import alone_in

sys.path.insert(0, str(Path(__file__).parents[2]))
import train

SETTINGS = ("--epochs", 1, "--batch-size", 50, "--engine", "tape")  # whose start is the fastest
FILES = ["config.json", "last.ckpt", "metrics.jsonl", "report.html", "times.jsonl"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"), train=200, test=60)


class Runs(Here):
    """With a data set, and settings for all trainings."""

    def __init__(self, data: Path, capsys: Any) -> None:
        super().__init__(capsys)
        self.data = data

    def train(self, *arguments: object) -> list[str]:
        code, lines, err = self("--data-dir", self.data, *SETTINGS, *arguments)
        assert (code, err) == (0, "")
        return lines

    def refused(self, told: str, *arguments: object) -> None:
        """With one line, and all files as they were."""
        before = everything(Path())
        code, _, err = self(*arguments)
        assert (code, len(err.splitlines())) == (1, 1)
        assert err.startswith("train.py: error: ") and told in err
        assert everything(Path()) == before


@pytest.fixture
def here(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Runs:
    settle(tmp_path, monkeypatch)
    return Runs(data, capsys)


# --- folders -------------------------------------------------------------------------------------


def test_two_starts_in_one_second(here: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.time, "strftime", lambda form: "2026-01-02_03-04-05")
    for _ in range(3):
        here.train()
    names = [f"2026-01-02_03-04-05{end}" for end in ("", "_2", "_3")]
    assert listing(Path("runs")) == names
    assert all(listing(Path("runs") / name) == FILES for name in names)


def test_a_folder_by_default_is_named_after_the_moment(here: Runs) -> None:
    here.train()
    (name,) = listing(Path("runs"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", name)


def test_a_start_that_fails_leaves_no_folder(here: Runs) -> None:
    for arguments in (
        ("--data-dir", "nowhere"),
        ("--data-dir", here.data, "--validation", 200),
        ("--data-dir", here.data, "--accumulate", 3),
    ):
        here.refused("", *arguments)
        assert listing(Path()) == []
    Path("runs/mine").mkdir(parents=True)
    here.refused("nowhere: no such folder", "--data-dir", "nowhere")
    assert listing(Path("runs")) == ["mine"]


def test_a_folder_with_a_run_is_refused(here: Runs) -> None:
    here.train("--out", "run")
    told = "run: holds a run already; name another folder with --out, go on with --resume run, or"
    for more in ((), ("--seed", 3), ("--members", 2)):
        here.refused(told, "--data-dir", here.data, "--out", "run", *more)
    # Before the data set is looked for, which may take a download.
    here.refused(told, "--data-dir", "nowhere", "--out", "run")


def test_overwrite(here: Runs) -> None:
    here.train("--out", "run")
    first = (Path("run") / "last.ckpt").read_bytes()
    Path("run/notes.txt").write_text("mine")
    Path("run/worst.png").write_text("of the run")
    here.train("--out", "run", "--seed", 3, "--overwrite")
    assert listing(Path("run")) == sorted([*FILES, "notes.txt"])
    assert (Path("run") / "last.ckpt").read_bytes() != first
    Path("other").mkdir()
    Path("other/config.json").write_text('{"compilerOptions": {}}')
    told = "other: holds config.json, which no training wrote; name another folder"
    for more in ((), ("--overwrite",)):
        here.refused(told, "--data-dir", here.data, "--out", "other", *more)


def test_a_failed_start_overwrites_nothing(here: Runs) -> None:
    here.train("--out", "run")
    for wrong in (("--data-dir", "nowhere"), ("--data-dir", here.data, "--validation", 200)):
        here.refused("", *wrong, "--out", "run", "--overwrite")


def test_a_dry_run_has_a_folder_of_its_own(here: Runs) -> None:
    here.train("--out", "run")
    before = everything(Path("run"))
    for _ in range(2):  # the second over the first
        lines = here.train("--dry-run", "--out", "run")
        assert "dry run in run-dry-run" in lines[-1]
    assert everything(Path("run")) == before
    assert listing(Path("run-dry-run")) == FILES
    here.refused("is a dry run, of which nothing goes on", "--resume", "run-dry-run")
    here.train("--dry-run", "--out", ".")
    assert listing(Path("here-dry-run")) == FILES
    here.train("--out", "mine-dry-run")
    told = "mine-dry-run: holds a run already"
    here.refused(told, "--data-dir", here.data, "--dry-run", "--out", "mine")
    here.train("--dry-run")
    (name,) = listing(Path("runs"))
    assert name.endswith("-dry-run")
    with pytest.raises(DataError, match="no trained network"):
        newest_run(Path("runs"))


def test_an_engine_that_is_not_there_is_told_once(data: Path, tmp_path: Path) -> None:
    environment = {**without_pictures(tmp_path), "PULLBACK_JIT": "0"}
    arguments = ("--dry-run", "--engine", "c", "--data-dir", data)
    done = run(*arguments, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("NativeWarning") == 1, done.stderr
    assert "there is no C here" in done.stderr
    assert done.stdout.splitlines()[0].endswith("engine numpy")


def test_another_process_is_at_work(here: Runs) -> None:
    here.train("--out", "run")
    Path("new").mkdir()
    told = "another process is at work in this folder; wait for its end or name another folder"
    with alone_in(Path("run"), wait=False), alone_in(Path("new"), wait=False):
        here.refused(told, "--data-dir", here.data, "--out", "run", "--overwrite")
        here.refused(told, "--data-dir", here.data, "--out", "new")
        here.refused(told, "--resume", "run")


# --- going on ------------------------------------------------------------------------------------


def test_a_finished_run_says_so_and_keeps_its_bytes(here: Runs) -> None:
    here.train("--out", "run")
    before = everything(Path("run"))
    code, lines, err = here("--resume", "run")
    assert (code, err) == (0, "")
    assert "run: finished, 1 of 1 epochs are done; --epochs M with a larger M trains on" in lines
    assert everything(Path("run")) == before


@pytest.mark.parametrize("members", [1, 2])
def test_a_finished_run_is_trained_on(members: int, here: Runs) -> None:
    here.train("--out", "run", "--members", members)
    report = Path("run/report.html").read_bytes()
    here.refused("1 epochs are done already", "--resume", "run", "--epochs", 1)
    code, lines, err = here("--resume", "run", "--epochs", 2)
    assert (code, err) == (0, "")
    on = [line for line in lines if "a new one-cycle schedule to the same peak rate" in line]
    assert len(on) == members
    assert Path("run/report.html").read_bytes() != report
    assert json.loads(Path("run/config.json").read_text())["epochs"] == 2


def test_no_flag_need_be_repeated_and_none_contradicted(here: Runs, tmp_path: Path) -> None:
    here.train("--out", "run", "--validation", 40)
    (tmp_path / "other").mkdir()
    other = write_digits(tmp_path / "other", train=200, test=60, seed=9)
    here.refused("is of another data set", "--resume", "run", "--data-dir", other)
    for flags in (("--seed", 0), ("--out", "x"), ("--overwrite",), ("--recipe", "fast")):
        before = everything(tmp_path)
        code, _, err = here("--resume", "run", *flags)
        assert code == 2
        assert f"leave out {flags[0]}" in err
        assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_told_and_is_the_exit_code(
    name: str, here: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"there is no {name} here")
    steps = Steps(monkeypatch)
    steps.at, steps.act = 2, lambda: os.kill(os.getpid(), number)
    code, lines, err = here("--data-dir", here.data, *SETTINGS, "--out", "run")
    assert (code, err) == (128 + number, "")
    ended = "interrupted" if name == "SIGINT" else "asked to end"
    assert lines[-1] == (
        f"{ended}; what there is has been saved. To go on: python train.py --resume run"
    )
    assert not Path("run/report.html").exists()
    code, lines, err = here("--resume", "run")
    assert (code, err) == (0, "")
    assert "run: goes on after step 2 of epoch 1 of 1" in lines
    assert listing(Path("run")) == FILES


# --- where nobody listens ------------------------------------------------------------------------


def test_a_reader_that_has_gone(data: Path, tmp_path: Path) -> None:
    """As with `| head -1`: it says once how to go on, and trains to its end."""
    process = begun(
        *("--data-dir", data, *SETTINGS, "--out", "run"),
        cwd=tmp_path,
        environment=without_pictures(tmp_path),
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith("IDX files in ")
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert told == (
        "standard output is closed, so nothing more is printed; the training goes on, and Ctrl-C "
        "saves and ends it: python train.py --resume run goes on from there\n"
    )
    assert set(FILES) <= set(listing(tmp_path / "run"))


@pytest.mark.skipif(os.name == "nt", reason="a service of Unix")
def test_a_service_without_streams(data: Path, tmp_path: Path) -> None:
    process = begun(
        *("--data-dir", data, *SETTINGS, "--out", "run"),
        cwd=tmp_path,
        environment=without_pictures(tmp_path),
        stdout=None,
        stderr=None,
        preexec_fn=lambda: [os.close(number) for number in (0, 1, 2)],
    )
    assert process.wait(60) == 0
    assert set(FILES) <= set(listing(tmp_path / "run"))


class Broken:
    """A stream of which every use fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error

    def fileno(self) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space"), ValueError("closed")]
)
def test_saying_something_never_fails(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Broken(error))
        speaking.say("a line", "; so and so goes on")
    told = "standard output is closed, so nothing more is printed; so and so goes on\n"
    assert capsys.readouterr() == ("", told)
    with monkeypatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, Broken(error))
        speaking.say("a line")
        speaking.complain("a line")
    assert capsys.readouterr() == ("", "")


def test_streams_that_are_not_there_or_know_few_letters() -> None:
    program = """
import io, sys
import mnist.speaking as speaking
sys.stdin = sys.stdout = None
sys.stderr = io.TextIOWrapper(sys.stderr.buffer, encoding="ascii")
speaking.ready_streams()
assert sys.stdin.read() == ""
print("to nobody")
speaking.complain("two\\nlines of \\u6570 and \\udcff")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "two lines of \\u6570 and \\udcff\n")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file", "a\nb"), "a\\nb: No such file"),
        (PermissionError(13, "Permission denied"), "[Errno 13] Permission denied"),
        (MemoryError(), "not enough memory"),
        (MemoryError("5 GiB"), "not enough memory (5 GiB)"),
        (RuntimeError("two\n lines"), "two lines"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_errors_are_told_in_a_line(error: Exception, told: str) -> None:
    assert speaking.described(error).strip() == told
