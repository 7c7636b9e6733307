"""A candidate: a graph, and how it is trained on what; all that measures need of it is made once, when it is asked for.

    candidate = Candidate(graph, task=task, seed=0)
    candidate["network"]            # built and initialised now, and the same for every measure
    candidate["trained"]            # trained, once
    Candidate.of(network, task)     # a network that exists is measured as it is

It is let go of as a whole: what was made for it is freed with it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from nasmyth.errors import DataError
from nasmyth.measure.needs import needs


class Effort(NamedTuple):
    """How much of a training: a share of the recipe's epochs (or of `epochs`), within so many seconds, from whose weights.

    parent: gives the network whose weights it starts from. device: of the training, as in `fit`.
    """

    share: float = 1.0
    epochs: float | None = None
    seconds: float | None = None
    parent: Callable[[], Any] | None = None
    device: str = "auto"

    def planned(self, recipe: Any) -> float:
        """Epochs."""
        return self.share * float(recipe.epochs if self.epochs is None else self.epochs)


class Candidate:
    """What is measured. Lazy: `candidate[need]` makes it, and keeps it.

    recipe: the task's, or `Recipe()`, unless said. split: which the figures of trained networks are told on. device:
    where untrained networks and batches are put, "auto" for an accelerator if there is one, whose figures differ
    a little from those of the CPU. known: figures that need not be measured
    again. made: needs that exist already, by name.
    """

    def __init__(
        self,
        graph: Any,
        recipe: Any = None,
        seed: int = 0,
        task: Any = None,
        *,
        split: str = "valid",
        device: str = "cpu",
        effort: Effort | None = None,
        known: Mapping[str, float] | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> None:
        self._said: dict[str, Any] = {"graph": graph, "recipe": recipe, "seed": seed, "task": task, "split": split}
        self._said |= {"device": device, "effort": effort, "known": known, "made": made}
        self.graph, self.seed, self.task = graph, seed, task
        self.figures: dict[str, float] = dict(known or {})
        """What is known of it already, and what the making of its needs told."""
        self.seconds: dict[str, float] = {}
        """What each need took to make, without those that it took."""
        given = {"graph": graph, "seed": seed, "task": task, "split": split, "recipe": recipe}
        given |= {"effort": effort or Effort(), "accelerator": device, **(made or {})}
        self._made = {name: value for name, value in given.items() if value is not None}

    @classmethod
    def of(cls, network: Any, task: Any = None, *, split: str = "valid", seed: int = 0) -> Candidate:
        """A network that exists, which is measured as it is: nothing is built or trained."""
        made = {"model": network, "network": network, "trained": network, "effort": None}  # no effort: no training
        return cls(getattr(network, "graph", None), seed=seed, task=task, split=split, made=made)

    def again(self, **changes: Any) -> Candidate:
        """The same candidate, or one that differs in this, of which nothing was made yet."""
        return Candidate(**{**self._said, **changes})

    def __contains__(self, name: str) -> bool:
        """Whether this need is given, or was made."""
        return name in self._made

    def __getitem__(self, name: str) -> Any:
        """A need. Raises DataError for one that would have had to be given, UnknownNameError for what is none."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def lacks(self, names: tuple[str, ...]) -> list[str]:
        """What of the needs, and of all that they take, would have to be given and is not."""
        open, lacking = [name for name in names if name not in self], []
        while open:
            name = open.pop()
            one = needs.get(name)
            if one.make is None and name != "recipe":
                lacking.append(name)
            open.extend(other for other in one.takes if other not in self)
        return lacking

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Inside, chance follows from the candidate's seed; after, it is as it was."""
        torch = sys.modules.get("torch")
        if torch is None:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            yield

    def _make(self, name: str) -> Any:
        one = needs.get(name)
        if one.make is None:
            return self._given(name)
        taken = [self[other] for other in one.takes]
        start = time.perf_counter()
        with self.seeded():
            value = one.make(*taken)
        self.seconds[name] = time.perf_counter() - start
        if one.tells is not None and self["split"] == "valid":
            self.figures.update(one.tells(value))
        return value

    def _given(self, name: str) -> Any:
        if name == "recipe":
            from nasmyth.train import Recipe

            return getattr(self.task, "recipe", None) or Recipe()
        raise DataError(f"this candidate has no {name}: give it, as in Candidate(graph, {name}=...)")

    def __repr__(self) -> str:
        return f"<Candidate {getattr(self.graph, 'key', self.graph)}: {', '.join(self._made)}>"
