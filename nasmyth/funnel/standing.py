"""Who is best, of the trials of a study that are within the budget as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, nan

from nasmyth.measure import Constraint, find
from nasmyth.study import Study, Trial


@dataclass(frozen=True)
class Standing:
    """A view of the study: nothing is kept here."""

    study: Study
    goal: str
    limits: tuple[Constraint, ...]

    def ranked(self, trials: Iterable[Trial]) -> list[Trial]:
        """Best first."""
        return sorted(trials, key=self.merit, reverse=True)

    def merit(self, trial: Trial) -> tuple[float, float]:
        """The goal, more being better; then the loss in validation, which tells apart what a small split cannot."""
        value = trial.measures.get(self.goal, nan)
        value = value if find(self.goal).direction == "max" else -value
        return (value if value == value else -inf, -trial.measures.get("loss", inf))

    def fits(self, trial: Trial) -> bool:
        """Whether no constraint is known to be missed."""
        known = [limit for limit in self.limits if limit.measure.name in trial.measures]
        return trial.error is None and all(limit.satisfied(trial.measures[limit.measure.name]) for limit in known)

    @property
    def candidates(self) -> list[Trial]:
        """What the search proposed, has figures and fits."""
        return [t for t in self.study.trials if t.finished and t.origin != "baseline" and self.fits(t)]

    @property
    def finals(self) -> list[Trial]:
        """Candidates that were trained in full."""
        return [trial for trial in self.candidates if "final" in trial.stages]

    @property
    def baseline(self) -> Trial | None:
        """The plain network; None if there is none or it failed."""
        return next((t for t in self.study.trials if t.origin == "baseline" and t.error is None), None)

    @property
    def leader(self) -> Trial | None:
        """The best whose weights were kept, the baseline included; a full training counts before a shorter one."""
        kept = [trial for trial in self.study.trials if "weights" in trial.artefacts and self.fits(trial)]
        full = [trial for trial in kept if "final" in trial.stages]
        return max(full or kept, key=self.merit, default=None)
