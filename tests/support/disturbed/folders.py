"""Two trainings and one folder, names, and what --overwrite removes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from support.disturbed.cases import case
from support.disturbed.kills import killed_at
from support.disturbed.scene import SAME, Disk, Scene, contents

_UNTOUCHED = "refused in a line; the run's bytes are what they were"


@case("folders", "--out on a finished run", _UNTOUCHED, short=True)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        before = contents(run)
        scene.train("--out", run).refused("holds a run already", "--resume", "--overwrite")
        scene.train("--out", run, "--seed", 5).refused("holds a run already")
        assert contents(run) == before


@case(
    "folders",
    "two trainings into one folder at once",
    "one is refused in a line, the other's bytes are whole",
    short=True,
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        both = [scene.training("--out", room / "run") for _ in range(2)]
        results = sorted((one.end() for one in both), key=lambda result: result.code)
        results[0].expect(0).orderly()
        results[1].refused(str(room / "run"))
        scene.expect_whole(room / "run")


@case(
    "folders",
    "two trainings into one folder at once, which both may overwrite",
    "what is there is one of the two, whole",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        both = [scene.training("--out", run, "--overwrite") for _ in range(2)]
        codes = sorted(one.end().orderly().code for one in both)
        assert codes in ([0, 0], [0, 1])
        scene.expect_whole(run)


@case(
    "folders",
    "a training is resumed twice at once",
    "one is refused in a line, the other's bytes are whole",
    short=True,
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        (run / "last.ckpt").unlink()
        both = [scene.training("--resume", run) for _ in range(2)]
        results = [one.end().orderly() for one in both]
        assert sorted(result.code for result in results)[0] == 0
        scene.expect_whole(run)


@case(
    "folders",
    "a report while a training goes on",
    "refused in a line, or the report of one that has ended; whole bytes",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        running = scene.training("--out", room / "run")
        for _ in range(5):
            scene.mnist("report", room / "run").orderly()
        running.end().orderly()
        scene.expect_goes_on(room / "run")


@case("folders", "two starts in one second", "two folders, each with the whole run")
def _(scene: Scene) -> None:
    with scene.room() as room:
        both = [scene.training(at=room) for _ in range(3)]
        for one in both:
            one.end().expect(0).orderly()
        runs = sorted((room / "runs").iterdir())
        assert len(runs) == 3
        for run in runs:
            scene.expect_whole(run)


@case("folders", "--overwrite", "the run is replaced; what is not its own stays", short=True)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        own = {"notes.txt": b"mine", "member-1/notes.txt": b"mine", "data/curves.png": b"mine"}
        for name, content in own.items():
            (run / name).parent.mkdir(exist_ok=True)
            (run / name).write_bytes(content)
        scene.train("--out", run, "--overwrite", "--seed", 5).expect(0).orderly()
        after = contents(run)
        assert {name: after.pop(name) for name in own} == own
        assert set(after) == {*SAME, "times.jsonl", "report.html"}
        assert json.loads(after["config.json"])["seed"] == 5


@case(
    "folders",
    "--out on a folder with a config.json of something else",
    "refused, also with --overwrite; untouched",
    short=True,
)
def _(scene: Scene) -> None:
    for content in (b"{}", b'{"model": "bert"}', b"not json", b"[1]", b"\xff"):
        with scene.room() as room:
            (room / "config.json").write_bytes(content)
            for options in ([], ["--overwrite"]):
                scene.train("--out", room, *options).refused("config.json", "no training wrote")
                assert contents(room) == {"config.json": content}


@case(
    "folders",
    "--out on a folder with a picture of the same name as one of the report's",
    "refused, also with --overwrite; untouched",
)
def _(scene: Scene) -> None:
    for name in ("curves.png", "report.html", "last.ckpt", "model.npz", "metrics.jsonl"):
        with scene.room() as room:
            (room / name).write_bytes(b"mine")
            scene.train("--out", room, "--overwrite").refused(name)
            assert contents(room) == {name: b"mine"}


@case("folders", "--out on a folder with other files", "trained; they stay")
def _(scene: Scene) -> None:
    with scene.room() as room:
        (room / "notes.txt").write_text("mine")
        scene.train("--out", room).expect(0).orderly()
        assert (room / "notes.txt").read_text() == "mine"
        (room / "notes.txt").unlink()
        scene.expect_whole(room)


@case(
    "folders",
    "a dry run with the --out of a run",
    "the run's bytes are what they were; nothing takes the dry run for one",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        before = contents(run)
        for _ in range(2):  # the second replaces the first
            scene.train("--out", run, "--dry-run").expect(0).orderly()
        assert contents(run) == before
        (dry,) = set(room.iterdir()) - {run}
        for arguments in (
            ("evaluate", dry),
            ("evaluate", dry / "last.ckpt"),
            ("report", dry),
            ("compare", run, dry),
            ("export", dry, room / "net.safetensors"),
            ("predict", "--model", dry, room / "none.png"),
        ):
            scene.mnist(*arguments).refused("dry run")
        scene.train("--resume", dry).refused("dry run")


@case("folders", "a dry run after a run", "the newest run is the run")
def _(scene: Scene) -> None:
    with scene.room() as room:
        scene.train(at=room).expect(0)
        (run,) = (room / "runs").iterdir()
        scene.train("--dry-run", at=room).expect(0)
        scene.mnist("predict", "none.png", at=room).expect(1, f"the network is runs/{run.name}\n")


@case(
    "folders",
    "a run is let be and resumed",
    "it says that it is finished; its bytes are what they were",
    short=True,
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        before = contents(run)
        scene.train("--resume", run).expect(0, "finished, 2 of 2 epochs").orderly()
        scene.expect_whole(run)
        assert contents(run)["times.jsonl"] == before["times.jsonl"]


@case(
    "folders",
    "a finished run is trained on, and stopped there at any epoch",
    "the bytes of one that was not stopped; the schedule is told",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        further = scene.copy(room, "further")
        scene.train("--resume", further, "--epochs", 4).expect(0, "new one-cycle").orderly()
        rates = json.loads((further / "config.json").read_text())
        assert (rates["epochs"], rates["earlier_epochs"]) == (4, 2)
        scene.train("--resume", further, "--epochs", 4).refused("4 epochs are done already")
        again = scene.copy(room, "again")
        killed_at(scene, "--resume", again, "--epochs", 4, calls=14)
        scene.train("--resume", again).expect(0).orderly()
        for name in SAME:
            assert (further / name).read_bytes() == (again / name).read_bytes(), name


@case(
    "folders",
    "an ensemble: refused, overwritten, resumed",
    "as a run; its members are removed with it",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        options = ("--members", 2, "--out", room / "run")
        scene.train(*options).expect(0).orderly()
        before = contents(room)
        scene.train(*options).refused("holds a run already")
        scene.train("--resume", room / "run").expect(0).orderly()
        after = contents(room)
        assert {
            n: b for n, b in after.items() if not n.endswith(("times.jsonl", "report.html"))
        } == {n: b for n, b in before.items() if not n.endswith(("times.jsonl", "report.html"))}
        scene.train("--out", room / "run", "--overwrite").expect(0).orderly()
        scene.expect_whole(room / "run")


@case(
    "folders",
    "an ensemble with what is not its own: a foreign member, one twice, one trained on",
    "refused in a line before anything is written, also with --overwrite",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        vote = room / "vote"
        options = ("--members", 2, "--epochs", 1, "--validation", 0, "--checkpoint-every", 0)
        shutil.copytree(scene.whole, vote / "member-1")
        for overwrite in ((), ("--overwrite",)):
            scene.train(*options, "--out", vote, *overwrite).refused("not of this ensemble")
        assert contents(vote / "member-1") == contents(scene.whole)
        shutil.rmtree(vote)
        scene.train(*options, "--out", vote).expect(0)
        (vote / "last.ckpt").unlink()
        member = vote / "member-2"
        for change in ("twice", "trained on"):
            own = shutil.copytree(member, room / change)
            if change == "twice":
                shutil.rmtree(member)
                shutil.copytree(vote / "member-1", member)
            else:
                scene.train("--resume", member, "--epochs", 2).expect(0)
            before = contents(vote)
            scene.train("--resume", vote).refused("member-2", "no network of this ensemble")
            assert contents(vote) == before
            shutil.rmtree(member)
            shutil.copytree(own, member)
        scene.train("--resume", vote).expect(0).orderly()


@case(
    "folders",
    "renamed or removed while it is trained in, and another run put there",
    "the training ends with one line; the other run's bytes are what they were",
    short=True,
)
def _(scene: Scene) -> None:
    for how in ("renamed", "removed"):
        with scene.room() as room:
            run = room / "run"

            def take(run: Path = run, how: str = how) -> None:
                run.rename(run.with_name("was")) if how == "renamed" else shutil.rmtree(run)
                shutil.copytree(scene.whole, run)

            disk = Disk(run, 12, take)
            scene.train("--out", run, "--seed", 5, before=disk.watch).refused(str(run))
            assert contents(run) == contents(scene.whole)


@case("folders", "best.ckpt is lost, or of another training", _UNTOUCHED)
def _(scene: Scene) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        scene.train("--seed", 5, "--out", room / "other").expect(0)
        for foreign in (None, room / "other" / "best.ckpt", room / "other" / "last.ckpt"):
            (run / "best.ckpt").unlink(missing_ok=True)
            if foreign is not None:
                shutil.copy(foreign, run / "best.ckpt")
            before = contents(run)
            for further in ((), ("--epochs", 4)):
                scene.train("--resume", run, *further).refused("best.ckpt")
            assert contents(run) == before


@case("folders", "a folder that may not be written to", "refused in a line")
def _(scene: Scene) -> None:
    with scene.room() as room:
        (room / "file").write_text("in the way")
        scene.train("--out", room / "file").refused("file")
        scene.train("--out", room / "file" / "run").refused("file")
        scene.train("--resume", room / "file").refused("file")
        if os.getuid():  # root may write anywhere
            room.chmod(0o500)
            scene.train("--out", room / "run").refused("run")
