"""Published benchmark tables, searched through the same studies and strategies as real training."""

from nasmyth.bench.protocol import Anytime, anytime, at_budgets, expected_random
from nasmyth.bench.table import Table

__all__ = ["Anytime", "Table", "anytime", "at_budgets", "expected_random"]
