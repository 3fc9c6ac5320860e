"""Several networks that differ by their seeds, trained one after the other; then they vote."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from mnist.config import Config
from mnist.data.dataset import Dataset, held_out
from mnist.models import MODELS, Vote
from mnist.storage.records import Entry, Record, RunError, expect_data, facts_of, identity
from mnist.storage.runs import RunFolder
from mnist.storage.weights import State, of_run
from mnist.training.learning import evaluate, expect_workable
from mnist.training.loop import Announce, Run
from mnist.training.starting import (
    expect_going_on,
    expect_members,
    expect_no_dry_run,
    held_by_first,
    resume,
    train,
)
from nn.distributed import Group, leads
from nn.parallel.joint import at_first


def train_ensemble(
    dataset: Dataset,
    config: Config,
    folder: Path,
    announce: Announce = print,
    group: Group | None = None,
    *,
    overwrite: bool = False,
) -> Run:
    """Train `config.members` networks in folders member-1, member-2, ... and let them vote.

    The folder itself gets the files of a training: one line of metrics, those of the vote, and the
    weights of all. Member i has the seed members * seed + i - 1, so that no two ensembles share
    one. The processes of a group share the work on each.

    Raises as `train` does, and RunError where a folder of a member holds something else.
    """
    config, files = config.settled(), RunFolder(folder, writes=leads(group))
    expect_members(config, files, True)
    result = _begun(dataset, config, files, group)
    with held_by_first(files, group):
        at_first(group, partial(files.claim, overwrite, config.members))
        return _trained(dataset, result, files, announce, group)


def resume_ensemble(
    dataset: Dataset,
    folder: Path,
    announce: Announce = print,
    group: Group | None = None,
    *,
    epochs: int | None = None,
) -> Run:
    """Go on with an ensemble: members that have begun are resumed, those that are done left alone.
    One that is finished stays as it is.

    Args:
        epochs: to train each member on so far, where the ensemble is finished.

    Raises RunError as `resume` does.
    """
    files = RunFolder(folder, writes=leads(group))
    with held_by_first(files, group):
        config, facts, vote = at_first(group, files.standing)
        expect_members(config, files, True)
        expect_no_dry_run(config, files)
        at_first(group, lambda: expect_data(facts, dataset, str(files)))
        if epochs is not None:
            if vote is None or vote.epochs < config.epochs:
                raise RunError(f"{files}: has no vote yet; let it end first, without --epochs")
            if epochs <= config.epochs:
                raise RunError(f"{files}: {config.epochs} epochs are done already; name more")
            config = replace(config, epochs=epochs, earlier_epochs=config.epochs).settled()
        result = _begun(dataset, config, files, group)
        if vote is None or vote.config.epochs < config.epochs:
            at_first(group, lambda: _expect_own(dataset, config, files))
            return _trained(dataset, result, files, announce, group, vote)
        announce(
            f"{files}: finished, {config.epochs} epochs of each network are done; --epochs M "
            "with a larger M trains on"
        )
        result.model, result.metrics = of_run(vote, files.folder).model, vote.metrics
        at_first(
            group,
            lambda: files.begin(
                facts_of(config, result.dataset, result.model), result.metrics, finished=True
            ),
        )
        return result


def _begun(dataset: Dataset, config: Config, files: RunFolder, group: Group | None) -> Run:
    """What a training begins with, after all that could refuse it; nothing is written yet."""
    run = Run(config, held_out(dataset, config.validation), files.folder, Vote([]), [])
    expect_workable(config, run.dataset, group)
    config.of_member(config.members)  # the last has the largest seed
    return run


def _expect_own(dataset: Dataset, config: Config, files: RunFolder) -> None:
    """Raise RunError where a folder of a member holds something else, or lacks what it needs."""
    for number, place in enumerate(files.members(config.members), start=1):
        begun = place.standing_of(config.of_member(number)) if place.is_run() else None
        if begun is not None:
            expect_going_on(place, *begun, dataset)
        else:
            place.expect_free()
        if config.earlier_epochs and (begun is None or begun[2] is None):
            raise RunError(
                f"{place}: has no last.ckpt to go on from; put it back, or train anew in another "
                "folder"
            )


def _write_vote(
    files: RunFolder, config: Config, dataset: Dataset, weights: State, metrics: list[Entry]
) -> None:
    state = {"config": asdict(config), "dataset": identity(dataset), "model": weights}
    files.write_state(files.last, {**state, "metrics": metrics})


def _trained(
    dataset: Dataset,
    result: Run,
    files: RunFolder,
    announce: Announce,
    group: Group | None,
    before: Record | None = None,
) -> Run:
    """Train the members and let them vote; `before` is the vote that goes further, and holds until
    the next is there."""
    config, vote = result.config, Vote([])
    result.model, count = vote, config.members
    untrained = Vote(MODELS[config.model](None) for _ in range(count))
    facts = facts_of(config, result.dataset, untrained)
    if before is not None and not before.state:  # of 0.1, in a file that is removed now
        at_first(
            group,
            lambda: _write_vote(
                files, before.config, result.dataset, before.weights, before.metrics
            ),
        )
    at_first(group, lambda: files.begin(facts, [] if before is None else before.metrics))
    for number, place in enumerate(files.members(count), start=1):
        announce(f"member {number} of {count}")
        if at_first(group, place.is_run):
            ended = at_first(group, place.standing)[0].epochs == config.earlier_epochs
            further = config.epochs if ended else None
            member = resume(dataset, place.folder, announce, group, epochs=further)
        else:
            member = train(dataset, config.of_member(number), place.folder, announce, group)
        vote.members.append(member.model)
        if member.signum:
            result.signum = member.signum
            return result
    tested = evaluate(vote, result.dataset, config.test_batch_size, group=group)
    result.metrics.append(
        {"epoch": config.epochs, "test_loss": tested[0], "test_accuracy": tested[1]}
    )
    files.begin(facts_of(config, result.dataset, vote), result.metrics)
    _write_vote(files, config, result.dataset, vote.state_dict(), result.metrics)
    announce(f"vote of {count}: test loss {tested[0]:.4f}, accuracy {tested[1]:.2%}")
    return result
