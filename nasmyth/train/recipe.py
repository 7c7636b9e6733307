"""How a network is trained, as a frozen value: part of a candidate, recorded with it, open to search.

    Recipe(optimizer=SGD(lr=0.05), schedule=OneCycle(), augment=(Crop(2), Flip(), Mixup(0.2)), epochs=30, average=EMA(0.999))

Its parts are frozen values themselves, so a hole may stand at any depth, and each option may have a range of its own:

    Recipe(optimizer=choice(SGD(lr=real(0.01, 1.0, log=True)), AdamW(lr=real(1e-4, 1e-2, log=True))))
    # addresses: recipe.optimizer, recipe.optimizer:0.lr, recipe.optimizer:1.lr
"""

from __future__ import annotations

from typing import Any, Self

import nasmyth.train.distort
import nasmyth.train.mixing  # noqa: F401  with the line above: whoever reads a recipe from JSON knows all parts it may have
from nasmyth.errors import SpaceError
from nasmyth.graph.joins import Identity
from nasmyth.kinds import shown
from nasmyth.record import Value, is_open
from nasmyth.train.augment import Augmentation
from nasmyth.train.average import Averaging
from nasmyth.train.older import WORDS, is_older, modern
from nasmyth.train.optimizers import SGD, Optimizer
from nasmyth.train.ranges import one_of, within
from nasmyth.train.schedules import Cosine, Schedule


class Recipe(Value):
    """Training settings. Any field, and any field of its parts, may be a hole while the recipe is part of a space.

    The defaults suit small convolutional networks on small images; each domain has its own.
    """

    optimizer: Any = SGD()
    """How weights follow gradients: SGD(...), AdamW(...), Muon(...), or one of your own."""
    schedule: Any = Cosine()
    """How the learning rate goes: Cosine(...), WarmupStableDecay(...), OneCycle(...), MultiStep(...), ConstantRate()."""
    augment: Any = ()
    """Random changes of the training batches, in their order: Flip(), Crop(2), Cutout(8), CutMix(), RandAugment() ..."""
    epochs: int = 20
    batch: int = 128
    average: Any = None
    """The moving average of the weights, which is what is kept: EMA(0.999). None keeps the weights themselves."""
    smoothing: float = 0.0
    """Label smoothing (Szegedy et al., 2016): this much probability is spread over all classes."""
    balance: float = 0.0
    """How far rare classes are made to weigh as much as common ones, 0 to 1: see `balance.py`."""
    margin: float = 0.0
    """By how much the logit of the rarest class has to win in training, others by less: see `balance.py`."""
    clip: float = 0.0
    """The largest norm of the gradient; 0 does not limit it."""
    precision: str = "32"
    """ "32", "bf16" (mixed), or "auto": bf16 where the device has fast bf16 arithmetic, and the network gains by it."""
    compile: bool = False
    """Use torch.compile, which takes 10 to 30 s before the first step. On one CPU thread, steps of small convolutional networks
    became no faster (`benchmarks/step_speed.py`)."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        for name, value in kwargs.items():
            if name in WORDS:
                raise SpaceError(f"Recipe({name}={shown(value)}): {name} belongs to a part; write {WORDS[name]}")
        return super().__new__(cls, *args, **kwargs)

    @classmethod
    def of_fields(cls, fields: dict[str, Any]) -> Self:
        """From a file: one that an older Nasmyth wrote has other fields."""
        return super().of_fields(modern(fields) if is_older(fields) else fields)

    @property
    def augmentations(self) -> tuple[Augmentation, ...]:
        """Those that change anything: `maybe(Flip())` may leave none in its place, and a strength may be 0."""
        return tuple(one for one in self.augment if isinstance(one, Augmentation) and not one.off)

    @property
    def averaging(self) -> Averaging | None:
        """How weights are averaged, if they are."""
        return self.average if isinstance(self.average, Averaging) else None

    def check(self) -> None:
        _part(self, "optimizer", self.optimizer, Optimizer, "SGD(lr=0.1) or AdamW(lr=0.001)")
        _part(self, "schedule", self.schedule, Schedule, "Cosine(warmup=0.1) or OneCycle()")
        if not _none(self.average):
            _part(self, "average", self.average, Averaging, "EMA(0.999), or None")
        if not isinstance(self.augment, tuple):
            _part(self, "augment", self.augment, (), "a tuple of augmentations, such as (Flip(), Crop(2))")
        for one in self.augment if isinstance(self.augment, tuple) else ():
            if not _none(one):
                _part(self, "augment", one, Augmentation, "a tuple of augmentations, such as (Flip(), Crop(2))")
        one_of(self, "precision", ("32", "bf16", "auto"))
        for name in ("batch", "epochs"):
            within(self, name, above=0.0)
        within(self, "clip")
        within(self, "balance")
        within(self, "margin")
        within(self, "smoothing", below=1.0)


def _none(part: Any) -> bool:
    """Whether nothing stands there: None, or what `maybe` puts in the place of nothing."""
    return part is None or part is Identity()


def _part(recipe: Recipe, name: str, part: Any, kind: Any, such_as: str) -> None:
    """Raise SpaceError for a part that is neither of its kind nor a hole."""
    if not isinstance(part, kind) and not (isinstance(part, Value) and is_open(part)):
        raise SpaceError(f"Recipe({name}={shown(part)}): give {such_as}")
