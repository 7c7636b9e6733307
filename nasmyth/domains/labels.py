"""What is to be predicted: classes or values, inferred from the labels; labels that nothing can learn from are refused.

Strings, booleans and categories are classes. Numbers with a fraction are values. Whole numbers are classes where few of
them differ (up to FEW in a table; for pictures, up to half as many as there are pictures), else values.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from nasmyth.domains.sources.raw import Options, Part, Raw, several, shortened
from nasmyth.errors import DataError

FEW = 20
"""Different whole numbers in a table's target up to which they are taken for classes."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Data whose labels are ready: y of each part is int64 N (places in `names`) or float32 N, k (original units)."""

    raw: Raw
    kind: str
    names: tuple[str, ...]
    """Classes in order, or the names of the k values."""
    type: str = "text"
    """Of classes: what the labels were; see `Classes.type`."""


def settle(raw: Raw, options: Options, *, pictures: bool) -> Settled:
    """Decide the kind of task and make the labels ready.

    Raises DataError on labels that are missing or infinite and on classes too small to split (on_bad="skip" leaves
    those examples out and says so), on a single class or value, and on labels outside training that never occur in it.
    """
    for name, part in raw.parts.items():
        raw = _with(raw, name, Part(part.x, _plain(raw, name, part)))
    raw = _without_one_hot(raw)
    raw = _without_missing(raw, options)
    raw = _with_numbers(_without_multilabel(raw, options), options)
    kind = options.kind
    if kind is None:
        kind, why = inferred_kind(raw.train.y, pictures=pictures)
        if _is_named(raw):
            kind, why = "classification", "named classes"
        raw = raw.replace(note=f"target {several(raw.targets)}: {why}")
    return _values(raw) if kind == "regression" else _classes(raw, options)


def _is_named(raw: Raw) -> bool:
    """Whether the source has a name for every training label, by its number or as text."""
    y = raw.train.y
    if not raw.classes or y.ndim != 1:
        return False
    if y.dtype.kind in "iu":
        return bool(y.min() >= 0 and y.max() < len(raw.classes))
    return y.dtype.kind in "OU" and set(y.tolist()) <= set(raw.classes)


