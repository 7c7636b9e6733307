"""What a reader hands over: examples and labels as they came, before anything is decided about them.

A reader turns one kind of source (a file, a folder, a Dataset) into a `Raw`; a domain turns a `Raw` into a task.
`Options` is what the user asked for, and travels with both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasmyth.errors import DataError
from nasmyth.registry import Registry, instance

KINDS = ("classification", "regression")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders, columns and keys call the parts of a data set."""


@dataclass(frozen=True)
class Options:
    """What the user asked `read` for. See `nasmyth.domains.read` for the meaning of each."""

    target: str | tuple[str, ...] | None = None
    kind: str | None = None
    seed: int = 0
    size: int | tuple[int, int] | None = None
    on_bad: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *KINDS):
            raise DataError(
                f"kind={self.kind!r} is not a kind of task; write kind='classification' or kind='regression'"
            )
        if self.on_bad not in (None, "skip", "refuse"):
            raise DataError(f"on_bad={self.on_bad!r} is not understood; write on_bad='skip' or on_bad='refuse'")
        if self.limit is not None and self.limit < 1:
            raise DataError(f"limit={self.limit!r} leaves nothing to learn from; write limit=1000, or leave it out")
        if not isinstance(self.target, str | None):
            object.__setattr__(self, "target", tuple(self.target))
        if self.size is not None and min(self.height_width or (0,)) < 1:
            raise DataError(f"size={self.size!r} is not an image size in pixels; write size=64, or size=(48, 64)")

    @property
    def height_width(self) -> tuple[int, int] | None:
        """The image size asked for, height first, or None."""
        if self.size is None:
            return None
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        return int(height), int(width)


@dataclass(frozen=True, eq=False)
class Part:
    """Examples that belong together. x: array, N first, or DataFrame of N rows; y: array, N labels or N, k values."""

    x: Any
    y: Any

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: np.ndarray) -> Part:
        """The examples of these row numbers, or where this mask is true."""
        return Part(self.x.iloc[rows] if hasattr(self.x, "iloc") else self.x[rows], self.y[rows])


@dataclass(frozen=True, eq=False)
class Raw:
    """One data set as it came. `valid` and `test` are there only where the source itself sets them apart."""

    name: str
    train: Part
    valid: Part | None = None
    test: Part | None = None
    classes: tuple[str, ...] = ()
    """Names of the labels 0, 1, ..., where the source has them."""
    targets: tuple[str, ...] = ("y",)
    """Names of the target columns."""
    notes: tuple[str, ...] = ()
    """What was decided while reading, one sentence each."""

    @classmethod
    def of(cls, name: str, parts: dict[str, Part], **rest: Any) -> Raw:
        """A data set from its parts by name, "train" among them."""
        return cls(name, parts["train"], parts.get("valid"), parts.get("test"), **rest)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that are there, by name, training first."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def replace(self, **changes: Any) -> Raw:
        """A copy with other fields; `note` adds one sentence or several."""
        extra = changes.pop("note", ())
        notes = (*changes.pop("notes", self.notes), *((extra,) if isinstance(extra, str) else extra))
        return dataclasses.replace(self, **changes, notes=notes)


@dataclass(frozen=True)
class Reader:
    """A way in: `accepts` says whether it knows such a source (no two may claim the same), `read` loads it."""

    about: str
    accepts: Callable[[Any], bool]
    read: Callable[[Any, Options], Raw]


readers: Registry[Reader] = Registry("readers", instance(Reader, "a Reader"))


def limited(raw: Raw, options: Options) -> Raw:
    """At most `options.limit` training examples, a seeded sample in their first order; official parts stay whole."""
    rows, total = sampled(len(raw.train), options), len(raw.train)
    if len(rows) == total:
        return raw
    return raw.replace(train=raw.train.take(rows), note=f"limit: {len(rows):,} of {total:,} examples were taken")


def sampled(count: int, options: Options) -> np.ndarray:
    """Which of `count` examples to take under the limit: all, or a seeded sample, ascending."""
    if options.limit is None or count <= options.limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(options.seed).choice(count, options.limit, replace=False))


def several(items: Iterable[object], most: int = 5) -> str:
    """ "a, b, c and 12 more": a list in a sentence."""
    shown = [str(item) for item in items]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest:,} more" if rest > 0 else "")
