"""Finding, naming and preparing the data; what "auto" may and may not replace."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import shutil
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist.data import Dataset, drawn, load, normalise, open_dataset
from mnist.data import dataset as data
from mnist.data.download import FILES, DownloadError, download
from mnist.data.idx import DataError

# Made absolute here, as the tests run in folders of their own.
REAL = os.path.abspath(os.environ["MNIST_DIR"]) if os.environ.get("MNIST_DIR") else ""
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES


def idx_images(count: int, start: int) -> bytes:
    pixels = bytes((start + i * 7) % 256 for i in range(count * 784))
    return struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + pixels


def idx_labels(count: int) -> bytes:
    return struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count))


CONTENT = {
    TRAIN_IMAGES: idx_images(12, 1),
    TRAIN_LABELS: idx_labels(12),
    TEST_IMAGES: idx_images(5, 2),
    TEST_LABELS: idx_labels(5),
}


def fill(folder: Path, ending: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENT.items():
        packed = gzip.compress(content) if ending == ".gz" else content
        (folder / f"{name}{ending}").write_bytes(packed)
    return folder


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No MNIST_DIR, no ./data, and a download is an error unless the test arranges one."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(data, "download", unexpected)


def unexpected(*_: Any, **__: Any) -> Any:
    raise AssertionError("not to be called in this test")


def no_network(folder: Path) -> Path:
    raise DownloadError("cannot download x (no network): do this or that", "no network")


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands in for the drawing program, and lists the seeds it was called with."""
    called = []

    def fake(train: int = 10_000, test: int = 2_000, seed: int = 0) -> Any:
        called.append(seed)
        return (
            (np.full((train, 28, 28), 51, np.uint8), np.zeros(train, np.uint8)),
            (np.zeros((test, 28, 28), np.uint8), np.zeros(test, np.uint8)),
        )

    monkeypatch.setattr(drawn, "load", fake)
    return called


def assert_content(pairs: Any) -> None:
    (train_images, train_labels), (test_images, test_labels) = pairs
    for images, labels, image_name, label_name in (
        (train_images, train_labels, TRAIN_IMAGES, TRAIN_LABELS),
        (test_images, test_labels, TEST_IMAGES, TEST_LABELS),
    ):
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (len(labels), 28, 28)
        assert images.tobytes() == CONTENT[image_name][16:]
        assert labels.tobytes() == CONTENT[label_name][8:]


def refusal(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("ending", [".gz", ""])
@pytest.mark.parametrize("layout", [".", "MNIST/raw", "raw"])
def test_layouts(tmp_path: Path, layout: str, ending: str) -> None:
    fill(tmp_path / "set" / layout, ending)
    assert_content(load(tmp_path / "set"))
    assert_content(load(str(tmp_path / "set")))


def test_names_with_a_dot(tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(content)
    # As some archives unpack: a folder of the usual name beside the file.
    (tmp_path / TRAIN_IMAGES).mkdir()
    assert_content(load(tmp_path))


def test_compressed_and_plain_mixed(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    (tmp_path / TEST_LABELS).write_bytes(CONTENT[TEST_LABELS])
    assert_content(load(tmp_path))


def test_the_compressed_file_goes_before_the_plain_one(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / TRAIN_LABELS).write_bytes(b"damaged")
    assert_content(load(tmp_path))


def test_a_complete_layout_goes_before_a_fragment(tmp_path: Path) -> None:
    (tmp_path / TRAIN_LABELS).write_bytes(b"a stray file")
    fill(tmp_path / "MNIST" / "raw")
    assert_content(load(tmp_path))


def test_layouts_are_not_mixed(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "raw"):
        fill(place)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    (tmp_path / "raw" / f"{TRAIN_LABELS}.gz").unlink()
    assert f"lacks {TEST_LABELS} (" in refusal(lambda: load(tmp_path))


def test_which_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(Path("data"))
    assert_content(load())
    monkeypatch.setenv("MNIST_DIR", "")  # set to nothing is not set
    assert_content(load())
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "absent"))
    assert str(tmp_path / "absent") in refusal(load)
    assert_content(load("data"))  # the argument goes before the environment
    monkeypatch.setenv("MNIST_DIR", str(fill(tmp_path / "there")))
    shutil.rmtree("data")
    assert_content(load())


@pytest.mark.parametrize("which", ["auto", "mnist"])
@pytest.mark.parametrize("by_environment", [True, False])
def test_a_named_folder_without_files_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, by_environment: bool
) -> None:
    folder = tmp_path / "named"
    if by_environment:
        monkeypatch.setenv("MNIST_DIR", str(folder))
    argument = None if by_environment else folder

    def attempt() -> Any:
        return open_dataset(which, argument, announce=unexpected)

    message = refusal(attempt)
    assert message.startswith(f"{folder}: no such folder; put the four .gz files of MNIST in a ")
    assert not folder.exists()
    fill(folder)
    (folder / f"{TRAIN_LABELS}.gz").unlink()
    (folder / f"{TEST_LABELS}.gz").unlink()
    message = refusal(attempt)
    assert message.startswith(f"{folder}: lacks {TRAIN_LABELS}, {TEST_LABELS} (.gz or plain); put ")
    shutil.rmtree(folder)
    folder.write_bytes(b"")
    assert refusal(attempt).startswith(f"{folder}: is a file, not a folder; put ")


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    message = refusal(lambda: load(tmp_path))
    assert message.startswith(f"{tmp_path}: cannot be listed (Permission denied); make it readable")


