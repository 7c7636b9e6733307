"""Training as an evaluation: what `study.run(task, trials=500)` does with every candidate, and `design` at every rung.

A `Training` is a frozen value that can be sent to another process, so it runs wherever an evaluation of your own would.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmyth.errors import OverBudget
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
    device are measured before anything is trained, and the candidate that misses one costs no training.
    """

    task: Task
    recipe: Recipe | None = None
    epochs: float | None = None
    seconds: float | None = None
    seed: int = 0
    under: tuple[Any, ...] = ()

    def __call__(self, trial: Trial) -> Outcome:
        """Raises OverBudget, with the figures, or Diverged."""
        from nasmyth.measure import find
        from nasmyth.network import build
        from nasmyth.train import Recipe, fit, initialise

        start, graph = time.perf_counter(), trial.graph
        measured = self._measured(trial)
        recipe = from_json(trial.recipe) if trial.recipe else self.recipe or self.task.recipe or Recipe()
        network = build(graph, self.seed, self.task.inputs, self.task.outputs)
        initialise(network, self.seed)
        fitted = fit(network, self.task, recipe, epochs=self.epochs, seconds=self.seconds, seed=self.seed)
        counted = {name: find(name)(graph) for name in ("params", "macs")}
        details = {
            "curve": list(fitted.curve),
            "epochs": fitted.epochs,
            "training": fitted.seconds,
            "ended": fitted.reason,
        }
        return Outcome(
            {**counted, **measured, **fitted.scores},
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
