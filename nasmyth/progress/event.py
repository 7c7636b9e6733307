"""One moment of long work, and how it is said in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from nasmyth.progress.watch import Step
from nasmyth.units import Spend

PHASES = {
    "starting": "starting",
    "reading": "reading the data",
    "sizing": "looking for a plain network within the budget",
    "timing": "timing the plain network",
    "baseline": "training the plain network",
    "explore": "trying something new",
    "long": "training the best longer",
    "final": "training the best in full",
    "judge": "final check on the test split",
    "searching": "trying candidates",
    "scoring": "scoring candidates",
    "done": "done",
    "interrupted": "interrupted",
}
"""What each phase is called where people read it."""


@dataclass(frozen=True)
class Progress:
    """What is going on: for a line that is rewritten."""

    phase: str
    trials: int = 0
    """Candidates so far."""
    best: str = ""
    """The best figure so far, such as "0.9611 accuracy"."""
    spent: float = 0.0
    """Seconds."""
    spend: Spend = field(default_factory=Spend)
    step: Step | None = None
    """Where the training is that goes on now, if one does."""

    @property
    def words(self) -> str:
        """The phase in words."""
        return PHASES.get(self.phase, self.phase)

    def share(self, since: float = 0.0) -> float | None:
        """The share of `spend` that is used, `since` seconds after this was told; None where nobody knows.

        That is before anything is planned, and, where trials alone are counted, once all were made.
        """
        if self.phase in ("starting", "reading") or (self.spend.seconds is None and self.phase in ("final", "judge")):
            return None
        used = [(self.spent + since) / self.spend.seconds] if self.spend.seconds else []
        used += [self.trials / self.spend.trials] if self.spend.trials else []
        return min(1.0, max(used)) if used else None

    def details(self, since: float = 0.0) -> list[str]:
        """Epoch, loss, best, candidates and time left, as far as they are known."""
        parts = []
        if self.step is not None:
            planned = f" of {_short(self.step.epochs)}" if math.isfinite(self.step.epochs) else ""
            parts += [f"epoch {_short(self.step.epoch)}{planned}", f"loss {self.step.loss:.3g}"]
        parts += [f"best so far {self.best}"] if self.best else []
        if self.trials or self.spend.trials:
            of = f" of {self.spend.trials}" if self.spend.trials else ""
            parts.append(f"{self.trials}{of} candidate{'s' * ((self.spend.trials or self.trials) != 1)}")
        if self.spend.seconds is not None:
            left = max(0.0, self.spend.seconds - self.spent - since)
            parts.append(f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left")
        return parts

    def line(self) -> str:
        """All in one line."""
        return " · ".join([self.words, *self.details()])


def _short(epochs: float) -> str:
    return f"{epochs:.1f}".removesuffix(".0")