@pytest.mark.parametrize("which", ["auto", "mnist"])
@pytest.mark.parametrize("place", ["./data", "named"])
def test_damaged_files_are_an_error(tmp_path: Path, which: str, place: str) -> None:
    folder = fill(Path("data") if place == "./data" else tmp_path / "named")
    (folder / f"{TEST_IMAGES}.gz").write_bytes(b"\x1f\x8b damaged")
    argument = None if place == "./data" else folder
    message = refusal(lambda: open_dataset(which, argument, announce=unexpected))
    assert message.startswith(f"{folder / TEST_IMAGES}.gz: ")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / f"{TEST_IMAGES}.gz").unlink()
    (tmp_path / f"{TEST_IMAGES}.gz").mkdir()
    assert f"{TEST_IMAGES}.gz: is a folder" in refusal(lambda: load(tmp_path))


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_counts_that_differ(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "")
    (tmp_path / name).write_bytes(idx_labels(1_234))
    images, count = (TRAIN_IMAGES, 12) if name == TRAIN_LABELS else (TEST_IMAGES, 5)
    message = refusal(lambda: load(tmp_path))
    assert message.startswith(
        f"{tmp_path / images} holds {count} images but {tmp_path / name} holds 1,234 labels; "
    )


def test_no_images_at_all(tmp_path: Path) -> None:
    fill(tmp_path, "")
    (tmp_path / TEST_IMAGES).write_bytes(idx_images(0, 0))
    (tmp_path / TEST_LABELS).write_bytes(idx_labels(0))
    assert f"{tmp_path / TEST_IMAGES}: holds 0 images" in refusal(lambda: load(tmp_path))


def test_download_into_the_default_folder_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(fill(tmp_path / "mirror")))
    for name, content in CONTENT.items():
        monkeypatch.setitem(FILES, name, hashlib.sha256(content).hexdigest())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    monkeypatch.setattr(data, "download", partial(download, mirrors=[url]))
    try:
        dataset = open_dataset(announce=unexpected)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert dataset.name == "MNIST"  # the hashes were set to those of the stand-in
    assert sorted(os.listdir("data")) == sorted(f"{name}.gz" for name in FILES)
    monkeypatch.setattr(data, "download", unexpected)
    assert_content(load())


def test_auto_falls_back_in_one_line(monkeypatch: pytest.MonkeyPatch, seeds: list[int]) -> None:
    monkeypatch.setattr(data, "download", no_network)
    lines: list[str] = []
    dataset = open_dataset("auto", seed=7, announce=lines.append)
    assert lines == [
        "MNIST is neither in ./data nor downloadable (no network): using 12,000 drawn digits "
        "instead (10,000 to train, 2,000 to test); --data-dir FOLDER uses your files."
    ]
    assert dataset.name == "drawn digits"
    assert len(dataset.train_images) == 10_000 and len(dataset.test_images) == 2_000
    assert seeds == [7]


def test_the_fallback_is_printed(
    monkeypatch: pytest.MonkeyPatch, seeds: list[int], capsys: Any
) -> None:
    monkeypatch.setattr(data, "download", no_network)
    open_dataset()
    assert capsys.readouterr().out.startswith("MNIST is neither in ./data nor ")


def test_mnist_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "download", no_network)
    with pytest.raises(DownloadError, match="no network"):
        open_dataset("mnist", announce=unexpected)


