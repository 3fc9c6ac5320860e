"""train.py as a person runs it: output, files, exit codes, and one clear line for each mistake."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.idx_files import idx, write_digits
from support.programs.train_cli import Here, begun, run, settle, wait_for, without_pictures

from mnist.recipes import RECIPES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Here:
    """For all that need not be seen from outside of a process: to start one takes half a second."""
    settle(tmp_path, monkeypatch)
    return Here(capsys)


def test_a_run_prints_an_epoch_a_line_and_names_its_files(folder: Path, tmp_path: Path) -> None:
    environment = {"MNIST_DIR": str(folder), **without_pictures(tmp_path)}
    result = run("--epochs", 2, "--out", "out", cwd=tmp_path, **environment)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no progress bar where there is no terminal
    lines = result.stdout.splitlines()
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert all(str(folder) in line for line in lines if line.startswith(("epoch ", "IDX")))
    assert "config.json, last.ckpt, metrics.jsonl, times.jsonl" in lines[-1]
    assert "out" in lines[-1]
    metrics = [json.loads(x) for x in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in metrics] == [1, 2]
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["epochs"] == 2
    assert config["train_images"] == 300


def test_curves_are_drawn_with_matplotlib(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("--dry-run", "--data-dir", folder, "--out", "with", cwd=tmp_path)
    assert (tmp_path / "with-dry-run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "curves.png" in result.stdout


def test_curves_are_missed_in_one_line_without(folder: Path, here: Here, tmp_path: Path) -> None:
    code, lines, _ = here("--dry-run", "--data-dir", folder, "--out", "without")
    assert code == 0
    assert (tmp_path / "without-dry-run" / "report.html").exists()
    assert not (tmp_path / "without-dry-run" / "curves.png").exists()
    assert sum("pip install matplotlib" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "vast"], "--model"),
        (["--epochs", "0"], "--epochs: 0 given, a whole number from 1 to 1,000,000,000 expected"),
        (["--epochs", "many"], "--epochs"),
        (["--epochs", "9" * 400], "--epochs: 99999999999999999999"),
        (["--batch-size", "0"], "--batch-size: 0 given, a whole number from 1 to 1,000,000,000"),
        (["--seed", str(2**63)], "--seed: 9223372036854775808 given, a whole number from 0"),
        (["--members", "1001"], "--members: 1001 given, a whole number from 1 to 1,000"),
        (["--lr", "0"], "--lr: 0 given, a number above 0 expected"),
        (["--lr", "nan"], "--lr"),
        (["--momentum", "1"], "--momentum"),
        (["--dataset", "cats"], "--dataset"),
        (["--speed", "9"], "--speed"),
    ],
)
def test_wrong_flags_exit_with_2(
    arguments: list[str], expected: str, here: Here, tmp_path: Path
) -> None:
    code, _, err = here(*arguments)
    assert code == 2
    assert expected in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_process_exits_with_2_at_a_wrong_flag(tmp_path: Path) -> None:
    result = run("--epochs", "0", cwd=tmp_path)
    assert result.returncode == 2
    assert "--epochs: 0 given, a whole number" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def break_file(folder: Path, name: str, change: str) -> None:
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[:-10],
            "magic": b"\x00\x01" + content[2:],
            "longer": content + b"\x00",
            "label above 9": content[:-1] + b"\x0a",
            "fewer": idx(np.zeros(7, np.uint8)),
        }[change]
    )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("train-images-idx3-ubyte", "truncated"),
        ("train-images-idx3-ubyte", "magic"),
        ("t10k-images-idx3-ubyte", "longer"),
        ("t10k-labels-idx1-ubyte", "label above 9"),
        ("train-labels-idx1-ubyte", "fewer"),
    ],
)
def test_broken_data_exits_with_1(
    name: str, change: str, folder: Path, here: Here, tmp_path: Path
) -> None:
    broken = tmp_path / "digits"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    break_file(broken, name, change)
    code, _, err = here("--data-dir", broken, "--out", "out")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert name in err
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_exits_with_1_and_says_how_to_get_the_files(tmp_path: Path) -> None:
    result = run("--dataset", "mnist", "--data-dir", "nowhere", cwd=tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "nowhere" in result.stderr
    assert "MNIST_DIR" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_out_folder_that_cannot_be_made_exits_with_1(
    folder: Path, here: Here, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    code, _, err = here("--data-dir", folder, "--out", "file/run")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "file" in err


# --- recipes, checkpoints, going on --------------------------------------------------------------


def test_a_recipe_gives_the_settings_that_are_not_given(
    folder: Path, here: Here, tmp_path: Path
) -> None:
    flags = ("--epochs", 1, "--shear", 0, "--dry-run", "--out", "out")
    code, _, err = here("--data-dir", folder, "--recipe", "small", *flags)
    assert code == 0, err
    config = json.loads((tmp_path / "out-dry-run" / "config.json").read_text())
    recipe = RECIPES["small"].config
    assert (config["recipe"], config["epochs"], config["shear"]) == ("small", 1, 0)
    assert config["model"] == "small"
    assert config["elastic"] == recipe.elastic > 0


def test_show_recipe_explains_and_trains_nothing(here: Here, tmp_path: Path) -> None:
    code, lines, _ = here("--show-recipe", "fast")
    assert code == 0
    for name in ("epochs", "weight_decay", "label_smoothing"):
        assert any(name in line for line in lines)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_resume_goes_on_after_ctrl_c(folder: Path, here: Here, tmp_path: Path) -> None:
    arguments = ("--epochs", 3, "--batch-size", 10, "--validation", 50, "--checkpoint-every", 1)
    environment = {"MNIST_DIR": str(folder), **without_pictures(tmp_path)}
    code, _, err = here(*arguments, "--data-dir", folder, "--out", "whole")
    assert code == 0, err
    process = begun(*arguments, "--out", "out", cwd=tmp_path, environment=environment)
    wait_for(tmp_path / "out" / "last.ckpt", process)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "To go on: python train.py --resume out" in told.splitlines()[-1]
    # Where the data are is known to the run.
    result = run("--resume", "out", cwd=tmp_path, **without_pictures(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "out: goes on after step " in result.stdout
    for name in ("config.json", "metrics.jsonl", "last.ckpt", "best.ckpt"):
        same = (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert same, name


def test_resume_takes_no_settings(here: Here) -> None:
    code, _, err = here("--resume", "out", "--batch-size", 3, "--no-augment")
    assert code == 2
    assert "leave out --batch-size, --no-augment" in err.splitlines()[-1]
    code, _, err = here("--resume", "out", "--engine", "tape")
    assert code == 2
    assert "leave out --engine" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "out: holds no run (config.json is not there); name a folder that train.py has"),
        ("{", "out/config.json: not the facts of a training"),
        ("[]", "out/config.json: not the facts of a training"),
        ('{"model": "basic"}', "out/config.json: no settings that this version knows (no epochs)"),
    ],
)
def test_resume_of_what_is_no_training_exits_with_1(
    content: str | None, told: str, here: Here, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    if content is not None:
        (tmp_path / "out" / "config.json").write_text(content)
    code, _, err = here("--resume", "out", "--dataset", "drawn")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert told in err


def test_diverging_exits_with_1_and_names_step_and_op(folder: Path, tmp_path: Path) -> None:
    result = run("--lr", "1e20", "--out", "out", cwd=tmp_path, MNIST_DIR=str(folder))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert re.search(r"step \d+ of epoch 1: '\w+' made the first", result.stderr)
    assert "a smaller --lr" in result.stderr
