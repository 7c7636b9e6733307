"""Answers that are strings of symbols, shorter than the output: which place says which symbol is nobody's to say.

    Strings(tuple("0123456789"), length=20, longest=8)        # a network that gives (20, 11): at each place a digit, or none

Connectionist temporal classification (CTC; Graves et al. 2006): the network's last output is *blank*. A path says one output
at each place; without repetitions, and then without blanks, it is a string. The loss is minus the logarithm of the
probability of all paths together that are the target. Answers are decoded greedily, from the most probable path.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import DataError, nearest
from nasmyth.forms.form import IGNORED, AnswerForm
from nasmyth.forms.metric import Gathered, Metric, share
from nasmyth.forms.raw import text_of
from nasmyth.forms.stored import Rows, blocks


class AnswerStrings(nn.Module):
    """Logits, N l C with blank as the last of C, to the symbols of the most probable path (int64, N l), each where it is first
    said and -100 elsewhere, and probabilities (float, N l C)."""

    def forward(self, logits):
        best, blank = logits.argmax(-1), logits.shape[-1] - 1
        before = torch.cat((torch.full_like(best[:, :1], blank), best[:, :-1]), 1)
        said = (best != before) & (best != blank)
        return torch.where(said, best, -100), logits.softmax(-1)


class Strings(AnswerForm):
    """Strings of at most `longest` symbols, said at `length` places of the network's output.

    names: the symbols. Targets are stored as int64 N longest, indices of symbols, and IGNORED behind the last.
    """

    kind: ClassVar[str] = "classification"
    objective: ClassVar[str] = "accuracy"
    direction: ClassVar[str] = "max"

    names: tuple[str, ...]
    length: int
    longest: int

    def check(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise DataError(f"symbols {list(self.names)[:20]}: give at least one, and each once")
        if not 1 <= self.longest <= self.length:
            raise DataError(
                f"strings of up to {self.longest} symbols at {self.length} places: longest is at least 1, and at most "
                "length, for a place says one symbol; give the network more places, or leave out the longest strings"
            )

    @property
    def size(self) -> int:
        """Outputs at each place: the symbols and blank."""
        return len(self.names) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length, self.size)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @property
    def labels(self) -> tuple[str, ...]:
        return self.names

    def encode(self, raw: Any) -> Tensor:
        """Strings, or lists of symbols, to int64 N longest. Raises DataError for an unknown symbol or too long a string."""
        places = {name: i for i, name in enumerate(self.names)}
        y = torch.full((len(raw), self.longest), IGNORED, dtype=torch.int64)
        for row, string in enumerate(raw):
            symbols = [text_of(symbol) or "" for symbol in string]
            if len(symbols) > self.longest:
                raise DataError(
                    f"row {row}: {len(symbols)} symbols, and strings have {self.longest} at most; write "
                    f"Strings(..., longest={len(symbols)}), or drop the row"
                )
            unknown = [symbol for symbol in symbols if symbol not in places]
            if unknown:
                raise DataError(
                    f"row {row}: {unknown[0]!r} is not one of the symbols {list(self.names)[:20]}"
                    f"{nearest(unknown[0], self.names)}"
                )
            y[row, : len(symbols)] = torch.tensor([places[symbol] for symbol in symbols], dtype=torch.int64)
        self.validate(y, "targets")
        return y

    def module(self) -> AnswerStrings:
        return AnswerStrings()

    def decoded(self, pred: Tensor) -> list[tuple[int, ...]]:
        """The strings that the network says, as indices."""
        found, _ = self.module()(pred)
        return _strings(found)

    def loss(self, pred: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean over examples of minus the logarithm of the probability of the target, a scalar.

        smoothing: so much of it is the cross-entropy of each place with all outputs being equally probable.
        """
        logs = pred.float().log_softmax(2)
        counts = (target != IGNORED).sum(1)
        lengths = torch.full_like(counts, pred.shape[1])
        total = F.ctc_loss(
            logs.transpose(0, 1), target.clamp(min=0), lengths, counts, blank=self.size - 1, reduction="sum"
        )
        loss = total / len(target)
        return (1 - smoothing) * loss - smoothing * logs.mean(2).sum(1).mean() if smoothing else loss

    # --- scores -------------------------------------------------------------------------------------------------------

    def meter(self, also: Iterable[str] = ()) -> _Meter:
        return _Meter(self, also)

    def metric(self, name: str) -> Metric | None:
        """Accuracy: the share of strings that are right from their first symbol to their last."""
        return Metric("accuracy", "max", self._right, share, matched=True) if name == "accuracy" else None

    def _right(self, pred: Tensor, y: Tensor) -> Tensor:
        right = torch.tensor([a == b for a, b in zip(self.decoded(pred), _strings(y), strict=True)]).double()
        return torch.stack((right, torch.ones_like(right)), 1)

    def gather(self, metric: Metric, pred: Tensor, y: Tensor) -> Tensor:
        return metric.columns(pred, y)

    def counted(self, y: Any) -> int:
        return len(y)

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless these are strings that the network's places can say."""
        fine = isinstance(y, (Tensor, Rows)) and tuple(y.shape[1:]) == (self.longest,) and y.dtype == torch.int64
        if not fine:
            got = f"shape {tuple(y.shape)} and type {y.dtype}" if hasattr(y, "dtype") else "another kind"
            raise DataError(
                f"{what}: targets of {got}, expected (N, {self.longest}) and torch.int64; make them with "
                "outputs.encode(raw)"
            )
        start = 0
        for block in blocks(y):
            said = block != IGNORED
            if bool((said & ((block < 0) | (block >= len(self.names)))).any() | (said[:, 1:] & ~said[:, :-1]).any()):
                raise DataError(
                    f"{what}: targets are indices of {len(self.names)} symbols, then {IGNORED} up to the end; make them "
                    "with outputs.encode(raw)"
                )
            doubled = ((block[:, 1:] == block[:, :-1]) & said[:, 1:]).sum(1)
            needed = said.sum(1) + doubled
            if bool((needed > self.length).any()):
                row = int((needed > self.length).nonzero()[0])
                raise DataError(
                    f"{what}, row {start + row}: its {int(said[row].sum())} symbols need {int(needed[row])} places, one "
                    f"each and a blank between equal ones, and the network gives {self.length}; give it more places (less "
                    "stride), or drop the row"
                )
            start += len(block)

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        """Raise DataError if no training string has a symbol, or another split has one that never occurs in training."""
        seen = self._symbols(train)
        if not seen:
            raise DataError(f"{name}: every training string is empty; give strings with symbols")
        for split, y in others.items():
            unseen = sorted(self._symbols(y) - seen)
            if unseen:
                raise DataError(
                    f"{name}: {split} has symbols that never occur in training: "
                    f"{', '.join(repr(self.names[i]) for i in unseen[:10])}; drop these examples, or split otherwise"
                )

    def _symbols(self, y: Any) -> set[int]:
        return {int(i) for block in blocks(y) for i in block.unique()} - {IGNORED}

    def varied(self, y: Any, count: int) -> Tensor:
        return torch.arange(min(count, len(y)))

    def chance(self, train: Any, y: Any) -> dict[str, Any]:
        """What is scored by always saying the string that training has most often."""
        most, count = Counter(s for block in blocks(train) for s in _strings(block)).most_common(1)[0]
        hits = [string == most for block in blocks(y) for string in _strings(block)]
        n, hit = len(hits), sum(hits)
        rate = (hit + 0.5) / (n + 1)
        return {"score": self.objective, "direction": self.direction, "value": hit / n,
                "error": math.sqrt(rate * (1 - rate) / n), "answer": self.text(most), "share": count / len(train)}  # fmt: skip

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        most = Counter(s for block in blocks(train) for s in _strings(block)).most_common(1)[0][0]
        right = torch.tensor([s == most for block in blocks(y) for s in _strings(block)]).double()
        return torch.stack((right, torch.ones_like(right)), 1)

    # --- what a report shows ------------------------------------------------------------------------------------------

    def text(self, string: Sequence[int]) -> str:
        """A string as it is read; symbols of several letters are set apart."""
        apart = "" if all(len(name) == 1 for name in self.names) else " "
        return apart.join(self.names[i] for i in string)

    def each(self, raw: Tensor, y: Tensor) -> Tensor:
        """1 or 0 for each string, right or wrong."""
        return self._right(raw, y)[:, 0]

    def picture(self, raw: Any, y: Any) -> dict[str, Any]:
        return {}

    def worst(self, raw: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """The wrong ones that are surest first, and how many are wrong at all."""
        sure = raw.log_softmax(2).amax(2).sum(1)
        wrong = (self.each(raw, y) == 0).nonzero().flatten()
        return wrong[sure[wrong].argsort(descending=True, stable=True)], len(wrong)

    def said(self, raw: Tensor, y: Tensor, place: int) -> dict[str, Any]:
        """One answer as plain data: {"true", "answer"}."""
        true, answer = _strings(y[place][None])[0], self.decoded(raw[place][None])[0]
        return {"true": self.text(true), "answer": self.text(answer)}


class _Meter:
    """Accuracy of whole strings, error, loss, and symbol_error: edits that lead from answers to targets, for each symbol."""

    TOLD = ("accuracy", "error", "loss", "symbol_error")

    def __init__(self, outputs: Strings, also: Iterable[str] = ()) -> None:
        self.outputs = outputs
        self.count = self.right = self.edits = self.symbols = 0
        self.total = 0.0
        metrics = [outputs.metric(name) for name in dict.fromkeys(also) if name not in self.TOLD]
        self.also = Gathered(one for one in metrics if one is not None)

    def update(self, pred: Tensor, y: Tensor) -> None:
        for answer, true in zip(self.outputs.decoded(pred), _strings(y), strict=True):
            self.right += answer == true
            self.edits += edit_distance(answer, true)
            self.symbols += len(true)
        self.count += len(y)
        self.total += float(self.outputs.loss(pred, y)) * len(y)
        self.also.update(pred, y)

    def compute(self) -> dict[str, float]:
        if not self.count:
            raise ValueError("no answer was scored: call update(pred, y) first")
        accuracy = self.right / self.count
        scores = {"accuracy": accuracy, "error": 1 - accuracy, "loss": self.total / self.count,
                  "symbol_error": self.edits / max(1, self.symbols)}  # fmt: skip
        return {**scores, **self.also.compute()}


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The fewest symbols to put in, take out and exchange that make one of the other (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


def _strings(y: Tensor) -> list[tuple[int, ...]]:
    """Rows of indices without what fills them up."""
    return [tuple(i for i in row if i != IGNORED) for row in y.tolist()]


def fit_strings(raw: Iterable[Iterable[Any]], length: int) -> Strings:
    """The symbols that occur, in order, for an output of `length` places."""
    strings = [[text_of(symbol) or "" for symbol in string] for string in raw]
    return Strings(tuple(sorted({s for string in strings for s in string})), length, max(map(len, strings), default=0))
