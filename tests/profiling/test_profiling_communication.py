"""What profile() tells of messages between processes: bytes, time, and what of it was waiting."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from support.layers.ranks import on_ranks

import autograd as ag
from autograd import Tensor
from autograd.profiling import Profile
from nn.distributed import GradientSum, Group


def profiled(group: Group) -> Profile:
    weight = Tensor(np.arange(6.0), requires_grad=True)
    gradients = GradientSum([weight], group)
    group.sum(np.zeros(3), "before")
    with ag.profile() as outer:
        group.sum(np.zeros(3), "alone")
        with ag.profile() as inner:
            total = ag.allreduce(weight, group=group)
            gradients.backward((total * total).sum())
    group.sum(np.zeros(3), "after")
    assert [sent.name for sent in outer.communication] == ["alone", "allreduce", "gradients"]
    return inner


def test_messages_are_counted_within_the_block() -> None:
    for measured in on_ranks(2, profiled):
        sent = {message.name: message for message in measured.communication}
        assert list(sent) == ["allreduce", "gradients"]
        assert sent["allreduce"].calls == 2  # forward and backward
        assert sent["allreduce"].nbytes == 2 * 6 * 8
        assert sent["gradients"].calls == 1
        assert sent["gradients"].nbytes == 6 * 8
        for message in sent.values():
            assert 0 < message.exposed_seconds <= message.seconds < measured.total_seconds
        lines = str(measured).splitlines()
        (head,) = (i for i, line in enumerate(lines) if line.startswith("sent to other processes"))
        assert [line.split()[:2] for line in lines[head + 1 :]] == [
            ["allreduce", "2"],
            ["gradients", "1"],
        ]


def test_exposed_is_what_was_waited_for() -> None:
    def program(group: Group) -> float:
        with ag.profile() as measured:
            sending = group.start_sum(np.zeros(2), "sum")
            sleep(0.05)  # work meanwhile
            if group.rank == 1:
                sleep(0.2)
            sending.wait()
        (sent,) = measured.communication
        assert sent.seconds >= 0.05
        return sent.exposed_seconds

    waited = on_ranks(2, program)
    assert waited[0] == pytest.approx(0.2, abs=0.1)
    assert waited[1] < 0.1


def test_messages_in_the_trace(tmp_path: Path) -> None:
    measured, _ = on_ranks(2, profiled)
    measured.save_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    pairs = [event for event in events if event.get("cat") == "communication"]
    assert [event["ph"] for event in pairs] == ["b", "e"] * 3
    for begin, end in zip(pairs[::2], pairs[1::2], strict=True):
        assert begin["id"] == end["id"]
        assert begin["name"] == end["name"]
        assert 0 <= begin["ts"] <= end["ts"]
        assert begin["args"]["bytes"] == 48


def test_alone_nothing_is_told() -> None:
    with ag.profile() as measured:
        Tensor(np.ones(3), requires_grad=True).sum().backward()
    assert measured.communication == []
    assert "other processes" not in str(measured)
