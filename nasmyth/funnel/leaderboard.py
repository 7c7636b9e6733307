"""Who is best, of the trials of a study that are within the budget as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass

from nasmyth.measure import Constraint
from nasmyth.study import Study, Trial
from nasmyth.study.log import rank_key

BASELINE = "baseline"
"""The origin of the plain network."""


@dataclass(frozen=True)
class Leaderboard:
    """A view of the study: nothing is kept here."""

    study: Study
    goal: str
    limits: tuple[Constraint, ...]

    def fits(self, trial: Trial) -> bool:
        """Whether no constraint is known to be missed."""
        known = [limit for limit in self.limits if limit.measure.name in trial.measures]
        return trial.error is None and all(limit.satisfied(trial.measures[limit.measure.name]) for limit in known)

    def at(self, stage: str) -> list[Trial]:
        """What has a result at this stage, and fits as far as is known there."""
        return [t for t in self.study.trials if t.finished and t.stage.name == stage and self.fits(t)]

    @property
    def baseline(self) -> Trial | None:
        """The plain network, as far as it was trained; None if there is none or it failed."""
        return max(
            (t for t in self.study.trials if t.origin == BASELINE and t.finished),
            key=lambda t: (t.stage.share, t.number),
            default=None,
        )

    @property
    def leader(self) -> Trial | None:
        """The best whose weights were kept, the baseline included; a full training counts before a shorter one."""
        kept = [t for t in self.study.trials if "weights" in t.artefacts and t.feasible and self.fits(t)]
        return max([trial for trial in kept if trial.full] or kept, key=rank_key, default=None)
