"""python -m mnist as a person runs it: output, exit codes, and one clear line for each mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.programs.idx_files import write_digits
from support.programs.run_folders import store, store_of_0_1

from autograd import Tensor
from mnist import commands
from mnist.commands import main, newest_run
from mnist.data import DataError, drawn, open_dataset
from mnist.models import basic
from nn import Module

ROOT = Path(__file__).parents[2]


class Heaviest(Module):
    """Says how much ink there is in every tenth pixel: simple, and different for each picture."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) -> (N, 10)."""
        return Tensor(x.data.reshape(len(x.data), -1)[:, :780].reshape(-1, 78, 10).mean(axis=1))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A stand-in for a trained network; the paths asked for."""
    asked: list[Path] = []

    def load_trained(path: Path) -> Any:
        asked.append(path)
        return SimpleNamespace(
            model=Heaviest(),
            scores=Heaviest(),
            name="heaviest",
            network="heaviest",
            mean=0.13,
            std=0.3,
            facts={"a": 1},
            note="",
        )

    monkeypatch.setattr("mnist.commands.load_trained", load_trained)
    return asked


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """A two, light on dark, and a four, dark on light, as PGM files."""
    pytest.importorskip("PIL")
    paths = []
    for label, image in zip((2, 4), drawn.draw([2, 4], np.random.default_rng(3)), strict=True):
        path = tmp_path / f"{label}.pgm"
        path.write_bytes(b"P5 28 28 255\n" + (image if label == 2 else 255 - image).tobytes())
        paths.append(path)
    return paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_digits(tmp_path, train=100, test=40)


def test_predict(trained: list[Path], pictures: list[Path], capsys: Any) -> None:
    assert main(["predict", "--model", "net.npz", *map(str, pictures)]) == 0
    out, err = capsys.readouterr()
    assert err == "" and trained == [Path("net.npz")]
    lines = out.splitlines()
    assert len(lines) == 22
    for path, block in zip(pictures, (lines[:11], lines[11:]), strict=True):
        name, _, label = block[0].rpartition(": ")
        assert name == str(path) and block[1].split()[0] == label
        chances = [float(line.split()[1].rstrip("%")) for line in block[1:]]
        assert chances == sorted(chances, reverse=True) and sum(chances) == pytest.approx(100, 1e-3)


def test_predict_json(trained: list[Path], pictures: list[Path], capsys: Any) -> None:
    assert main(["predict", "--model", "net.npz", "--json", *map(str, pictures)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["file"] for entry in told] == [str(path) for path in pictures]
    assert [entry["inverted"] for entry in told] == [False, True]
    for entry in told:
        assert set(entry) == {"file", "label", "probabilities", "inverted"}
        chances = entry["probabilities"]
        assert sum(chances) == pytest.approx(1) and np.argmax(chances) == entry["label"]


def test_show(trained: list[Path], pictures: list[Path], capsys: Any) -> None:
    assert main(["predict", "--model", "net.npz", "--show", str(pictures[1])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "dark on light" in lines[1] and len(lines) == 2 + 28 + 10
    assert any("@@" in line for line in lines[2:30]) and lines[2] == lines[29] == ""


def test_one_bad_picture_does_not_stop_the_others(
    trained: list[Path], pictures: list[Path], tmp_path: Path, capsys: Any
) -> None:
    blank = tmp_path / "blank.pgm"
    blank.write_bytes(b"P5 9 9 255\n" + bytes(81))
    files = [str(blank), str(tmp_path / "none.png"), str(pictures[0])]
    assert main(["predict", "--model", "net.npz", "--json", *files]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == files[2:]
    first, second = err.splitlines()
    assert first.startswith(f"mnist: error: {blank}: is blank; ")
    assert second.startswith(f"mnist: error: {files[1]}: no such file; ")


def test_two_digits_are_warned_of(trained: list[Path], tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("PIL")
    two = np.hstack(list(drawn.draw([2, 4], np.random.default_rng(3))))
    (tmp_path / "two.pgm").write_bytes(b"P5 56 28 255\n" + two.tobytes())
    assert main(["predict", "--model", "net.npz", str(tmp_path / "two.pgm")]) == 0
    assert "far apart" in capsys.readouterr().err


def test_the_newest_run(tmp_path: Path) -> None:
    (tmp_path / "run9").mkdir()
    (tmp_path / "run9" / "last.ckpt").write_bytes(b"")
    (tmp_path / "run9" / "config.json").write_text('{"dry_run": true}')
    (tmp_path / "last.ckpt").write_bytes(b"")
    for age, name in enumerate(["model.npz", "last.ckpt", "model.npz", "config.json"]):
        run = tmp_path / f"run{age}"
        run.mkdir()
        (run / name).write_bytes(b"")
        os.utime(run / name, (1000 * age, 1000 * age))
    assert newest_run(tmp_path) == tmp_path / "run2"
    with pytest.raises(DataError, match=r"train one with `python train\.py`"):
        newest_run(tmp_path / "none")


def test_evaluate(trained: list[Path], folder: Path, capsys: Any) -> None:
    assert main(["evaluate", "net.npz", "--data-dir", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    images, labels = drawn.load(train=100, test=40, seed=1)[1]
    x = (images / 255 - 0.13) / 0.3  # as the network was trained, whatever this data set's mean
    scores = x.reshape(40, -1)[:, :780].reshape(40, 78, 10).mean(axis=1)
    right = int((scores.argmax(axis=1) == labels).sum())
    loss = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(40), labels]
    assert (told["images"], told["right"]) == (40, right)
    assert told["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    low, high = told["interval"]
    for end in (low, high):  # Wilson: where the score test is just significant
        assert (right / 40 - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / 40, 1e-4)
    assert low < told["accuracy"] == right / 40 < high
    assert main(["evaluate", "net.npz", "--data-dir", str(folder)]) == 0
    assert f"{right / 40:.2%}, {40 - right} wrong" in capsys.readouterr().out


def test_what_is_passed_on(
    trained: list[Path],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    calls: list[Any] = []

    def write_report(run: Path, dataset: Any) -> list[str]:
        calls.append((run, dataset.name))
        return ["curves.png", "report.html"]

    def compare_runs(a: Path, b: Path, dataset: Any) -> str:
        return f"{a} {b} {len(dataset.test_images)}"

    def serve(trained: Any, **options: Any) -> None:
        options.pop("announce")("listening")
        calls.append((trained.name, options))

    def save(model: Any, path: Path, metadata: Any) -> None:
        calls.append((type(model), path, metadata))

    monkeypatch.setattr("mnist.results.write_report", write_report)
    monkeypatch.setattr("mnist.results.compare_runs", compare_runs)
    monkeypatch.setattr("mnist.serving.serve", serve)
    monkeypatch.setattr("mnist.commands.save_safetensors", save)
    run = store(tmp_path / "a", open_dataset("mnist", folder), basic(None), data_folder=str(folder))
    for data in (
        [],
        ["--data-dir", str(folder)],
        ["--dataset", "mnist", "--data-dir", str(folder)],
    ):
        assert main(["report", str(run), *data]) == 0
        assert capsys.readouterr().out == f"in {run}: curves.png, report.html\n"
        assert main(["compare", str(run), "runs/b", *data]) == 0
        assert capsys.readouterr().out == f"{run} runs/b 40\n"
    assert main(["serve", "runs/a", "--port", "0"]) == 0
    assert capsys.readouterr().out == "listening\n"
    assert main(["export", "runs/a", "out.safetensors"]) == 0
    assert calls == [
        *[(run, f"IDX files in {folder}")] * 3,
        ("heaviest", {"host": "127.0.0.1", "port": 0}),
        (Heaviest, Path("out.safetensors"), {"a": 1}),
    ]


@pytest.fixture
def run(tmp_path: Path, folder: Path) -> Path:
    """A run of a network that was trained on the digits in `folder`, a day ago."""
    dataset = open_dataset("mnist", folder)
    model = basic(np.random.default_rng(0))
    return store(tmp_path / "run", dataset, model, data_folder=str(folder), epochs=3)


def expect_refused(told: str, arguments: list[object], capsys: Any) -> None:
    """With one line."""
    assert main(list(map(str, arguments))) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if "unfinished" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("mnist: error: ") and told in lines[0]


def test_commands_open_the_data_set_of_the_run(
    run: Path, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    def told(*arguments: object) -> Any:
        assert main(["evaluate", str(run), "--json", *map(str, arguments)]) == 0
        out, err = capsys.readouterr()
        assert err == (
            f"mnist: {run}: unfinished: 2 of 3 epochs are done; "
            f"python train.py --resume {run} goes on\n"
        )
        return json.loads(out)

    first = told()
    assert first["dataset"] == f"IDX files in {folder}" and first["images"] == 40
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in folder.glob("*-ubyte"):
        path.rename(moved / path.name)
    assert told("--data-dir", moved)["right"] == first["right"]
    other = tmp_path / "other"
    other.mkdir()
    write_digits(other, train=100, test=40, seed=2)
    for command in (["evaluate", run], ["report", run], ["compare", run, run]):
        expect_refused("lacks train-images-idx3-ubyte", command, capsys)
        expect_refused("is of another data set", [*command, "--data-dir", other], capsys)
        expect_refused("is of another data set", [*command, "--dataset", "drawn"], capsys)


@pytest.mark.parametrize("kept", [store, store_of_0_1])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": ()}, "holds no trained network, as no epoch of its training is over"),
        ({"dry_run": True}, "is a dry run, whose network has learned nothing"),
    ],
)
def test_what_has_learned_nothing_is_refused(
    changes: dict[str, Any], told: str, kept: Any, tmp_path: Path, capsys: Any
) -> None:
    run = kept(tmp_path / "run", digits(20), basic(None), **changes)
    for command in (
        ["predict", "--model", run, "none.png"],
        ["evaluate", run],
        ["report", run],
        ["compare", run, run],
        ["serve", run, "--port", 0],
        ["export", run, tmp_path / "out.safetensors"],
    ):
        expect_refused(told, command, capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (RuntimeError("two\nlines"), 1, "mnist: error: two lines\n"),
        (FileNotFoundError(2, "No such file", "a\nb"), 1, "mnist: error: a\\nb: No such file\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_one_line(
    raised: BaseException, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(path: Path) -> None:
        raise raised

    monkeypatch.setattr("mnist.commands.load_trained", fail)
    assert main(["export", "net.npz", "out.safetensors"]) == code
    assert capsys.readouterr() == ("", text)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "newest_run", lambda runs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["predict"])


@pytest.mark.parametrize(
    "arguments",
    [["what"], ["serve", "a", "--port", "65536"], ["export", "a", "b.npz"], ["evaluate"]],
)
def test_usage(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


# --- as a process --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "model.npz"
    np.savez(path, **basic(np.random.default_rng(0)).state_dict())
    return path


def started(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mnist", *map(str, arguments)],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k != "MNIST_DIR"} | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_alone_it_explains(tmp_path: Path) -> None:
    process = started(cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    for word in ("predict", "evaluate", "report", "compare", "serve", "export", "examples"):
        assert word in out.decode()


def test_standard_input(model: Path, pictures: list[Path], tmp_path: Path) -> None:
    with pictures[0].open("rb") as file:
        process = started("predict", "--model", model, "--json", cwd=tmp_path, stdin=file)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["file"] == "-"


def test_no_trained_network(tmp_path: Path) -> None:
    process = started("predict", "a.png", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert err.startswith(b"mnist: error: no trained network in ./runs: ")
    assert err.count(b"\n") == 1


def test_a_closed_pipe_is_silent(model: Path, pictures: list[Path], tmp_path: Path) -> None:
    many = [pictures[0]] * 500
    process = started("predict", "--model", model, *many, cwd=tmp_path)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


def _until_read(process: subprocess.Popen[bytes], content: bytes) -> None:
    """The process has read this from its standard input, a pipe that stays open."""
    import fcntl
    import termios

    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()
    begin, left = time.monotonic(), bytes([1])
    while any(left):
        assert process.poll() is None and time.monotonic() - begin < 60, process.communicate()
        time.sleep(0.01)
        left = fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
def test_ctrl_c(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    process = started("predict", "--model", model, cwd=tmp_path, stdin=subprocess.PIPE)
    _until_read(process, b"P5 ")  # then it waits for more of its input
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")
