"""What answers are scored by: the names, the units, and which way is better. To know them takes no torch.

    accuracy, f1, rmse ...        of all answers that count
    recall:malignant              of one class, by the label that it has in the data
    quantile_loss:0.9             of a quantile

How each is computed is in `class_metrics.py` and `value_metrics.py`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from nasmyth.errors import UnitError

CLASSES, VALUES = "classification", "regression"
LABEL, QUANTILE = "LABEL", "0.9"
"""What stands behind the colon, as it is shown: the label of a class, or a share."""


class Score(NamedTuple):
    """A score. `of`: what may stand behind its name and a colon. `alone`: whether nothing may."""

    about: str
    kinds: tuple[str, ...] = (CLASSES,)
    direction: Literal["min", "max"] = "max"
    unit: str = "1"
    of: str = ""
    alone: bool = True
    cure: str = ""
    """What to write for one that does not stand alone."""


def _of_values(about: str, direction: Literal["min", "max"] = "min", unit: str = "raw", **more: str) -> Score:
    return Score(about, (VALUES,), direction, unit, **more, alone=not more)


SCORES: dict[str, Score] = {
    "accuracy": Score("The share of examples whose most probable class is the right one."),
    "balanced_accuracy": Score("The mean over classes of the share of their examples that is found."),
    "f1": Score("The harmonic mean of precision and recall, the mean over classes.", of=LABEL),
    "f1_micro": Score("F1 of the counts of all classes together, which of one label an example is the accuracy."),
    "auroc": Score("The area under the ROC curve of each class against the others, the mean over classes.", of=LABEL),
    "average_precision": Score("The area under precision by recall (no interpolation), the mean over classes.", of=LABEL),
    "log_loss": Score("Mean cross-entropy of the probabilities in nats, without smoothing.", direction="min"),
    "ece": Score("Expected calibration error: how far confidence and accuracy are apart, in 15 bins.", direction="min"),
    "brier": Score("Mean squared error of the probabilities, summed over classes: 0 to 2.", direction="min"),
    "recall": Score(
        "The share of the examples of a class that is found.", of=LABEL, alone=False,
        cure="'balanced_accuracy' is its mean over classes",
    ),
    "precision": Score(
        "The share of the answers with a class that is right; 0 where it is never answered.", of=LABEL, alone=False,
        cure="'f1' is told of all classes alike",
    ),
    "rmse": _of_values("Root of the mean squared error, in the target's own unit."),
    "mae": _of_values("Mean absolute error, in the target's own unit."),
    "median_error": _of_values("The median of the absolute errors, in the target's own unit."),
    "quantile_loss": _of_values("Mean pinball loss of answers taken for a quantile, in the target's own unit.", of=QUANTILE),
    "r2": _of_values("The share of the target's variance that is explained: 1 is perfect, 0 is the mean.", "max", "1"),
    "loss": Score("Mean cross-entropy in nats, or mean squared error of standardised targets.", (CLASSES, VALUES), "min"),
}  # fmt: skip


def parted(name: str) -> tuple[str, str]:
    """A score's name and what stands behind its colon: ("recall", "malignant"), ("f1", "")."""
    family, _, of = name.partition(":")
    return family, of


def quantile(given: str | float) -> float:
    """A quantile, as it stands behind the colon. Raises UnitError unless it is a number between 0 and 1."""
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 < found < 1:
        raise UnitError(f"quantile_loss:{given}: a quantile is a number between 0 and 1, such as quantile_loss:0.9")
    return found


def goals(kind: str, label: str = LABEL) -> str:
    """What a task of this kind can be judged by, in words."""
    mine = {name: score for name, score in SCORES.items() if kind in score.kinds}
    whole = [
        name if score.of != QUANTILE else f"{name}:{QUANTILE}"
        for name, score in mine.items()
        if score.alone or score.of == QUANTILE
    ]
    tied = [name for name, score in mine.items() if score.of == LABEL]
    told = f"; of one class {_listed(tied)}, such as recall:{label}" if tied else ""
    return f"{_listed(whole)}{told}"


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
