"""What a reader hands over: examples and labels as they came, before anything is decided about them.

A reader turns one kind of source (a file, a folder, a Dataset) into a `Raw`; a domain turns a `Raw` into a task.
`Options` is what the user asked for, and travels with both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from nasmyth.errors import DataError
from nasmyth.record import utf8_text
from nasmyth.registry import Registry, instance

KINDS = ("classification", "regression")
LARGEST = 10**6
"""Pixels of a side that may be asked for."""
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
    domain: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and not (isinstance(self.kind, str) and self.kind in KINDS):
            raise DataError(
                f"kind={shortened(repr(self.kind))} is not a kind of task; write kind='classification' or kind='regression'"
            )
        if self.on_bad is not None and not (isinstance(self.on_bad, str) and self.on_bad in ("skip", "refuse")):
            raise DataError(
                f"on_bad={shortened(repr(self.on_bad))} is not understood; write on_bad='skip' or on_bad='refuse'"
            )
        if self.limit is not None and (not _is_whole(self.limit) or self.limit < 1):
            raise DataError(
                f"limit={shortened(repr(self.limit))} is not a number of examples; write limit=1000, or leave it out"
            )
        if not (_is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise DataError(
                f"seed={shortened(repr(self.seed))} is not a seed; write a whole number from 0, such as seed=0"
            )
        if not isinstance(self.target, str | None):
            names = tuple(self.target) if isinstance(self.target, Iterable) else ()
            if not names or not all(isinstance(name, str) for name in names):
                raise DataError(
                    f"target={shortened(repr(self.target))} names no column; write target='price', or "
                    f"target=('price', 'rent')"
                )
            object.__setattr__(self, "target", names)
        sides = self.size if isinstance(self.size, tuple | list) and len(self.size) == 2 else (self.size,)
        if self.size is not None and not all(_is_whole(side) and 1 <= side <= LARGEST for side in sides):
            raise DataError(
                f"size={shortened(repr(self.size))} is not an image size in pixels; write size=64, or size=(48, 64)"
            )

    @property
    def height_width(self) -> tuple[int, int] | None:
        """The image size asked for, height first, or None."""
        if self.size is None:
            return None
        height, width = self.size if isinstance(self.size, tuple | list) else (self.size, self.size)
        return int(height), int(width)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


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


def shortened(text: str, most: int = 120) -> str:
    """A text that fits into a sentence."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def several(items: Iterable[object], most: int = 5) -> str:
    """ "a, b, c and 12 more": a list in a sentence."""
    shown = [shortened(utf8_text(str(item))) for item in items]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest:,} more" if rest > 0 else "")
