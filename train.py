"""Train a CNN on MNIST, from nothing but NumPy: python train.py --help."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from mnist.data import CHOICES, DataError, open_dataset
from mnist.download import DownloadError
from mnist.models import MODELS
from mnist.report import HINT, plot_curves
from mnist.training import Config, TrainingError, train


def parser() -> argparse.ArgumentParser:
    default = Config()
    p = argparse.ArgumentParser(
        prog="train.py",
        description="Train a CNN on MNIST with Pullback; prints the test accuracy of each epoch.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    p.add_argument("--model", choices=sorted(MODELS), default=default.model, help="the network")
    p.add_argument(
        "--dataset",
        choices=CHOICES,
        default="auto",
        help="auto: MNIST where it is or can be downloaded, else drawn digits",
    )
    p.add_argument("--data-dir", metavar="DIR", help="folder of the four IDX files (or MNIST_DIR)")
    p.add_argument(
        "--epochs", type=at_least(0), default=default.epochs, help="passes over the data"
    )
    p.add_argument("--batch-size", type=at_least(1), default=default.batch_size, help="samples")
    p.add_argument(
        "--test-batch-size", type=at_least(1), default=default.test_batch_size, help="samples"
    )
    p.add_argument(
        "--lr",
        type=positive,
        help="peak learning rate of the one-cycle schedule; None: the model's",
    )
    p.add_argument("--momentum", type=fraction, default=default.momentum, help="Nesterov's")
    p.add_argument(
        "--weight-decay", type=not_negative, default=default.weight_decay, help="per step"
    )
    p.add_argument("--seed", type=at_least(0), default=default.seed, help="of everything random")
    p.add_argument("--rotation", type=not_negative, default=default.rotation, help="degrees")
    p.add_argument("--shift", type=not_negative, default=default.shift, help="pixels")
    p.add_argument("--no-augment", action="store_true", help="neither rotations nor shifts")
    p.add_argument(
        "--log-interval", type=at_least(1), default=default.log_interval, help="steps, of the bar"
    )
    p.add_argument("--dry-run", action="store_true", help="one batch of training, one of testing")
    p.add_argument("--out", type=Path, metavar="DIR", help="folder for results; None: runs/<time>")
    return p


def main(argv: list[str] | None = None) -> int:
    args = vars(parser().parse_args(argv))
    folder = args.pop("out") or Path("runs") / time.strftime("%Y-%m-%d_%H-%M-%S")
    which, data_dir = args.pop("dataset"), args.pop("data_dir")
    config = Config(augment=not args.pop("no_augment"), **args)
    try:
        dataset = open_dataset(which, data_dir, seed=config.seed)
        print(
            f"{dataset.name}: {len(dataset.train_images):,} training and "
            f"{len(dataset.test_images):,} test images; model {config.model}, seed {config.seed}"
        )
        run = train(dataset, config, folder)
    except (DataError, DownloadError, TrainingError, OSError) as error:
        print(f"train.py: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the training began: nothing to save
        print("train.py: interrupted", file=sys.stderr)
        return 130
    written = ["config.json", "metrics.jsonl", "model.npz"]
    if run.metrics:
        title = f"{config.model} on {dataset.name}, seed {config.seed}"
        if plot_curves(run.metrics, title, folder / "curves.png"):
            written.append("curves.png")
        else:
            print(HINT)
    if run.interrupted:
        print(f"interrupted after {len(run.metrics)} epochs; what there is has been saved")
    print(f"{dataset.name} results in {folder}: {', '.join(written)}")
    return 130 if run.interrupted else 0


def at_least(least: int):
    def whole_number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} given, a whole number from {least} expected")
        return int(text)

    return whole_number


def number(text: str, fits, expected: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and fits(value)):
        raise argparse.ArgumentTypeError(f"{text} given, {expected} expected")
    return value


def positive(text: str) -> float:
    return number(text, lambda v: v > 0, "a number above 0")


def not_negative(text: str) -> float:
    return number(text, lambda v: v >= 0, "a number from 0")


def fraction(text: str) -> float:
    return number(text, lambda v: 0 <= v < 1, "a number from 0 to below 1")


if __name__ == "__main__":
    sys.exit(main())
