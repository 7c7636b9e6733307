"""Recipes to search among: one recipe as a template with holes, whose first decisions train exactly as it does.

    Space(template, task.input, recipe=domain.recipe_space(task))     # architecture and recipe together

The ranges are those within which published recipes for small networks differ. A setting that is off by default can be
switched on and a setting that is on can be switched off; augmentations are off at strength 0, where they draw no numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmyth.graph.joins import Identity
from nasmyth.space import choice
from nasmyth.train.augment import Augmentation
from nasmyth.train.average import EMA
from nasmyth.train.optimizers import Optimizer
from nasmyth.train.recipe import Recipe
from nasmyth.train.schedules import Cosine, OneCycle, WarmupStableDecay

RATES = (1.0, 0.3, 0.5, 2.0, 3.0)
"""Times the default learning rate."""
DECAYS = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Times the default weight decay."""
BATCHES = (1.0, 0.5, 2.0)
EPOCHS = (1.0, 0.5, 2.0)
SCHEDULES = (Cosine(), WarmupStableDecay(), OneCycle())
AVERAGES = (None, EMA(0.99), EMA(0.999))
SMOOTHINGS = (0.0, 0.05, 0.1)


def recipe_space(
    recipe: Recipe, augment: Sequence[Any] = (), smoothed: bool = True, optimizers: Sequence[Optimizer] = ()
) -> Recipe:
    """The recipe with holes; the first option of each is what the recipe has.

    augment: augmentations in their order, whose strengths may be holes that hold 0 or whose first option is None; in place of
    the recipe's, unless empty. smoothed: whether answers may be smoothed, those of a classification. optimizers: others than
    the recipe's, each with rates around its own.
    """
    return recipe.replace(
        optimizer=choice(*map(_rates, (recipe.optimizer, *optimizers))) if optimizers else _rates(recipe.optimizer),
        schedule=first(recipe.schedule, SCHEDULES),
        augment=tuple(augment) or tuple(choice(one, Identity()) for one in recipe.augmentations),
        epochs=_times(recipe.epochs, EPOCHS),
        batch=_times(recipe.batch, BATCHES),
        average=first(recipe.average, AVERAGES),
        smoothing=first(recipe.smoothing, SMOOTHINGS) if smoothed else recipe.smoothing,
    )


def strengths(now: Sequence[Augmentation], kind: type[Augmentation], name: str, options: Sequence[Any]) -> Any:
    """A hole for one setting of an augmentation: first what it is in `now`, or 0 where that has no such augmentation."""
    default = next((getattr(one, name) for one in now if isinstance(one, kind)), 0)
    return first(default, (0, *options))


def first(default: Any, options: Sequence[Any]) -> Any:
    """One of these options, the default before all others."""
    return choice(default, *(option for option in options if option != default))


def _rates(optimizer: Optimizer) -> Optimizer:
    rates, decays = ([value * times for times in several] for value, several in (
        (optimizer.lr, RATES), (optimizer.weight_decay, DECAYS),
    ))  # fmt: skip
    return optimizer.replace(lr=choice(*rates), weight_decay=choice(*decays) if optimizer.weight_decay else 0.0)


def _times(value: int, several: Sequence[float]) -> Any:
    return choice(*dict.fromkeys(max(1, round(value * times)) for times in several))
