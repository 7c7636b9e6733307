"""What `nasmyth search` does with a candidate: train it by the recipe, and measure what the budget asks for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, NamedTuple

from nasmyth.errors import OverBudget, UnknownNameError, nearest
from nasmyth.units import Spend


class Step(NamedTuple):
    """Progress of a search (see `console.Live`)."""

    phase: str
    trials: int
    best: str
    spent: float
    spend: Spend


@dataclass
class Training:
    """An evaluation for `Study.run`: a trial to its figures. The weights of the best so far are kept in the study."""

    study: Any
    task: Any
    limits: Any
    epochs: float | None
    seed: int
    live: Any
    trials: int

    def __call__(self, trial: Any) -> dict[str, float]:
        from nasmyth.domains import domain_for
        from nasmyth.measure import find
        from nasmyth.network import Network
        from nasmyth.train import fit

        self.say()
        graph = trial.graph
        measured = {}
        for limit in self.limits:
            if "device" in limit.measure.needs:
                measured[limit.measure.name] = limit.measure(graph)
                if not limit.satisfied(measured[limit.measure.name]):
                    raise OverBudget(
                        f"{limit.measure.name} is {limit.measure.show(measured[limit.measure.name])}, over {limit}"
                    )
        counted = {name: find(name)(graph) for name in ("params", "macs")}
        recipe = self.study.space.recipe_of(trial.genome) or domain_for(self.task).recipe(self.task)
        network = Network(graph, self.task.inputs, self.task.outputs, seed=self.seed)
        fitted = fit(network, self.task, recipe, epochs=self.epochs, seed=self.seed)
        figures = {**counted, **measured, **fitted.scores}
        self.study.record(
            trial, "final", figures, seconds=fitted.seconds, curve=list(fitted.curve), epochs=fitted.epochs
        )
        if self._leads(figures):
            self.study.put(trial, "weights", network.to_bytes())
        return figures

    def _leads(self, figures: dict[str, float]) -> bool:
        """Whether this is better in the first objective than all before it."""
        best, goal = self.study.best, self.study.wanted.goals[0]
        return best is None or goal.oriented(figures) > best.objectives[0]

    def say(self) -> None:
        """Tell the progress line where the search is."""
        from nasmyth.report import facts

        best, goal = self.study.best, self.study.wanted.goals[0].name
        figure = f"{facts.shown(goal, best.measures[goal])} {goal}" if best else ""
        self.live(Step("searching", len(self.study.trials), figure, 0.0, Spend(trials=self.trials)))


def strategy_of(text: str) -> Any:
    """ "evolution" or "evolution(population=16)" as a strategy. Raises UnknownNameError, which suggests the nearest."""
    from nasmyth.search import strategies

    name, bracket, rest = text.partition("(")
    cls = strategies.get(name.strip())
    if not bracket:
        return cls()
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        settings = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise UnknownNameError(f"cannot read {text!r}; write it as {name}(setting=value)") from None
    unknown = [key for key in settings if key not in cls.fields]
    if unknown:
        hint = nearest(unknown[0], cls.fields) or f"; it has {', '.join(cls.fields) or 'none'}"
        raise UnknownNameError(f"{name} has no setting {unknown[0]!r}{hint}")
    return cls(**settings)
