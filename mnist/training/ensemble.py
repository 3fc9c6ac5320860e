"""Several networks that differ by their seeds, trained one after the other; then they vote."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from mnist.config import Config
from mnist.data.dataset import Dataset, held_out
from mnist.models import MODELS, Vote
from mnist.storage.run_data import expect_data, facts_of, identity
from mnist.storage.runs import RunError, RunFolder
from mnist.storage.weights import of_run
from mnist.training.learning import evaluate
from mnist.training.loop import Announce, Run
from mnist.training.starting import expect_members, expect_no_dry_run, held_by_first, resume, train
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

    Raises RunError as `train` does.
    """
    files = RunFolder(folder, writes=leads(group))
    expect_members(config, files, True)
    with held_by_first(files, group):
        at_first(group, partial(files.claim, overwrite))
        return _trained(dataset, replace(config, lr=config.peak_lr), files, announce, group)


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
            if vote is None:
                raise RunError(f"{files}: has no vote yet; let it end first, without --epochs")
            if epochs <= config.epochs:
                raise RunError(f"{files}: {config.epochs} epochs are done already; name more")
            config = replace(config, epochs=epochs, earlier_epochs=config.epochs)
        if vote is None or vote.config.epochs < config.epochs:
            return _trained(dataset, config, files, announce, group)
        announce(
            f"{files}: finished, {config.epochs} epochs of each network are done; --epochs M "
            "with a larger M trains on"
        )
        run = Run(
            config,
            held_out(dataset, config.validation),
            files.folder,
            of_run(vote, files.folder).model,
            vote.metrics,
        )
        at_first(
            group,
            lambda: files.begin(
                facts_of(config, run.dataset, run.model), run.metrics, finished=True
            ),
        )
        return run


def _trained(
    dataset: Dataset, config: Config, files: RunFolder, announce: Announce, group: Group | None
) -> Run:
    count, vote = config.members, Vote([])
    result = Run(config, held_out(dataset, config.validation), files.folder, vote, [])
    untrained = Vote(MODELS[config.model](None) for _ in range(count))
    at_first(group, lambda: files.begin(facts_of(config, result.dataset, untrained), []))
    for number in range(count):
        announce(f"member {number + 1} of {count}")
        own = replace(config, members=1, seed=count * config.seed + number)
        place = RunFolder(files.folder / f"member-{number + 1}")
        if at_first(group, place.config.exists):
            ended = at_first(group, place.standing)[0].epochs == config.earlier_epochs
            further = config.epochs if ended else None
            member = resume(dataset, place.folder, announce, group, epochs=further)
        else:
            member = train(dataset, own, place.folder, announce, group)
        vote.members.append(member.model)
        if member.signum:
            result.signum = member.signum
            return result
    tested = evaluate(vote, result.dataset, config.test_batch_size, group=group)
    result.metrics.append(
        {"epoch": config.epochs, "test_loss": tested[0], "test_accuracy": tested[1]}
    )
    files.begin(facts_of(config, result.dataset, vote), result.metrics)
    files.write_state(
        files.last,
        {
            "config": asdict(config),
            "dataset": identity(result.dataset),
            "model": vote.state_dict(),
            "metrics": result.metrics,
        },
    )
    announce(f"vote of {count}: test loss {tested[0]:.4f}, accuracy {tested[1]:.2%}")
    return result
