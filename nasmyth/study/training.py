"""Training as an evaluation: what `study.run(task, trials=500)` does with every candidate, and `design` at every rung.

A `Training` is a frozen value that can be sent to another process, so it runs wherever an evaluation of your own would.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmyth.errors import OverBudget, UnknownNameError
from nasmyth.record import from_json
from nasmyth.study.outcome import Outcome

if TYPE_CHECKING:
    from nasmyth.study.trial import Trial
    from nasmyth.train import Recipe, Task


@dataclass(frozen=True)
class Training:
    """Trains a candidate from new weights: trial -> `Outcome` with the scores on the validation split, and the weights.

    recipe: where the candidate brings none of its own; by default the task's, else that of its domain's kind.
    epochs: the recipe's unless said. seconds: the most that a training may take. under: constraints; those that need a
    device are measured before anything is trained, and the candidate that misses one costs no training. also: names of
    measures of a trained network that are recorded besides those that every training leaves, such as "robust@pgd".

    Raises DataError, when made, for a measure that does not suit the task.
    """

    task: Task
    recipe: Recipe | None = None
    epochs: float | None = None
    seconds: float | None = None
    seed: int = 0
    under: tuple[Any, ...] = ()
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        from nasmyth.measure import find

        for name in self.also:
            suits = getattr(find(name).function, "suits", None)
            if suits is not None:
                suits(self.task)

    def __call__(self, trial: Trial) -> Outcome:
        """Raises OverBudget, with the figures, or Diverged."""
        from nasmyth.measure import find
        from nasmyth.network import Network, build
        from nasmyth.train import Recipe, fit, initialise

        start, graph = time.perf_counter(), trial.graph
        measured = self._measured(trial)
        recipe = from_json(trial.recipe) if trial.recipe else self.recipe or self.task.recipe or Recipe()
        network = build(graph, self.seed, self.task.inputs, self.task.outputs)
        initialise(network, self.seed)
        if trial.start is not None:
            network.load_state_dict(Network.from_bytes(trial.start).state_dict())
        planned = (recipe.epochs if self.epochs is None else self.epochs) * trial.stage.share
        bounds = [bound for bound in (self.seconds, trial.stage.seconds) if bound is not None]
        fitted = fit(network, self.task, recipe, epochs=planned, seconds=min(bounds, default=None), seed=self.seed)
        told = {name: find(name)(network, self.task) for name in self.also if name not in fitted.scores}
        counted = {name: find(name)(graph) for name in ("params", "macs")}
        details = {
            "curve": list(fitted.curve),
            "epochs": fitted.epochs,
            "planned": float(planned),
            "training": fitted.seconds,
            "ended": fitted.reason,
        }
        return Outcome(
            {**counted, **measured, **fitted.scores, **told},
            trial.stage.name,
            details={**details, "seconds": time.perf_counter() - start},
            artefacts={"weights": network.to_bytes()},
        )

    def _measured(self, trial: Trial) -> dict[str, float]:
        """What the budget needs a device for, where it is not known yet."""
        figures: dict[str, float] = {}
        for limit in self.under:
            name = limit.measure.name
            if "device" not in limit.measure.needs or name in trial.measures:
                continue
            figures[name] = limit.measure(trial.graph)
            if not limit.satisfied(figures[name]):
                raise OverBudget(f"{name} is {limit.measure.show(figures[name])}, over {limit}", measures=figures)
        return figures


def trained(named: Iterable[Any]) -> tuple[str, ...]:
    """The names of those that are measures of a trained network; others are counts, or told by whoever evaluates."""
    from nasmyth.measure import find

    found = []
    for name in dict.fromkeys(str(one.name) for one in named):
        try:
            needs = find(name).needs
        except UnknownNameError:
            continue
        if "training" in needs:
            found.append(name)
    return tuple(found)
