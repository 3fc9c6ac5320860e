"""Damaged and hostile files: the documented error or the right content, never more memory than
the file can honestly need, never a hang, nothing written.

A share runs always, the whole with `-m slow`. Memory is held down by the operating system in a
process of its own: NumPy and Pillow count, whatever they allocate.
"""

from __future__ import annotations

import gzip
import json
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.programs.fuzzing import damaged
from support.programs.idx_files import header

from mnist.data import open_dataset
from mnist.data.idx import DataError, read_idx, read_images, read_labels
from mnist.images.pictures import PictureError, read_picture

ROOT = Path(__file__).parents[3]
ALL, SHARE = 3_300, 220
ROOM = 64 << 20  # bytes that a batch may take beyond what the process has when it begins
SLOWEST = 1.0  # seconds for a file
PIXEL = zlib.compress(bytes(4))
WHOLE = ["share", pytest.param("all", marks=pytest.mark.slow)]


# --- IDX -----------------------------------------------------------------------------------------


def hostile_idx(rng: random.Random) -> bytes:
    images = header(3, 28, 28) + rng.randbytes(3 * 784)
    labels = header(50) + bytes(rng.randrange(10) for _ in range(50))
    kind = rng.randrange(7)
    if kind == 0:  # claimed sizes
        sizes = [rng.choice([0, 1, 28, 2**16, 2**31, 2**32 - 1]) for _ in range(rng.randint(1, 4))]
        content = header(*sizes, code=rng.choice([8, 9, 11, 12, 13, 14])) + rng.randbytes(99)
    elif kind == 1:  # claimed counts, else right
        content = header(rng.choice([0, 4, 10**6, 2**32 - 1]), 28, 28) + images[16:]
    elif kind == 2:  # another magic
        content = rng.randbytes(4) + images[4:]
    elif kind == 3:  # a bomb
        content = rng.choice([images, header(2**32 - 1, 28, 28)]) + bytes(10**6)
        return gzip.compress(content, 1)
    elif kind == 4:  # many dimensions
        content = bytes([0, 0, 8, rng.randrange(256)]) + rng.randbytes(rng.randrange(1100))
    else:
        content = rng.choice([images, labels])
    if rng.random() < 0.5:
        content = gzip.compress(content, rng.randrange(10))
    return damaged(content, rng) if kind == 6 or rng.random() < 0.2 else content


def read_any_idx(path: Path) -> str:
    outcomes = set()
    for read in (read_idx, read_images, read_labels):
        try:
            array = read(path)
        except DataError as error:
            outcomes.add(one_line(error, path))
        else:
            assert array.nbytes <= 11_000_000
            assert read is not read_images or (array.dtype, array.shape[1:]) == (np.uint8, (28, 28))
            assert read is not read_labels or array.max(initial=0) <= 9
            outcomes.add("read")
    return "read" if "read" in outcomes else "refused"


# --- pictures ------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def plain_chunks(rng: random.Random) -> list[tuple[bytes, bytes]]:
    """A picture of any kind that PNG knows."""
    depths = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    colour = rng.choice(list(depths))
    bits = rng.choice(depths[colour])
    width, height = rng.randint(1, 40), rng.randint(1, 40)
    row = (width * bits * channels[colour] + 7) // 8
    rows = b"".join(bytes([rng.randrange(5)]) + rng.randbytes(row) for _ in range(height))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))]
    if colour == 3:
        chunks.append((b"PLTE", rng.randbytes(3 << bits)))
    if rng.random() < 0.3:
        chunks.append((b"tRNS", rng.randbytes({0: 2, 2: 6}.get(colour, 1 << min(bits, 8)))))
    return [*chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]


def hostile_png(rng: random.Random) -> bytes:
    """Chunks edited, with checksums that are right again: what only the decoder can refuse."""
    chunks = plain_chunks(rng)
    kind = rng.randrange(7)
    if kind == 0:  # claimed sizes
        sizes = [rng.choice([0, 1, 40, 4000, 20000, 2**16, 2**31 - 1, 2**32 - 1]) for _ in "wh"]
        chunks[0] = (b"IHDR", struct.pack(">II", *sizes) + chunks[0][1][8:])
    elif kind == 1:  # any field of any chunk
        place = rng.randrange(len(chunks))
        chunks[place] = (chunks[place][0], damaged(chunks[place][1] or b"\0", rng))
    elif kind == 2:  # missing, repeated, in another order
        chunks = rng.choices(chunks, k=rng.randint(1, 7))
    elif kind == 3:  # bombs beside the picture: texts, profiles, frames
        bomb = zlib.compress(bytes(20_000_000), 1)
        extra = rng.choice([b"zTXt", b"iCCP", b"iTXt"])
        body = b"name\0" + (b"\1\0\0\0" if extra == b"iTXt" else b"\0") + bomb
        chunks[1:1] = [(extra, body)] * rng.randint(1, 8)
    elif kind == 4:  # a bomb in it
        chunks[-2] = (b"IDAT", zlib.compress(bytes(20_000_000), 1))
    elif kind == 5:
        chunks[1:1] = [(b"acTL", struct.pack(">II", 2**31 - 1, 0)), (b"fcTL", rng.randbytes(26))]
    content = png(chunks)
    return damaged(content, rng) if kind == 6 or rng.random() < 0.1 else content


