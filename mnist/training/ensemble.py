"""Several networks that differ by their seeds, trained one after the other; then they vote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mnist.config import Config
from mnist.data.dataset import Dataset, held_out
from mnist.models import Vote
from mnist.storage.run_files import RunFiles
from mnist.training.evaluation import evaluate
from mnist.training.joint import at_first
from mnist.training.loop import Announce, Run, resume, train
from nn.distributed import Group, leads


def train_ensemble(
    dataset: Dataset,
    config: Config,
    folder: Path,
    announce: Announce = print,
    *,
    go_on: bool = False,
    group: Group | None = None,
) -> Run:
    """Train `config.members` networks in folders member-1, member-2, ... and let them vote.

    The folder itself gets the files of a training: one line of metrics, those of the vote, and the
    weights of all. Member i has the seed members * seed + i - 1, so that no two ensembles share
    one. With `go_on`, members that have begun are resumed and those that are done left alone. The
    processes of a group share the work on each.
    """
    count, config = config.members, replace(config, lr=config.peak_lr)
    vote = Vote([])
    result = Run(config, held_out(dataset, config.validation), folder, vote, [])
    files = RunFiles(folder, writes=leads(group))
    at_first(group, lambda: files.begin(config, result.dataset, vote))
    for number in range(count):
        announce(f"member {number + 1} of {count}")
        own = replace(config, members=1, seed=count * config.seed + number)
        place = folder / f"member-{number + 1}"
        if go_on and at_first(group, RunFiles(place).last.exists):
            member = resume(dataset, place, announce, group)
        else:
            member = train(dataset, own, place, announce, group)
        vote.members.append(member.model)
        if member.interrupted:
            result.interrupted = True
            return result
    tested = evaluate(vote, result.dataset, config.test_batch_size, group=group)
    entry = {"epoch": config.epochs, "test_loss": tested[0], "test_accuracy": tested[1]}
    result.metrics.append(entry)
    files.begin(config, result.dataset, vote, result.metrics)
    files.save_weights(vote)
    announce(f"vote of {count}: test loss {tested[0]:.4f}, accuracy {tested[1]:.2%}")
    return result
