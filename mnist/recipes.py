"""Named, complete settings, each with its reasons: `python train.py --recipe NAME`.

All train on the 60,000 training images. To choose between settings, hold out the last 5,000 of
them (`--validation`): the test set is for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mnist.config import Config


@dataclass(frozen=True)
class Recipe:
    """Settings, what they are for, and why those that differ from the defaults do."""

    aim: str
    config: Config
    reasons: Mapping[str, str]


_DISTORTED = {
    "rotation": "handwriting slants by about this much; 6 and 9 stay apart",
    "shift": "the digits are centred by mass, not by shape",
    "zoom": "digits are scaled to one box, strokes are not",
    "shear": "italics",
    "elastic": "no two hands draw the same curve (Simard et al. 2003)",
    "plain_epochs": "at the end, at small rates, it settles on digits as they come",
}

_BEST = Config(
    model="best",
    epochs=20,
    rotation=12.0,
    zoom=0.1,
    shear=0.15,
    elastic=1.0,
    plain_epochs=3,
)

RECIPES: dict[str, Recipe] = {
    "fast": Recipe(
        "as much as one epoch can give",
        Config(model="deep", epochs=1, lr=0.1, rotation=5.0, shift=1.0),
        {
            "model": "five convolutions learn faster than one, by the epoch",
            "epochs": "one look at each image",
            "lr": "a high peak, from which the one cycle comes down to nearly 0",
            "rotation": "little: there is no time to learn from much",
            "shift": "likewise",
        },
    ),
    "basic": Recipe(
        "the network that one can explain line by line, at its best",
        Config(model="basic", epochs=15, rotation=10.0, shift=1.5, plain_epochs=2),
        {
            "epochs": "as many as the limit of this recipe allows",
            "plain_epochs": "at the end, at small rates, it settles on digits as they come",
            "rotation": "less than in deeper networks: one layer of filters has to match strokes",
            "shift": "likewise; pooling forgives one pixel",
        },
    ),
    "small": Recipe(
        "accuracy from fewer than 20,000 parameters",
        Config(
            model="small",
            epochs=20,
            weight_decay=3e-4,
            rotation=10.0,
            shift=1.5,
            zoom=0.1,
            shear=0.1,
            elastic=0.8,
            plain_epochs=3,
        ),
        {
            "model": "12 to 32 filters of 3x3 in five layers, 19,190 parameters",
            "epochs": "augmented images are new each time: more epochs are more data",
            "weight_decay": "a network this small hardly overfits",
            **_DISTORTED,
        },
    ),
    "best": Recipe(
        "the most accurate single network with fewer than 100,000 parameters",
        _BEST,
        {
            "model": "24 to 72 filters of 3x3 in five layers, 74,530 parameters, dropout 0.1",
            "epochs": "augmented images are new each time: more epochs are more data",
            **_DISTORTED,
        },
    ),
    "ensemble": Recipe(
        "a vote of five networks like `best`",
        replace(_BEST, members=5),
        {
            "members": "the mean of five probabilities errs less than any one of them",
            "model": "as for `best`; the members differ by their seeds alone",
            "epochs": "as for `best`",
            **_DISTORTED,
        },
    ),
}


def settings(name: str) -> Config:
    """The settings of a recipe, marked with its name."""
    return replace(RECIPES[name].config, recipe=name)


def table(recipe: Recipe) -> str:
    """Every setting of a recipe with its unit and its reason or meaning, to be printed."""
    rows = []
    for name, value, unit, meaning in recipe.config.describe():
        if name == "lr" and value is None:
            value = recipe.config.peak_lr
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        rows.append((name, f"{shown} {unit}".strip(), recipe.reasons.get(name, meaning)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:{widths[1]}}  {reason}".rstrip()
        for name, value, reason in rows
    )