def hostile_pnm(rng: random.Random) -> bytes:
    magic = rng.choice([b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"Pf", b"PF", b"P0"])
    sizes = [rng.choice([b"0", b"1", b"9", b"30", b"5000", b"-1", b"9" * 12, b"x"]) for _ in "wh"]
    depth = rng.choice([b"", b"1", b"255", b"256", b"65535", b"0", b"70000", b"1e9"])
    body = rng.choice([rng.randbytes(3000), b"1 0 " * 900, b"#" * 5000, b"9" * 5000, b""])
    parts = [magic, *sizes, depth] if rng.random() < 0.7 else [magic, b"30", b"30", b"255"]
    content = rng.choice([b" ", b"\n", b"\n# a comment\n"]).join(parts) + b"\n" + body
    return damaged(content, rng) if rng.random() < 0.3 else content


def hostile_picture(rng: random.Random) -> bytes:
    return (hostile_png if rng.random() < 0.6 else hostile_pnm)(rng)


def read_any_picture(path: Path) -> str:
    try:
        levels = read_picture(path)
    except PictureError as error:
        message = one_line(error, path)
        assert "memory" not in message  # the limit was met, not foreseen
        return "refused"
    assert levels.ndim == 2 and levels.dtype == np.float32 and np.isfinite(levels).all()
    return "read"


# --- batches -------------------------------------------------------------------------------------


def one_line(error: Exception, path: Path) -> str:
    message = str(error)
    assert message.startswith(f"{path}: ") and message.isprintable(), message
    return message


Case = tuple[Callable[[random.Random], bytes], Callable[[Path], str]]
KINDS: dict[str, Case] = {
    "idx": (hostile_idx, read_any_idx),
    "pictures": (hostile_picture, read_any_picture),
}


def read_batch(kind: str, count: int, folder: Path) -> dict[str, float]:
    """Read so many files under a limit of memory; what came of them."""
    import resource
    import time

    make, read = KINDS[kind]
    rng = random.Random(f"{kind} {count}")
    path = folder / "file"
    outcomes: dict[str, float] = {"read": 0, "refused": 0, "slowest": 0.0}
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), (b"IDAT", PIXEL)]
    for plain in (b"P5 2 2 255\n" + bytes(4), png([*chunks, (b"IEND", b"")]), header(1) + b"\0"):
        path.write_bytes(plain)
        read(path)  # imports are no part of what files take
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + ROOM
    files = [make(rng) for _ in range(count)] if count < 1000 else None
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for turn in range(count):
        path.write_bytes(files[turn] if files else make(rng))
        began = time.process_time()
        try:
            outcomes[read(path)] += 1
        except Exception:
            (folder / "culprit").write_bytes(path.read_bytes())
            raise
        outcomes["slowest"] = max(outcomes["slowest"], time.process_time() - began)
    return outcomes


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited as on Linux")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extent", WHOLE)
def test_fuzzed(kind: str, extent: str, tmp_path: Path) -> None:
    if kind == "pictures":
        pytest.importorskip("PIL")
    count = ALL if extent == "all" else SHARE
    done = subprocess.run(
        [sys.executable, __file__, kind, str(count), str(tmp_path)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    outcomes = json.loads(done.stdout)
    assert outcomes["read"] + outcomes["refused"] == count
    assert outcomes["read"] > count / 50, "hardly a file is right: nothing is tried past headers"
    assert outcomes["refused"] > count / 2
    assert outcomes["slowest"] < SLOWEST
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_damaged_folders_are_refused_or_opened(tmp_path: Path) -> None:
    rng = random.Random(6)
    names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    for _ in range(60):
        for name in names:
            shape = (2, 28, 28) if "images" in name else (2,)
            content = header(*shape) + bytes(2 * (784 if "images" in name else 1))
            (tmp_path / f"{name}-ubyte").write_bytes(content)
        broken = tmp_path / f"{rng.choice(names)}-ubyte"
        broken.write_bytes(damaged(broken.read_bytes(), rng))
        try:
            dataset = open_dataset("mnist", tmp_path)
        except DataError as error:
            assert str(error).isprintable()
        else:
            assert len(dataset.train_images) == len(dataset.train_labels)


if __name__ == "__main__":
    print(json.dumps(read_batch(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
