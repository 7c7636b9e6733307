"""Published benchmark tables, searched through the same studies and strategies as real training."""

from nasmyth.bench.fair import Ablation, Audit, Improvement, ablation, audit, compared, draw, improvement, trainings
from nasmyth.bench.protocol import Anytime, anytime, at_budgets, expected_random
from nasmyth.bench.table import Table

__all__ = ["Ablation", "Anytime", "Audit", "Improvement", "Table", "ablation", "anytime", "at_budgets", "audit", "compared",
           "draw", "expected_random", "improvement", "trainings"]  # fmt: skip