def inferred_kind(y: np.ndarray, *, pictures: bool) -> tuple[str, str]:
    """ "classification" or "regression", and the reason in words."""
    if y.ndim == 2:
        return "regression", f"{y.shape[1]} columns of numbers, so a regression"
    if y.dtype.kind not in "iuf":
        return "classification", f"{len(set(y.tolist())):,} classes"
    if y.dtype.kind == "f" and (y != np.round(y)).any():
        return "regression", "numbers with a fraction, so a regression"
    distinct = len(np.unique(y))
    few = max(2, len(y) // 2 if pictures else min(FEW, len(y) // 5))
    if distinct <= few:
        return (
            "classification",
            f"{distinct:,} different whole numbers, taken as classes (kind='regression' for values)",
        )
    return "regression", f"{distinct:,} different whole numbers, taken as values (kind='classification' for classes)"


def _plain(raw: Raw, name: str, part: Part) -> np.ndarray:
    """Labels of N, or N, k numbers, in a type that can be worked with."""
    y = np.asarray(part.y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind not in "biufOUST" or y.ndim not in (1, 2) or (y.ndim == 2 and y.dtype.kind not in "biuf"):
        raise DataError(
            f"{raw.name}: y of the {name} part has type {y.dtype} and shape {y.shape}; expected one label or one number"
            " an example, or k numbers"
        )
    if y.dtype.kind == "S":
        return np.array([label.decode("utf-8", "backslashreplace") for label in y.tolist()])
    return _of_one_type(raw, name, y) if y.dtype.kind == "O" else y


def _of_one_type(raw: Raw, name: str, y: np.ndarray) -> np.ndarray:
    """Objects as numbers or truth values where all of them are; None stays only among texts."""
    from nasmyth.forms.outputs import label_type
    from nasmyth.forms.raw import text_of

    several_each = next((label for label in y if isinstance(label, list | tuple | set | dict | np.ndarray)), None)
    if several_each is not None:
        raise DataError(
            f"{raw.name}: labels of the {name} part are collections, such as {repr(several_each)[:60]}: this looks "
            f"like several"
            " labels an example, which networks here do not answer with; give one label each, or k numbers"
        )
    y = np.array([float(label) if isinstance(label, Decimal) else label for label in y], dtype=object)
    missing = np.array([text_of(label) is None for label in y], dtype=bool)
    kind = label_type(y)
    try:
        if kind in ("int", "bool") and not missing.any():
            return y.astype({"int": np.int64, "bool": bool}[kind])
        if kind in ("int", "float"):
            return np.where(missing, np.nan, y).astype(np.float64)
    except OverflowError:
        raise DataError(f"{raw.name}: y of the {name} part has numbers beyond 64 bits; give smaller ones") from None
    return y


def _without_one_hot(raw: Raw) -> Raw:
    """Rows of zeros with a single one, in every part, become class numbers."""
    ys = [part.y for part in raw.parts.values()]
    if not all(y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all() for y in ys):
        return raw
    for name, part in raw.parts.items():
        raw = _with(raw, name, Part(part.x, part.y.argmax(axis=1)))
    return raw.replace(note=f"y is one-hot: it was taken as {ys[0].shape[1]} classes")


def _without_multilabel(raw: Raw, options: Options) -> Raw:
    """Refuses rows of zeros and ones, unless they are to be values."""
    y = raw.train.y
    if options.kind == "regression" or y.ndim != 2 or not np.isin(y, (0, 1)).all() or len(np.unique(y)) < 2:
        return raw
    raise DataError(
        f"{raw.name}: y of {y.shape[1]} columns of zeros and ones looks like several labels an example (multi-label), which"
        f" networks here do not answer with; learn one of them at a time (y[:, 0], or one target column), or write"
        " kind='regression' to learn them as numbers"
    )


def _with_numbers(raw: Raw, options: Options) -> Raw:
    """Texts that write numbers in a way of their own, such as 12.3% or $1,234, as numbers."""
    from nasmyth.forms.numerals import notation_of

    y = raw.train.y
    if options.kind == "classification" or y.ndim != 1 or y.dtype.kind not in "OU" or raw.classes:
        return raw
    texts = set(map(str, y.tolist()))
    notation = notation_of(texts)
    if not notation or (options.kind is None and len(texts) <= min(FEW, max(2, len(y) // 5))):
        return raw
    from nasmyth.forms.raw import numbers_of

    target = raw.targets[0]
    for name, part in raw.parts.items():
        raw = _with(raw, name, Part(part.x, numbers_of(target, part.y.astype(object), notation)))
    some = next(text for text in y.tolist() if text is not None)
    return raw.replace(note=f"target {target}: texts read as numbers ({some} is {raw.train.y[0]:.6g})")


def _without_missing(raw: Raw, options: Options) -> Raw:
    for name, part in raw.parts.items():
        bad = _missing(part.y)
        count = int(bad.sum())
        if not count:
            continue
        which = (
            f"{count:,} of {len(part):,} labels ({several(raw.targets)}) of the {name} part are missing, NaN or"
            " infinite"
        )
        if count == len(part):
            raise DataError(f"{raw.name}: {which}; give labels for them")
        if options.on_bad != "skip":
            rows = several(np.flatnonzero(bad).tolist(), 3)
            raise DataError(
                f"{raw.name}: {which} (rows {rows}, counted from 0); correct them, or leave those examples out with "
                "on_bad='skip' (--on-bad skip)"
            )
        raw = _with(raw, name, part.take(~bad)).replace(note=f"{which}: those examples were left out")
    return raw


def _missing(y: np.ndarray) -> np.ndarray:
    """A mask of N: labels that are None, NaN or infinite."""
    from nasmyth.forms.raw import text_of

    if y.dtype.kind == "f":
        bad = ~np.isfinite(y)
        return bad.any(axis=1) if y.ndim == 2 else bad
    if y.dtype.kind == "O":
        return np.array([text_of(label) is None for label in y], dtype=bool)
    return np.zeros(len(y), dtype=bool)


def _values(raw: Raw) -> Settled:
    for name, part in raw.parts.items():
        try:
            y = part.y.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{raw.name}: the target is not numbers ({error}); write kind='classification'") from None
        with np.errstate(over="ignore"):
            y32 = y.reshape(len(y), -1).astype(np.float32)
        if not np.isfinite(y32).all():
            raise DataError(
                f"{raw.name}: the target reaches {np.abs(y).max():.3g}, beyond single precision; give it in a larger"
                " unit"
            )
        raw = _with(raw, name, Part(part.x, y32))
    width = raw.train.y.shape[1]
    names = raw.targets if len(raw.targets) == width else tuple(f"{raw.targets[0]}{i}" for i in range(width))
    constant = [name for name, spread in zip(names, np.ptp(raw.train.y, axis=0), strict=True) if spread == 0]
    if constant:
        raise DataError(
            f"{raw.name}: the target {constant[0]!r} is {raw.train.y[0, names.index(constant[0])]:g} in every training "
            "example; there is nothing to learn"
        )
    return Settled(raw, "regression", names)


def _classes(raw: Raw, options: Options) -> Settled:
    if raw.train.y.ndim == 2:
        raise DataError(
            f"{raw.name}: {raw.train.y.shape[1]} numbers an example cannot be classes; write kind='regression'"
        )
    kind = _type(raw)
    raw = _without_tiny(_as_text(raw), options)
    present = set(raw.train.y.tolist())
    names = tuple(name for name in raw.classes if name in present) if present <= set(raw.classes) else _ordered(present)
    if len(names) < 2:
        raise DataError(
            f"{raw.name}: every training example is of one class, {shortened(repr(names[0]))}; add examples of "
            f"another, or name"
            " another target"
        )
    number = {name: i for i, name in enumerate(names)}
    for part_name, part in raw.parts.items():
        unseen = _ordered(set(part.y.tolist()) - present)
        if unseen:
            raise DataError(
                f"{raw.name}: the {part_name} part has labels that never occur in training:"
                f" {several(map(repr, unseen))} (training has {several(map(repr, names))}); add training examples of"
                " them, or remove them"
            )
        kinds, inverse = np.unique(part.y, return_inverse=True)
        codes = np.array([number[kind] for kind in kinds.tolist()], dtype=np.int64)[inverse]
        raw = _with(raw, part_name, Part(part.x, codes))
    return Settled(_say_unlabelled(raw, names, kind), "classification", names, kind)


def _type(raw: Raw) -> str:
    """What the labels are, unless the source has names for them."""
    from nasmyth.forms.outputs import label_type

    return "text" if _is_named(raw) else label_type(raw.train.y)


def _say_unlabelled(raw: Raw, names: tuple[str, ...], kind: str) -> Raw:
    """A note where -1 stands before 0, 1, ...: it often says that there is no label."""
    if kind != "int" or len(names) < 3 or names != tuple(map(str, range(-1, len(names) - 1))):
        return raw
    return raw.replace(
        note="label -1 was taken for a class like the others; where it means that there is no label, leave those rows out"
    )


def _as_text(raw: Raw) -> Raw:
    """Every label as its name; the numbers 0, 1, ... take the names of the source where it has them."""
    from nasmyth.forms.raw import text_of

    for name, part in raw.parts.items():
        kinds, inverse = np.unique(_sortable(part.y), return_inverse=True)
        if raw.classes and kinds.dtype.kind in "iu" and 0 <= kinds.min() and kinds.max() < len(raw.classes):
            texts = [raw.classes[kind] for kind in kinds.tolist()]
        else:
            texts = [str(text_of(kind)) for kind in kinds.tolist()]
        raw = _with(raw, name, Part(part.x, np.array(texts, dtype=object)[inverse]))
    return raw


def _sortable(y: np.ndarray) -> np.ndarray:
    from nasmyth.forms.raw import text_of

    if y.dtype.kind in "biufU":
        return y
    return np.array([str(text_of(label)) for label in y.tolist()], dtype=object)  # as objects they keep every character


def _without_tiny(raw: Raw, options: Options) -> Raw:
    """Every class needs an example in each part that is still to be split off training, and one to train on."""
    need = 1 + (raw.valid is None) + (raw.test is None)
    kinds, counts = np.unique(raw.train.y, return_counts=True)
    tiny = kinds[counts < need].tolist()
    if not tiny:
        return raw
    which = f"{len(tiny):,} of {len(kinds):,} classes have fewer than {need} examples: {several(map(repr, tiny))}"
    if len(kinds) - len(tiny) < 2:
        raise DataError(
            f"{raw.name}: {which}, so they cannot be split into training, validation and test; is this the target?"
        )
    if options.on_bad != "skip":
        raise DataError(
            f"{raw.name}: {which}, so they cannot be split into training, validation and test; add examples, merge"
            " classes, or leave these out with on_bad='skip' (--on-bad skip)"
        )
    for name, part in raw.parts.items():
        raw = _with(raw, name, part.take(~np.isin(part.y, tiny)))
    return raw.replace(note=f"{which}: their examples were left out")


def _ordered(names: set[str]) -> tuple[str, ...]:
    """By number where all are numbers, else by name."""
    try:
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(names))


def _with(raw: Raw, name: str, part: Part) -> Raw:
    if not len(part):
        raise DataError(f"{raw.name}: the {name} part has no examples left; add some")
    return raw.replace(**{name: part})