def test_drawn_looks_for_no_files(seeds: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", "/nowhere")
    dataset = open_dataset("drawn", seed=3, announce=unexpected)
    assert dataset.name == "drawn digits" and seeds == [3]
    assert dataset.mean == 0.2 and dataset.std == 0


def test_the_real_drawing_program_fits() -> None:
    (train_images, train_labels), _ = drawn.load(train=20, test=10, seed=1)
    assert train_images.dtype == train_labels.dtype == np.uint8
    assert train_images.shape == (20, 28, 28) and train_labels.shape == (20,)


def test_an_unknown_choice() -> None:
    with pytest.raises(ValueError, match="no data set 'cifar': choose one of auto, mnist, drawn"):
        open_dataset("cifar")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def name(folder: Path) -> str:
        return open_dataset("mnist", folder, announce=unexpected).name

    plain = fill(tmp_path / "plain")
    assert name(plain) == f"IDX files in {plain}"
    assert name(fill(tmp_path / "fashion" / "raw")) == f"IDX files in {tmp_path}/fashion/raw"
    for folder in ("FashionMNIST", "fashion-mnist", "Fashion_MNIST_2"):
        assert name(fill(tmp_path / folder)) == "Fashion-MNIST"
    fill(tmp_path / "torch" / "FashionMNIST" / "raw")
    assert name(tmp_path / "torch" / "FashionMNIST") == "Fashion-MNIST"
    assert name(tmp_path / "torch" / "FashionMNIST" / "raw") == "Fashion-MNIST"
    monkeypatch.chdir(tmp_path / "FashionMNIST")
    assert name(Path(".")) == "Fashion-MNIST"
    # The name of a folder further up says nothing about the files.
    assert name(fill(tmp_path / "FashionMNIST" / "other")).startswith("IDX files in ")
    # Fashion-MNIST beside MNIST is not what a root folder of torchvision's was named for.
    assert "lacks " in refusal(lambda: load(tmp_path / "torch"))


def test_only_all_four_hashes_make_it_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path / "FashionMNIST")
    for name, content in CONTENT.items():
        monkeypatch.setitem(FILES, name, hashlib.sha256(content).hexdigest())
    assert open_dataset("mnist", folder).name == "MNIST"
    for name in FILES:
        with monkeypatch.context() as patch:
            patch.setitem(FILES, name, "0" * 64)
            assert open_dataset("mnist", folder).name == "Fashion-MNIST"


def a_dataset(images: Any) -> Dataset:
    labels = np.zeros(len(images), np.uint8)
    return Dataset("some", images, labels, images[:1], labels[:1])


def test_mean_and_std() -> None:
    images = np.random.default_rng(5).integers(0, 256, (2_500, 28, 28), dtype=np.uint8)
    dataset = a_dataset(images)
    assert dataset.mean == pytest.approx(float((images / 255).mean()), rel=1e-12)
    assert dataset.std == pytest.approx(float((images / 255).std()), rel=1e-12)
    turned = a_dataset(images.transpose(0, 2, 1))  # not contiguous
    assert (turned.mean, turned.std) == (dataset.mean, dataset.std)


def test_std_of_nearly_constant_images_is_exact() -> None:
    # The textbook formula in floats loses every digit here; in integers it loses none.
    images = np.full((2_000, 28, 28), 255, np.uint8)
    images[0, 0, 0] = 254
    share = 1 / images.size
    expected = (share * (1 - share)) ** 0.5 / 255
    assert a_dataset(images).std == pytest.approx(expected, rel=1e-12)


def test_a_dataset_does_not_change() -> None:
    dataset = a_dataset(np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("count", [0, 1, 1024, 2500])
def test_normalise(count: int) -> None:
    images = np.random.default_rng(6).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    before = images.copy()
    result = normalise(images, 0.1307, 0.3081)
    assert result.dtype == np.float32 and result.shape == (count, 1, 28, 28)
    expected = ((images[:, None] / 255.0 - 0.1307) / 0.3081).astype(np.float32)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(images, before)
    assert result.transpose(1, 2, 3, 0).flags.c_contiguous  # the batch axis is innermost


def test_normalised_training_images_have_mean_0_and_std_1() -> None:
    images = np.random.default_rng(7).integers(0, 200, (500, 28, 28), dtype=np.uint8)
    dataset = a_dataset(images)
    result = normalise(images, dataset.mean, dataset.std).astype(np.float64)
    assert abs(result.mean()) < 1e-6 and abs(result.std() - 1) < 1e-6


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 28, 28)), np.zeros((2, 1, 28, 28), np.uint8), np.zeros((2, 28, 27), np.uint8)],
)
def test_normalise_refuses_other_images(images: Any) -> None:
    with pytest.raises(ValueError, match="not uint8"):
        normalise(images, 0.1, 0.3)


@pytest.mark.parametrize(
    ("mean", "std"), [(0.1, 0.0), (0.1, -1.0), (0.1, np.nan), (0.1, np.inf), (np.nan, 1.0)]
)
def test_normalise_refuses_a_std_that_divides_badly(mean: float, std: float) -> None:
    with pytest.raises(ValueError, match="cannot normalise: std must be above 0"):
        normalise(np.zeros((1, 28, 28), np.uint8), mean, std)


@pytest.mark.skipif(not REAL, reason="MNIST_DIR is not set: no real MNIST to read")
def test_the_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", REAL)
    dataset = open_dataset(announce=unexpected)
    assert dataset.name == "MNIST"
    assert dataset.train_images.shape == (60_000, 28, 28)
    assert dataset.train_labels.shape == (60_000,)
    assert dataset.test_images.shape == (10_000, 28, 28)
    assert dataset.test_labels.shape == (10_000,)
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert round(dataset.mean, 4) == 0.1307
    assert round(dataset.std, 4) == 0.3081
