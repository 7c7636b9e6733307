"""A task: data in three splits, what the input is, what the answer is, how wrong an answer is.

Data is held in stored form (uint8 images, float32 rows: see `network.inputs`), whole, in memory. The test split is
read by `evaluate(network, task, split="test")` and by nothing else in training.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.forms.outputs import Classes, Values
from nasmyth.record import dumps, is_open, to_json
from nasmyth.train.chance import chance
from nasmyth.train.metrics import Meter
from nasmyth.train.recipe import Recipe

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in stored form: x, N ...; y, class indices (int64, N) or values in their own units (float32, N k)."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Split({len(self)} examples)"

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The stored inputs and targets of a batch, on the device of the split."""
        return self.x.index_select(0, rows), self.y.index_select(0, rows)

    def to(self, device: torch.device) -> Split:
        """The same examples on a device."""
        return Split(self.x.to(device), self.y.to(device))

    def take(self, indices: Tensor) -> Split:
        """The examples at these indices."""
        return Split(self.x[indices], self.y[indices])


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned. Raises DataError, when made, for data that cannot be learned from as it is."""

    name: str
    inputs: ImageInput | TableInput
    outputs: Classes | Values
    train: Split = field(repr=False)
    valid: Split = field(repr=False)
    test: Split = field(repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    """What was inferred and decided while the data was read, a sentence each."""
    recipe: Recipe | None = field(default=None, repr=False)
    """How networks are trained on it, unless said otherwise; None leaves it to the domain."""

    def __post_init__(self) -> None:
        for name in SPLITS:
            _check_split(f"{self.name}: {name} split", getattr(self, name), self.inputs, self.outputs)
        if isinstance(self.outputs, Classes):
            _check_classes(self)

    @property
    def kind(self) -> str:
        """ "classification" or "regression"."""
        return self.outputs.kind

    @property
    def input(self) -> tuple[int, ...]:
        """The shape of one example, as the network sees it."""
        return self.inputs.shape

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty for a regression."""
        return self.outputs.names if isinstance(self.outputs, Classes) else ()

    @property
    def objective(self) -> str:
        """The score that says which network is better: "accuracy" (more is better) or "rmse" (less is better)."""
        return "accuracy" if self.kind == "classification" else "rmse"

    @cached_property
    def fingerprint(self) -> str:
        """20 hexadecimal digits of the content of the data, splits and preprocessing."""
        # in which type labels are given back changes nothing of what is learned
        outputs = self.outputs.replace(type="text") if isinstance(self.outputs, Classes) else self.outputs
        digest = hashlib.blake2b(dumps((self.inputs.unseen, outputs)).encode(), digest_size=10)
        for name in SPLITS:
            split = getattr(self, name)
            for tensor in (split.x, split.y):
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(memoryview(tensor.detach().cpu().contiguous().numpy()).cast("B"))
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

    def loss(self, pred: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss over a batch, a scalar.

        Classification: cross-entropy of logits N C with indices N or probabilities N C. Regression: squared error of
        standardised predictions N k and targets N k, which are given in their own units.
        """
        if isinstance(self.outputs, Classes):
            return F.cross_entropy(pred, target, label_smoothing=smoothing)
        return F.mse_loss(pred, self.outputs.standardise(target))

    def meter(self) -> Meter:
        """Scores gathered over batches: `update(pred, y)`, then `compute()`."""
        return Meter(self.outputs)

    def score(self, pred: Tensor, y: Tensor) -> dict[str, float]:
        """All scores of predictions (logits N C or standardised values N k) on targets in stored form."""
        meter = self.meter()
        meter.update(pred, y)
        return meter.compute()

    def better(self, scores: dict[str, float], than: dict[str, float] | None) -> bool:
        """Whether `scores` beat `than` on the objective; of equals, the lower loss is better."""
        if than is None:
            return True
        sign = 1.0 if self.objective == "accuracy" else -1.0
        ours, theirs = ((sign * s[self.objective], -s["loss"]) for s in (scores, than))
        return ours > theirs

    def describe(self) -> dict[str, Any]:
        """What a journal records of the task, as plain JSON data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "classes": list(self.classes),
            "input": list(self.input),
            "sizes": {name: len(getattr(self, name)) for name in SPLITS},
            "notes": list(self.notes),
            "recipe": None if self.recipe is None else to_json(self.recipe),
            "chance": chance(self),
        }


