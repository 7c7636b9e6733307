"""A task: data in three splits, what the input is, and what the answer is.

What checks, collates, loses and scores belongs to the input and the answer (`nasmyth/forms/`); a task hands over to them. The
test split is read by `evaluate(network, task, split="test")` and by nothing else in training.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.form import AnswerForm, InputForm
from nasmyth.forms.stored import blocks, count, mapped, parts
from nasmyth.graph.inputs import Inputs
from nasmyth.record import dumps, is_open, to_json
from nasmyth.train.recipe import Recipe
from nasmyth.train.split import Split

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
        """The score that says which network is better: "accuracy" (more is better) or "rmse" (less is better)."""
        return self.outputs.objective

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

    def meter(self) -> Any:
        """Scores gathered over batches: `update(pred, y)`, then `compute()`."""
        return self.outputs.meter()

    def score(self, pred: Any, y: Any) -> dict[str, float]:
        """All scores of predictions (logits N C or standardised values N k) on targets in stored form."""
        meter = self.meter()
        meter.update(pred, y)
        return meter.compute()

    def better(self, scores: dict[str, float], than: dict[str, float] | None) -> bool:
        """Whether `scores` beat `than` on the objective; of equals, the lower loss is better."""
        if than is None:
            return True
        sign = 1.0 if self.outputs.direction == "max" else -1.0
        ours, theirs = ((sign * s[self.objective], -s["loss"]) for s in (scores, than))
        return ours > theirs

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
            "chance": self.outputs.chance(self.train.y, self.valid.y),
        }

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
