"""Programs that test_mpi.py starts in several processes: python mpi_programs.py NAME ARGUMENT..."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))
_PATIENCE = 0.5  # seconds; where a process is left waiting here, it waits for nobody who comes

import train  # noqa: E402
from mnist.config import Config  # noqa: E402
from mnist.data import Dataset, drawn  # noqa: E402
from mnist.data.batches import train_batches  # noqa: E402
from mnist.training.learning import Learner  # noqa: E402
from nn.distributed import Group, world  # noqa: E402
from nn.parallel import launching  # noqa: E402


def learn(model: str, dtype: str, steps: str, total: str, folder: str) -> int:
    """Save what a learner is after so many steps of a schedule of `total`, and what it has sent."""
    (images, labels), (test_images, test_labels) = drawn.load(train=990, test=10, seed=1)
    dataset = Dataset("drawn digits", images, labels, test_images, test_labels)
    group, config = world(), Config(model=model, batch_size=40, zoom=0.1, shear=0.1, elastic=0.5)
    learner = Learner(config, int(total), group)
    learner.model.to(dtype)
    done, epoch = 0, 0
    while done < int(steps):
        epoch, rest = epoch + 1, len(dataset.train_images)  # 30 are left for the last batch
        for images, labels in train_batches(
            dataset,
            config.batch_size,
            seed=config.seed,
            epoch=epoch,
            augmentation=config.augmentation(1),
            share=learner.share,
            limit=int(steps) - done,
        ):
            count = min(config.batch_size, rest)
            learner.step(images.astype(dtype), labels, count, stop=False, where="")
            done, rest = done + 1, rest - count
    sent = {} if group is None else group.traffic
    np.savez(
        Path(folder) / f"{0 if group is None else group.rank}.npz",
        **learner.model.state_dict(),
        **{f"sent {name}": [traffic.calls, traffic.nbytes] for name, traffic in sent.items()},
    )
    return 0


def fail(rank: str) -> int:
    """An exception at one rank, while the others wait for it."""

    def program(group: Group | None) -> int:
        assert group is not None
        if group.rank == int(rank):
            raise ValueError("only here")
        group.gather(None)
        return 0

    launching._PATIENCE = _PATIENCE
    return launching.as_one(program, "fail")


def impatient(*arguments: str) -> int:
    """train.py that does not wait long for processes that are to give up as well."""
    launching._PATIENCE = _PATIENCE
    return train.main(list(arguments))


def outdated(*arguments: str) -> int:
    """train.py with another NumPy at rank 1."""
    group = world()
    if group is not None and group.rank == 1:
        np.__version__ = "1.0"
    return train.main(list(arguments))


if __name__ == "__main__":
    programs = {"learn": learn, "fail": fail, "impatient": impatient, "outdated": outdated}
    sys.exit(programs[sys.argv[1]](*sys.argv[2:]))