def random_split(count: int, fractions: Sequence[float], seed: int = 0) -> tuple[Tensor, ...]:
    """Indices of `count` examples in as many parts as there are fractions, which sum to 1. Each part is sorted."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    bounds = _bounds(count, fractions)
    return tuple(order[a:b].sort().values for a, b in itertools.pairwise(bounds))


def stratified_split(y: Tensor, fractions: Sequence[float], seed: int = 0) -> tuple[Tensor, ...]:
    """Like `random_split`, with each class (int64, N) shared out alone. The first part has every class there is.

    Sizes are exact to one example for the whole, since what rounding leaves over is carried from class to class.
    """
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in fractions]
    owed = [0.0] * len(fractions)
    for label in y.unique().tolist():
        rows = torch.nonzero(y == label).flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        owed = [o + f * len(rows) for o, f in zip(owed, fractions, strict=True)]
        sizes = _whole(owed, len(rows))
        owed = [o - s for o, s in zip(owed, sizes, strict=True)]
        for part, rows_of_part in zip(parts, rows.split(sizes), strict=True):
            part.append(rows_of_part)
    return tuple(torch.cat(part).sort().values for part in parts)


def _whole(owed: list[float], total: int) -> list[int]:
    """Whole numbers near `owed` that sum to `total`; the first is at least 1."""
    sizes = [max(0, int(o)) for o in owed]
    sizes[0] = max(1, sizes[0])
    while sum(sizes) > total:
        donors = [i for i in range(len(sizes)) if sizes[i] > (1 if i == 0 else 0)]
        sizes[max(donors, key=lambda i: sizes[i] - owed[i])] -= 1
    while sum(sizes) < total:
        sizes[max(range(len(sizes)), key=lambda i: owed[i] - sizes[i])] += 1
    return sizes


def _bounds(count: int, fractions: Sequence[float]) -> list[int]:
    if any(f < 0 for f in fractions) or abs(sum(fractions) - 1.0) > 1e-6:
        raise DataError(f"split fractions {list(fractions)}: give shares from 0 to 1 that sum to 1")
    ends = [round(count * sum(fractions[:i])) for i in range(len(fractions))]
    return [*ends, count]


def _check_split(what: str, split: Split, inputs: ImageInput | TableInput, outputs: Classes | Values) -> None:
    x, y = split.x, split.y
    if len(x) == 0:
        raise DataError(f"{what}: empty; give at least one example")
    if len(x) != len(y):
        raise DataError(f"{what}: {len(x)} inputs and {len(y)} targets; give one target for each input")
    stored: tuple[int, ...]
    if isinstance(inputs, ImageInput):
        stored, dtype = (inputs.height, inputs.width, inputs.channels), torch.uint8
    else:
        stored, dtype = inputs.shape, torch.float32
    if tuple(x.shape[1:]) != stored or x.dtype != dtype:
        raise DataError(
            f"{what}: inputs of shape {tuple(x.shape[1:])} and type {x.dtype}, expected {stored} and {dtype}; "
            f"make them with inputs.encode(raw)"
        )
    if isinstance(outputs, Values):
        if y.shape[1:] != (outputs.size,) or y.dtype != torch.float32:
            raise DataError(
                f"{what}: targets of shape {tuple(y.shape)} and type {y.dtype}, expected (N, {outputs.size}) and "
                f"torch.float32; make them with outputs.encode(raw)"
            )
        if not bool(y.isfinite().all()):
            rows = torch.nonzero(~y.isfinite().all(1)).flatten()
            raise DataError(f"{what}: {len(rows)} targets are NaN or infinite, first in row {int(rows[0])}; drop them")
    elif y.ndim != 1 or y.dtype != torch.int64 or int(y.min()) < 0 or int(y.max()) >= outputs.size:
        raise DataError(
            f"{what}: targets of shape {tuple(y.shape)} and type {y.dtype} from {y.min().item()} to {y.max().item()}, "
            f"expected torch.int64 indices of {outputs.size} classes; make them with outputs.encode(raw)"
        )


def _check_classes(task: Task) -> None:
    names = task.classes
    seen = torch.bincount(task.train.y, minlength=len(names)) > 0
    if int(seen.sum()) < 2:
        only = names[int(task.train.y[0])]
        raise DataError(f"{task.name}: every training example is of one class, {only!r}; give at least two classes")
    for split in ("valid", "test"):
        counts = torch.bincount(getattr(task, split).y, minlength=len(names))
        unseen = [names[i] for i in torch.nonzero((counts > 0) & ~seen).flatten().tolist()]
        if unseen:
            raise DataError(
                f"{task.name}: {split} has labels that never occur in training: {', '.join(map(repr, unseen[:10]))}; "
                f"drop these examples, or split with stratified_split"
            )
