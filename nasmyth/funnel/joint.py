"""What a design searches: the networks of a domain, and, if asked, a way to train each.

The ways differ in learning rate, decay, batch, smoothing and augmentation (`Domain.recipe_space`). What they share is what
makes trainings comparable before their end: the learning rate falls at the end alone, and a moving average of the weights
is what is scored until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nasmyth.errors import StudyError
from nasmyth.funnel.plan import ETA
from nasmyth.graph.joins import Identity
from nasmyth.record import from_json
from nasmyth.space import Space
from nasmyth.train import EMA, Recipe, WarmupStableDecay
from nasmyth.train.balance import suited

if TYPE_CHECKING:
    from nasmyth.domains import Domain
    from nasmyth.space import Genome
    from nasmyth.train import Task

AVERAGE = 0.998
"""Of the moving average of the weights, by which candidates are compared while their learning rate is high."""
DECAY = 1.0 - 1.0 / ETA
"""The share of a training in full, its last, during which the learning rate falls: all that no rung has been through. On
Fashion-MNIST (20k parameters, 8 epochs) it ends at 90.7 % on test, as a cosine does (90.6 %), and a last quarter at 90.1 %."""


def space_of(task: Task, domain: Domain, kept: Mapping[str, Any] = MappingProxyType({})) -> Space:
    """The networks of the domain, and how they may be trained. kept: the header of a study that is gone on with, which has
    its way to train.

    Raises StudyError for a task with another recipe than that.
    """
    networks, asked = domain.space(task), asked_for(task, domain)
    recipe = from_json((kept.get("space") or {}).get("recipe"))
    if recipe is not None and asked not in (None, recipe):
        raise StudyError(
            f"this study was trained with {recipe}, and recipe= is another; leave it out to go on with that one, or "
            "name another file with out="
        )
    return Space(networks.template, networks.inputs, recipe or asked or recipes(task, domain))


def asked_for(task: Task, domain: Domain) -> Recipe | None:
    """The recipe of a task that is not its domain's: what was asked for is left as it is."""
    return None if task.recipe == domain.recipe(task) else task.recipe


def recipes(task: Task, domain: Domain) -> Recipe:
    """How the networks of a domain may be trained, as a template."""
    own = domain.recipe(task)
    holes = domain.recipe_space(task).replace(average=own.average, epochs=own.epochs)
    return staged(holes).replace(balance=suited(task.objective))


def staged(recipe: Recipe) -> Recipe:
    """A recipe whose trainings can be left at any time but the last DECAY, compared, and gone on with."""
    return recipe.replace(schedule=WarmupStableDecay(decay=DECAY), average=recipe.average or EMA(AVERAGE))


def trained_alike(space: Space, genome: Genome | None = None, but: Iterable[str] = ()) -> Space:
    """The genomes of the space that are trained as this one is, as is usual without one; but for these decisions, which stay
    open."""
    ways, left = _ways(space), set(but)
    decided = ways.changed({}, {}) if genome is None else genome
    return space.fix({key: decided[key] for key in ways.holes if key in decided and key not in left})


def _ways(space: Space) -> Space:
    """The ways to train of a space, without its networks."""
    return Space(Identity(), space.inputs, space.recipe)


def differing(space: Space, genomes: Sequence[Genome]) -> set[str]:
    """The decisions of how to train that all of these make, and not all alike."""
    return {
        key for key in _ways(space).holes
        if all(key in one for one in genomes) and any(one[key] != genomes[0][key] for one in genomes)
    }  # fmt: skip


def options(space: Space, numbers: Mapping[str, int]) -> list[tuple[str, Any]]:
    """The decisions for these options of holes, {address: number of the option}; without those of holes that are not there."""
    return [(key, space.holes[key].nth(number)) for key, number in numbers.items() if key in space.holes]


def joined(space: Space, genome: Genome, adapted: Iterable[tuple[str, Any]] = ()) -> Genome:
    """The genome of a network with the decisions of how to train it: those that are adapted, and else the first."""
    return space.changed(genome, {key: decision for key, decision in adapted if key in space.holes})
