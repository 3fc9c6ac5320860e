"""Train a CNN on MNIST, from nothing but NumPy: python train.py --help."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from autograd import get_num_threads, keep_pages
from mnist.config import Config
from mnist.data import CHOICES, DataError, Dataset, open_dataset
from mnist.data.download import DownloadError
from mnist.models import MODELS
from mnist.recipes import RECIPES, settings, table
from mnist.results import ReportError, write_report
from mnist.storage.checkpoints import CheckpointError
from mnist.storage.run_files import RunFiles
from mnist.training import Run, TrainingError, resume, train
from mnist.training.ensemble import train_ensemble
from mnist.training.joint import at_first, jointly
from mnist.training.launching import arguments, as_one, start
from nn.distributed import DistributedError, Group, leads

_FLAGS = {"augment": "--no-augment"}  # where it is not the name of the setting
# What is told in a line; anything else is a mistake of ours, and shows where.
_TOLD = (
    CheckpointError,
    DataError,
    DistributedError,
    DownloadError,
    ReportError,
    TrainingError,
    OSError,
)
say = partial(print, flush=True)  # also where the output is no terminal
DESCRIBED = {name: described for name, *described in Config().describe()}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="train.py",
        description="Train a CNN on MNIST with Pullback; prints the test accuracy of each epoch.",
        epilog="Settings are those of the recipe, or the defaults below, unless given.",
    )
    p.add_argument("--recipe", choices=RECIPES, help="complete settings for one aim")
    p.add_argument(
        "--show-recipe",
        choices=RECIPES,
        metavar="RECIPE",
        help="print its settings and their reasons",
    )
    p.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with the training in this folder"
    )
    p.add_argument(
        "--dataset",
        choices=CHOICES,
        default="auto",
        help="auto: MNIST where it is or can be downloaded, else drawn digits",
    )
    p.add_argument("--data-dir", metavar="DIR", help="folder of the four IDX files (or MNIST_DIR)")
    p.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for results; by default runs/<time>"
    )
    p.add_argument(
        "--processes",
        type=at_least(1),
        metavar="N",
        help="train in so many processes (the mpi extra), as mpiexec -n N python train.py does",
    )
    own = p.add_argument_group("settings")
    own.add_argument("--model", choices=sorted(MODELS), help=_help("model"))
    for name, kind in (
        ("epochs", at_least(0)),
        ("batch_size", at_least(1)),
        ("test_batch_size", at_least(1)),
        ("accumulate", at_least(1)),
        ("lr", positive),
        ("momentum", fraction),
        ("weight_decay", not_negative),
        ("label_smoothing", fraction),
        ("seed", at_least(0)),
        ("rotation", not_negative),
        ("shift", not_negative),
        ("zoom", not_negative),
        ("shear", not_negative),
        ("elastic", not_negative),
        ("plain_epochs", at_least(0)),
        ("members", at_least(1)),
        ("checkpoint_every", at_least(0)),
        ("log_interval", at_least(1)),
    ):
        own.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=_help(name))
    own.add_argument(
        "--validation",
        type=at_least(0),
        nargs="?",
        const=5000,
        metavar="N",
        help=f"{_help('validation')}; best.ckpt is chosen on them; without N 5000",
    )
    own.add_argument(
        "--no-augment",
        dest="augment",
        action="store_const",
        const=False,
        help="train on the images as they are",
    )
    own.add_argument(
        "--dry-run",
        action="store_const",
        const=True,
        help=DESCRIBED["dry_run"][2],
    )
    return p


def main(argv: list[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    return as_one(lambda group: _main(given, group), "train.py")


def _main(argv: list[str], group: Group | None) -> int:
    p = parser()
    args = arguments(p, argv, group)
    if args.processes and group is None and args.processes > 1:
        return start(args.processes, __file__, argv, "train.py")
    if args.processes and group is not None and args.processes != group.size:
        p.error(f"--processes {args.processes} given, but mpiexec has started {group.size}")
    if args.show_recipe:
        print(RECIPES[args.show_recipe].aim)
        print(table(RECIPES[args.show_recipe]))
        return 0
    given = {
        name: value for name, value in vars(args).items() if name in DESCRIBED and value is not None
    }
    if args.resume:
        if given or args.out:
            names = [*given, *["out"] * bool(args.out)]
            flags = ", ".join(_FLAGS.get(n, f"--{n.replace('_', '-')}") for n in names)
            p.error(f"--resume goes on with the settings of the training; leave out {flags}")
        return _reported(lambda: _resumed(args, group), group)
    base = settings(args.recipe) if args.recipe else Config()
    config = replace(base, **{**given, "recipe": base.recipe})
    now = at_first(group, lambda: time.strftime("%Y-%m-%d_%H-%M-%S"))
    folder = args.out or Path("runs") / now
    return _reported(lambda: _trained(args, config, folder, group), group)


def _trained(args: argparse.Namespace, config: Config, folder: Path, group: Group | None) -> Run:
    dataset = _opened(args, config.seed, group)
    say(
        f"{dataset.name}: {len(dataset.train_images):,} training and "
        f"{len(dataset.test_images):,} test images; model {config.model}, seed {config.seed}"
        + (f"; {group.size} processes, threads of each: {get_num_threads()}" if group else "")
    )
    if config.members > 1:
        return train_ensemble(dataset, config, folder, say, group=group)
    return train(dataset, config, folder, say, group)


def _resumed(args: argparse.Namespace, group: Group | None) -> Run:
    folder: Path = args.resume
    config = at_first(group, RunFiles(folder).saved_config)
    dataset = _opened(args, config.seed, group)
    if config.members > 1:
        return train_ensemble(dataset, config, folder, say, go_on=True, group=group)
    return resume(dataset, folder, say, group)


def _opened(args: argparse.Namespace, seed: int, group: Group | None) -> Dataset:
    def opened() -> Dataset:
        return open_dataset(args.dataset, args.data_dir, seed=seed, announce=say)

    # Rank 0 before the others: it may have to download.
    first = jointly(group, lambda: opened() if leads(group) else None, _TOLD)
    return jointly(group, lambda: first or opened(), _TOLD)


def _reported(work: Callable[[], Run], group: Group | None) -> int:
    """Run the work, then say what came of it; the exit code."""
    try:
        run = work()
        if run.interrupted:
            say(
                f"interrupted; what there is has been saved. To go on: "
                f"python train.py --resume {run.folder}"
            )
            return 130
        if not leads(group):
            return 0
        written = RunFiles(run.folder).names()
        if run.metrics:
            written = [*write_report(run.folder, run.dataset, say)[::-1], *written]
    except _TOLD as error:
        print(f"train.py: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before or after the training: nothing to save
        print("train.py: interrupted", file=sys.stderr)
        return 130
    say(f"{run.dataset.name} results in {run.folder}: {', '.join(written)}")
    return 0


def _help(name: str) -> str:
    """What a setting means, its unit and its default, as mnist.config has them."""
    value, unit, meaning = DESCRIBED[name]
    text = f"{unit}: {meaning}" if unit else meaning
    return text if value is None else f"{text} (default: {value})"


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
    keep_pages()
    sys.exit(main())
