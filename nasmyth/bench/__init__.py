"""Published benchmark tables, searched through the same studies and strategies as real training; claims of searches and
training-free scores, held against the truth."""

from nasmyth.bench.audit_scores import audit_on_table, audit_scores
from nasmyth.bench.fair import Ablation, Audit, Improvement, ablation, audit, compared, draw, improvement, trainings
from nasmyth.bench.protocol import Anytime, anytime, at_budgets, expected_random
from nasmyth.bench.score_table import ScoreAudit, ScoreRow
from nasmyth.bench.scoring import oriented
from nasmyth.bench.table import Table
from nasmyth.bench.trust import Trust, trusted

__all__ = ["Ablation", "Anytime", "Audit", "Improvement", "ScoreAudit", "ScoreRow", "Table", "Trust", "ablation", "anytime",
           "at_budgets", "audit", "audit_on_table", "audit_scores", "compared", "draw", "expected_random", "improvement",
           "oriented", "trainings", "trusted"]  # fmt: skip
