"""Who is best, of the trials of a study that are within the budget as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, nan

from nasmyth.measure import Constraint, find
from nasmyth.study import Study, Trial

BASELINE = "baseline"
"""The origin of the plain network."""


@dataclass(frozen=True)
class Leaderboard:
    """A view of the study: nothing is kept here."""

    study: Study
    goal: str
    limits: tuple[Constraint, ...]

    def rank_key(self, trial: Trial) -> tuple[float, float]:
        """The goal, more being better; then the loss in validation, which tells apart what a small split cannot."""
        value = trial.measures.get(self.goal, nan)
        value = value if find(self.goal).direction == "max" else -value
        return (value if value == value else -inf, -trial.measures.get("loss", inf))

    def fits(self, trial: Trial) -> bool:
        """Whether no constraint is known to be missed."""
        known = [limit for limit in self.limits if limit.measure.name in trial.measures]
        return trial.error is None and all(limit.satisfied(trial.measures[limit.measure.name]) for limit in known)

    @property
    def finals(self) -> list[Trial]:
        """What was trained in full, where it fits."""
        return [t for t in self.study.trials if t.finished and t.full and self.fits(t)]

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
        kept = [trial for trial in self.study.trials if "weights" in trial.artefacts and self.fits(trial)]
        return max([trial for trial in kept if trial.full] or kept, key=self.rank_key, default=None)


def note_funnel(study: Study, stages: Iterable[str], finals: int) -> None:
    """Write down how many candidates each stage saw and let pass, and what one cost."""
    tried = study.trials
    reached = {stage: [trial for trial in tried if trial.stage.name == stage] for stage in stages}
    counts = [("proposed", len({(trial.key, str(trial.recipe)) for trial in tried}), 0.0)]
    for stage, there in reached.items():
        if there:
            counts.append((stage, len(there), sum(trial.seconds for trial in there) / len(there)))
    passed = [*(entered for _, entered, _ in counts[1:]), finals]
    for (stage, entered, price), after in zip(counts if tried else (), passed, strict=False):
        study.note("funnel", stage=stage, entered=entered, passed=after, price_s=price)
