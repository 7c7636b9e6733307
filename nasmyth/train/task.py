"""A task: data in three splits, what the input is, and what the answer is.

What checks, collates, loses and scores belongs to the input and the answer (`nasmyth/forms/`); a task hands over to them. The
test split is read by `evaluate(network, task, split="test")` and by nothing else in training.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.form import AnswerForm, InputForm
from nasmyth.forms.scores import goals
from nasmyth.forms.stored import blocks, cat, count, mapped, parts
from nasmyth.graph.inputs import Inputs
from nasmyth.record import dumps, is_open, to_json
from nasmyth.train.recipe import Recipe
from nasmyth.train.split import Split, random_split

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned. Raises DataError, when made, for data that cannot be learned from as it is."""

    name: str
    inputs: InputForm
    outputs: AnswerForm
    train: Split = field(repr=False)
    valid: Split = field(repr=False)
    test: Split = field(repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    """What was inferred and decided while the data was read, a sentence each."""
    recipe: Recipe | None = field(default=None, repr=False)
    """How networks are trained on it, unless said otherwise; None leaves it to the domain."""
    goal: str | None = field(default=None, repr=False)
    """The score by which networks are compared; None is the usual one of such answers. See `judged_by`."""
    divided: str = field(default="", repr=False)
    """The fingerprint of a task with the same examples in other splits, whose trainings may go on with this one; see
    `learning_from_validation`."""

    def __post_init__(self) -> None:
        for name in SPLITS:
            self._check_split(f"{self.name}: {name} split", getattr(self, name))
        self.outputs.learnable(self.name, self.train.y, {"valid": self.valid.y, "test": self.test.y})

    def _check_split(self, what: str, split: Split) -> None:
        if len(split) == 0:
            raise DataError(f"{what}: empty; give at least one example")
        if len(split) != count(split.y):
            raise DataError(f"{what}: {len(split)} inputs and {count(split.y)} targets; give one target for each input")
        self.inputs.validate(split.x, what)
        self.outputs.validate(split.y, what)

    @property
    def kind(self) -> str:
        """ "classification" or "regression"."""
        return self.outputs.kind

    @property
    def input(self) -> tuple[int, ...] | Inputs:
        """What the network sees of one example: its shape, or all inputs by name, as `Graph.of` and `Space` take them."""
        return self.inputs.shape if self.inputs.spec.plain else self.inputs.spec

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty for a regression."""
        return self.outputs.classes

    @property
    def objective(self) -> str:
        """The score that says which network is better: "accuracy", or "rmse" of values, unless it is judged by another."""
        return self.goal or self.outputs.objective

    @property
    def direction(self) -> str:
        """Whether more of that is better, "max", or less, "min"."""
        metric = None if self.goal is None else self.outputs.metric(self.goal)
        return self.outputs.direction if self.goal is None else "min" if metric is None else metric.direction

    def judged_by(self, goal: str) -> Task:
        """The same task with another score as its objective, such as "f1" or "recall:malignant": the weights that a training
        keeps are those which were best by it, and what chance scores is told of it.

        Raises DataError for what is no score of its answers.
        """
        if goal == self.outputs.objective:
            return replace(self, goal=None)
        if goal != "loss" and self.outputs.metric(goal) is None:
            raise DataError(
                f"{self.name}: {goal!r} is no score of a {self.kind}; write {goals(self.kind, *self.classes[:1])}"
            )
        return replace(self, goal=goal)

    def check_defined(self, goal: str, split: str) -> None:
        """Raise DataError for a score that no answers have on this split, such as the recall of a class that it lacks."""
        metric = self.outputs.metric(goal)
        if metric is None:
            return
        columns = self.outputs.constant(metric, self.train.y, getattr(self, split).y)
        if math.isnan(metric.told(columns)):
            where = {"valid": "validation"}.get(split, split)
            raise DataError(
                f"{goal} cannot be told on the {where} split of {self.name}, for it takes {metric.takes}; split the data "
                f"otherwise, or judge by {self.outputs.objective}"
            )

    @cached_property
    def doubt(self) -> str:
        """Why its objective may be a poor choice for this data; empty where nothing speaks against it."""
        return "" if self.goal else self.outputs.doubt(self.train.y)

    @cached_property
    def fingerprint(self) -> str:
        """20 hexadecimal digits of the content of the data, splits and preprocessing."""
        digest = hashlib.blake2b(dumps((self.inputs.unseen, self.outputs.unlabelled)).encode(), digest_size=10)
        for name in SPLITS:
            split = getattr(self, name)
            for key, tensor in (*parts(split.x), *parts(split.y)):
                digest.update(f"{f'{key} ' if key else ''}{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                for block in blocks(tensor):
                    digest.update(memoryview(block.detach().cpu().contiguous().numpy().data).cast("B"))
        return digest.hexdigest()

    def trained_by(self, recipe: Recipe) -> Task:
        """The same task with another recipe. Raises DataError for what is none."""
        if not isinstance(recipe, Recipe):
            raise DataError(
                f"recipe={repr(recipe)[:100]} is no recipe; write recipe=Recipe(epochs=20), from nasmyth.train"
            )
        if is_open(recipe):
            raise DataError(f"{recipe} has holes, which a search in a space of recipes fills; give it values")
        return replace(self, recipe=recipe)

    def loss(self, pred: Any, target: Any, smoothing: float = 0.0) -> Tensor:
        """The mean loss over a batch, a scalar, as the answer has it: see `outputs.loss`.

        Where each example is answered m times in a row, as networks of members do in training, each answer is held to the
        example's target.
        """
        return self.outputs.loss(pred, repeated(target, pred), smoothing)

    def meter(self, also: Iterable[str] = ()) -> Any:
        """Scores gathered over batches: `update(pred, y)`, then `compute()`. also: the names of more than the usual ones."""
        wanted = tuple(name for name in (self.objective, *also) if self.outputs.metric(name) is not None)
        return self.outputs.meter(wanted) if wanted else self.outputs.meter()  # type: ignore[call-arg]

    def score(self, pred: Any, y: Any) -> dict[str, float]:
        """All scores of predictions (logits N C or standardised values N k) on targets in stored form."""
        meter = self.meter()
        meter.update(pred, y)
        return meter.compute()

    def better(self, scores: dict[str, float], than: dict[str, float] | None) -> bool:
        """Whether `scores` beat `than` on the objective; of equals, and where it is not defined, the lower loss is better."""
        return than is None or (self.oriented(scores), -scores["loss"]) > (self.oriented(than), -than["loss"])

    def oriented(self, scores: Mapping[str, float]) -> float:
        """The objective, more being better; minus infinity where it is not defined."""
        value = scores.get(self.objective, math.nan) * (1.0 if self.direction == "max" else -1.0)
        return -math.inf if value != value else value

    def unsure(self, scores: Mapping[str, float]) -> float:
        """The standard error of the objective in validation where that is a share of the examples (Agresti and Coull 1998, with
        two right answers and two wrong ones added); 0 for other objectives."""
        if self.objective != "accuracy":
            return 0.0
        count = len(self.valid) + 4
        share = (scores["accuracy"] * len(self.valid) + 2) / count
        return math.sqrt(share * (1 - share) / count)

    def describe(self) -> dict[str, Any]:
        """What a journal records of the task, as plain JSON data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "classes": list(self.classes),
            "input": self.inputs.spec.to_json(),
            "sizes": {name: len(getattr(self, name)) for name in SPLITS},
            "notes": list(self.notes),
            "recipe": None if self.recipe is None else to_json(self.recipe),
            "chance": self.chance("valid"),
            "doubt": self.doubt,
        }

    def chance(self, split: str = "valid") -> dict[str, Any]:
        """What is scored without looking at the input; see `nasmyth.train.chance`."""
        given = () if self.goal is None else (self.goal,)
        return self.outputs.chance(self.train.y, getattr(self, split).y, *given)

    def learning_from_validation(self, scored: int) -> Task:
        """The task that learns from the validation split as well, all but so many of its examples, by which it is scored.

        A training of this task may go on with that one; which weights were best is told anew then.
        """
        rest, some = random_split(len(self.valid), (1 - scored / len(self.valid), scored / len(self.valid)))
        more = self.valid.take(rest)
        train = Split(cat([self.train.x, more.x]), cat([self.train.y, more.y]))
        return replace(self, train=train, valid=self.valid.take(some), divided=self.fingerprint)

    def few(self, count: int) -> Task:
        """The task with `count` examples or a few more in each split: of a classification, of two classes at least."""
        part = self.train.take(self.outputs.varied(self.train.y, count))
        return replace(self, train=part, valid=part, test=part)


def repeated(target: Any, pred: Any) -> Any:
    """Targets, each as many times in a row as it is answered."""
    answers, targets = count(pred), count(target)
    if answers == targets or answers % targets:
        return target
    return mapped(target, lambda one: one.repeat_interleave(answers // targets, 0))
