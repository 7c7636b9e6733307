from __future__ import annotations

import pytest
from bench_toys import NOTATION, SPACE, TEXTS, columns

from nasmyth.bench import Table


@pytest.fixture
def table() -> Table:
    """All 24 networks of `bench_toys`."""
    return Table("toy", SPACE, NOTATION, TEXTS, columns())
