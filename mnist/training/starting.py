"""How a training begins, goes on and goes further; in a folder that no other one writes into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from mnist.config import Config
from mnist.data.dataset import Dataset
from mnist.storage.records import Facts, Record, RunError, expect_data
from mnist.storage.runs import RunFolder
from mnist.training.loop import Announce, Run, Training
from nn.distributed import Group, leads
from nn.parallel.joint import at_first


def train(
    dataset: Dataset,
    config: Config,
    folder: Path,
    announce: Announce = print,
    group: Group | None = None,
    *,
    overwrite: bool = False,
) -> Run:
    """Train on `dataset`, writing into `folder` what `mnist.storage.runs` lists.

    Ctrl-C and SIGTERM end the training between two steps, with the state of that moment saved; the
    run returned says so. The processes of a group share the work, to the same weights as of one but
    for rounding; only rank 0 writes.

    Args:
        overwrite: whether a run that the folder holds is removed; its own files, nothing else.

    Raises:
        RunError: the folder holds a run, or another process writes into it.
        SettingsError: no training can have such settings.
        TrainingError: the loss is NaN or infinite: last.ckpt then holds the state before.
        DistributedError: processes that do not fit together, or a batch that they cannot share.
    """
    training = Training(dataset, config, folder, group)
    expect_members(config, training.files, False)
    with held_by_first(training.files, group):
        at_first(group, partial(training.files.claim, overwrite))
        return training.run(announce)


def resume(
    dataset: Dataset,
    folder: Path,
    announce: Announce = print,
    group: Group | None = None,
    *,
    epochs: int | None = None,
) -> Run:
    """Go on where the run in `folder` ended, to the same bytes as if nothing had happened; on
    another number of processes, to the same numbers but for rounding.

    It goes on from last.ckpt, or from the beginning where there is none yet. What is finished stays
    as it is.

    Args:
        epochs: to train on so far, where the training is finished: the epochs from there are a
            one-cycle schedule of their own, to the same peak rate.

    Raises:
        RunError: there is no run, it is of another data set, its files do not agree, another
            process writes into it, or `epochs` are none that it can be trained on to.
        CheckpointError: a file is damaged.
    """
    files = RunFolder(folder, writes=leads(group))
    with held_by_first(files, group):
        config, facts, record = at_first(group, files.standing)
        expect_members(config, files, False)
        at_first(group, lambda: expect_going_on(files, config, facts, record, dataset))
        config = config if epochs is None else _longer(config, record, epochs, files)
        training = Training(dataset, config, folder, group)
        training.files = files
        if record is None:
            announce(f"{files}: no checkpoint yet; from the beginning")
        else:
            training.restore(record)
            announce(training.standing())
        return training.run(announce)


def expect_members(config: Config, files: RunFolder, several: bool) -> None:
    """Raise RunError where one network is taken for several, or several for one."""
    if (config.members > 1) != several:
        raise RunError(
            f"{files}: {config.members} of members given; train and resume are for one network, "
            "train_ensemble and resume_ensemble for several"
        )


def expect_no_dry_run(config: Config, files: RunFolder) -> None:
    """Raise RunError where there is nothing that could go on."""
    if config.dry_run:
        raise RunError(f"{files}: is a dry run, of which nothing goes on; train without --resume")


def expect_going_on(
    files: RunFolder, config: Config, facts: Facts, record: Record | None, dataset: Dataset
) -> None:
    """Raise RunError where the training of one network cannot go on, on this data set."""
    expect_no_dry_run(config, files)
    expect_data(facts, dataset, str(files))
    files.expect_best(config, facts, record)
    if record is not None and not record.state:  # from the beginning it would lose them
        raise RunError(
            f"{files}: has a trained network of 0.1 (model.npz) but no last.ckpt to go on from; "
            "train anew in another folder"
        )


def _longer(config: Config, record: Record | None, epochs: int, files: RunFolder) -> Config:
    """The settings to train on with."""
    done = 0 if record is None else record.epochs
    if done < config.epochs:
        raise RunError(
            f"{files}: {done} of {config.epochs} epochs are done; end them first, without --epochs"
        )
    if epochs <= done:
        raise RunError(f"{files}: {done} epochs are done already; name more with --epochs")
    return replace(config, epochs=epochs, earlier_epochs=done)


@contextmanager
def held_by_first(files: RunFolder, group: Group | None) -> Iterator[None]:
    """The lock of a run's folder, which rank 0 holds; where it cannot, all raise."""
    with ExitStack() as stack:
        at_first(group, lambda: stack.enter_context(files.locked()))
        yield
