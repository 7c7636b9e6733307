"""Recipes that version 0.1 of Nasmyth wrote, whose settings stood side by side: journals hold them.

{"$": "Recipe", "optimizer": "adamw", "lr": 0.002, "ema": 0.999, "crop": 1}
Recipe(optimizer=AdamW(lr=0.002), average=EMA(0.999), augment=(Crop(1),))
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.record import Value
from nasmyth.train.augment import Crop, Flip
from nasmyth.train.average import EMA
from nasmyth.train.mixing import Mixup
from nasmyth.train.optimizers import SGD, AdamW
from nasmyth.train.schedules import Cosine

WORDS = {
    "lr": "Recipe(optimizer=SGD(lr=0.1))",
    "weight_decay": "Recipe(optimizer=SGD(weight_decay=5e-4))",
    "momentum": "Recipe(optimizer=SGD(momentum=0.9))",
    "warmup": "Recipe(schedule=Cosine(warmup=0.1))",
    "ema": "Recipe(average=EMA(0.999))",
    "flip": "Recipe(augment=(Flip(),))",
    "crop": "Recipe(augment=(Crop(2),))",
    "mixup": "Recipe(augment=(Mixup(0.2),))",
    "channels_last": "nothing: images are stored in the order that is fast",
}
"""Settings that stand in parts, and how they are written there."""


def is_older(fields: dict[str, Any]) -> bool:
    """Whether these are fields of a recipe that version 0.1 wrote; where both write the same, they mean the same."""
    return isinstance(fields.get("optimizer"), str) or bool(WORDS.keys() & fields.keys())


def modern(fields: dict[str, Any]) -> dict[str, Any]:
    """The same settings as fields of today. Raises SpaceError where a hole decided what today are parts."""
    kind = fields.get("optimizer", "sgd")
    undecided = [name for name in (*WORDS, "optimizer") if isinstance(fields.get(name), Value)]
    if undecided or kind not in ("sgd", "adamw"):
        said = f"has holes in {undecided[0]!r}" if undecided else f"names the optimizer {kind!r}"
        raise SpaceError(f"this recipe was written by Nasmyth 0.1 and {said}: version 0.1 reads it")
    common = {"lr": fields.get("lr", 0.1), "weight_decay": fields.get("weight_decay", 5e-4)}
    changes: tuple[tuple[str, Any], ...] = (("flip", lambda _: Flip()), ("crop", Crop), ("mixup", Mixup))
    return {
        **{name: value for name, value in fields.items() if name not in WORDS},
        "optimizer": AdamW(**common) if kind == "adamw" else SGD(momentum=fields.get("momentum", 0.9), **common),
        "schedule": Cosine(warmup=fields.get("warmup", 0.1)),
        "augment": tuple(make(fields[name]) for name, make in changes if fields.get(name)),
        "average": EMA(fields["ema"]) if fields.get("ema") else None,
    }
