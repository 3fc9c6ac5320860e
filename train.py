"""Train a CNN on MNIST, from nothing but NumPy: python train.py --help."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path


def _leave(signum: int, frame: object) -> None:
    os.write(2, b"train.py: interrupted\n")
    os._exit(130)


# To read all this takes a third of a second, in which there is nothing to save; and NumPy makes
# another error of a KeyboardInterrupt.
_AS_PROGRAM = __name__ == "__main__" and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _AS_PROGRAM:
    signal.signal(signal.SIGINT, _leave)
try:
    from autograd import get_num_threads, keep_pages
    from mnist.config import KINDS, Config, Kind, SettingsError
    from mnist.data import CHOICES, DataError, Dataset, DownloadError, open_dataset
    from mnist.data.files import shown
    from mnist.engines import ENGINES
    from mnist.models import MODELS
    from mnist.recipes import RECIPES, settings, table
    from mnist.results import write_report
    from mnist.speaking import complain, described, ready_streams, say
    from mnist.storage.checkpoints import CheckpointError
    from mnist.storage.records import data_of
    from mnist.storage.runs import RunFolder
    from mnist.training import Run, TrainingError, resume, train
    from mnist.training.ensemble import resume_ensemble, train_ensemble
    from nn.distributed import DistributedError, Group, leads
    from nn.parallel.joint import at_first, jointly
    from nn.parallel.launching import arguments, as_one, start
finally:
    if _AS_PROGRAM:
        signal.signal(signal.SIGINT, signal.default_int_handler)

_FLAGS = {"augment": "--no-augment"}  # where it is not the name of the setting
# What is told in a line; anything else is a mistake of ours, and shows where.
_TOLD = (
    CheckpointError,
    DataError,
    DistributedError,
    DownloadError,
    MemoryError,
    OSError,
    SettingsError,
    TrainingError,
    UnicodeError,
)
DESCRIBED = {name: described for name, *described in Config().describe()}
_RUNS = Path("runs")


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
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on with the training in this folder; with --epochs M, one that is finished is "
        "trained on to epoch M",
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
        "--overwrite",
        action="store_true",
        help="remove the run that is in the folder of --out: its own files, nothing else",
    )
    p.add_argument(
        "--processes",
        type=from_text(Kind("a whole number from 1", lambda n: n >= 1, int)),
        metavar="N",
        help="train in so many processes (the mpi extra), as mpiexec -n N python train.py does",
    )
    own = p.add_argument_group("settings")
    own.add_argument("--model", choices=sorted(MODELS), help=_help("model"))
    own.add_argument("--engine", choices=ENGINES, help=_help("engine"))
    for name, kind in KINDS.items():
        if kind.read is not str and name not in ("validation", "earlier_epochs"):
            own.add_argument(
                f"--{name.replace('_', '-')}", type=from_text(kind), metavar="N", help=_help(name)
            )
    own.add_argument(
        "--validation",
        type=from_text(KINDS["validation"]),
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
    ready_streams()
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
        names = [name for name in given if name != "epochs"]
        names += [name for name in ("out", "overwrite") if getattr(args, name)]
        if names:
            flags = ", ".join(_FLAGS.get(n, f"--{n.replace('_', '-')}") for n in names)
            p.error(f"--resume goes on with the settings of the training; leave out {flags}")
        return _reported(lambda: _resumed(args, group), group)
    base = settings(args.recipe) if args.recipe else Config()
    config = replace(base, **{**given, "recipe": base.recipe})
    return _reported(lambda: _trained(args, config, group), group)


def _trained(args: argparse.Namespace, config: Config, group: Group | None) -> Run:
    # One that is named is looked at before the data are read, another made after that.
    place = partial(_folder, args.out, config.dry_run, args.overwrite)
    named = at_first(group, place) if args.out else None
    overwrite = args.overwrite or config.dry_run
    opened = partial(open_dataset, args.dataset, args.data_dir, config.seed, say)
    go = train_ensemble if config.members > 1 else train
    dataset = _opened(opened, group)
    config = config.settled()
    say(_about(dataset, config, group))
    folder = named or at_first(group, place)
    try:
        return go(dataset, config, folder, _saying(folder), group, overwrite=overwrite)
    finally:
        if args.out is None and leads(group):
            with suppress(OSError):  # unless there is something in it
                os.removedirs(folder)


def _resumed(args: argparse.Namespace, group: Group | None) -> Run:
    folder: Path = args.resume
    config, facts, _ = at_first(group, RunFolder(folder).standing)
    dataset = _opened(lambda: data_of(facts, shown(folder), args.dataset, args.data_dir), group)
    say(_about(dataset, config, group))
    go = resume_ensemble if config.members > 1 else resume
    return go(dataset, folder, _saying(folder), group, epochs=args.epochs)


def _folder(out: Path | None, dry: bool, overwrite: bool) -> Path:
    """Where the results go. A dry run has a folder of its own, beside that of a run."""
    if out is not None:
        folder = out.parent / f"{out.name or 'here'}-dry-run" if dry else out
        files = RunFolder(folder)
        files.expect_free(overwrite or (dry and files.is_dry()))
        return folder
    name = _RUNS / (time.strftime("%Y-%m-%d_%H-%M-%S") + "-dry-run" * dry)
    for number in range(1, 1000):
        folder = name if number == 1 else name.with_name(f"{name.name}_{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{name}: there are 999 of this name; name another folder with --out")


def _about(dataset: Dataset, config: Config, group: Group | None) -> str:
    return (
        f"{dataset.name}: {len(dataset.train_images):,} training and "
        f"{len(dataset.test_images):,} test images; model {config.model}, seed {config.seed}, "
        f"engine {'tape' if group else config.engine}"
        + (f"; {group.size} processes, threads of each: {get_num_threads()}" if group else "")
    )


def _saying(folder: Path) -> Callable[[str], None]:
    way_on = (
        f"; the training goes on, and Ctrl-C saves and ends it: python train.py --resume "
        f"{shown(folder)} goes on from there"
    )
    return partial(say, way_on=way_on)


def _opened(opened: Callable[[], Dataset], group: Group | None) -> Dataset:
    # Rank 0 before the others: it may have to download.
    first = jointly(group, lambda: opened() if leads(group) else None, _TOLD)
    return jointly(group, lambda: first or opened(), _TOLD)


def _reported(work: Callable[[], Run], group: Group | None) -> int:
    """Run the work, then say what came of it; the exit code."""
    try:
        run = work()
        place = shown(run.folder)
        if run.signum:
            ended = "interrupted" if run.signum == signal.SIGINT else "asked to end"
            line = (
                f"{ended}; what there is has been saved. To go on: python train.py --resume {place}"
            )
            say(line)
            return 128 + run.signum
        if not leads(group):
            return 0
        write_report(run.folder, run.dataset, say, dry=run.config.dry_run)
        written = RunFolder(run.folder).names()
    except _TOLD as error:
        complain(f"train.py: error: {described(error)}")
        return 1
    except KeyboardInterrupt:  # before or after the training: nothing to save
        complain("train.py: interrupted")
        return 130
    what = "dry run" if run.config.dry_run else "results"
    say(f"{run.dataset.name} {what} in {place}: {', '.join(written)}")
    return 0


def _help(name: str) -> str:
    """What a setting means, its unit and its default, as mnist.config has them."""
    value, unit, meaning = DESCRIBED[name]
    text = f"{unit}: {meaning}" if unit else meaning
    return text if value is None else f"{text} (default: {value})"


def from_text(kind: Kind) -> Callable[[str], object]:
    """What argparse is to make of a setting's text."""

    def converted(text: str) -> object:
        try:
            value = kind.read(text)
        except ValueError:
            value = None
        if value is None or not kind.fits(value):
            raise argparse.ArgumentTypeError(f"{text:.40} given, {kind.expected} expected")
        return value

    return converted


if __name__ == "__main__":
    keep_pages()
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before there was anything to do
        complain("train.py: interrupted")
        sys.exit(130)
