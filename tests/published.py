"""Published tables: a few of their rows, written down in the test, and the whole file where it is there.

    table = published("nb201_cifar10.parquet", {"arch_str": [...], "params": [...]})

makes a fixture, the path of a file with these columns. What is asked of it is so asked in every checkout.
"""

from itertools import product
from pathlib import Path
from random import Random

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"


def published(name, columns):
    """A fixture: the path of a Parquet file of these columns, and then of the published one."""

    @pytest.fixture(params=["rows", "file"])
    def table(request, tmp_path):
        return path_of(name, columns, tmp_path) if request.param == "rows" else file(name)

    return table


def path_of(name, columns, folder):
    import pandas as pd

    pd.DataFrame(columns).to_parquet(folder / name)
    return folder / name


def file(name):
    """The published file itself; the test is skipped where there is none."""
    if not (DATA / name).exists():
        pytest.skip(f"the published table is not here ({name})")
    return DATA / name


def few(path, n):
    """Up to n rows, the same ones every time."""
    import pandas as pd

    rows = pd.read_parquet(path)
    return rows.sample(min(n, len(rows)), random_state=0).itertuples()


OPERATIONS = {"none": 0.0, "avg_pool_3x3": 0.2, "skip_connect": 0.6, "nor_conv_1x1": 0.7, "nor_conv_3x3": 1.0}
EDGES = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


def whole_nb201(folder):
    """A table of the whole of NAS-Bench-201 with invented accuracies: the more its edges compute the better, and luck."""
    rng = Random(0)
    cells = list(product(OPERATIONS, repeat=6))
    worth = [sum(OPERATIONS[one] for one in cell) / 6 for cell in cells]
    return path_of(
        "nb201_made.parquet",
        {
            "arch_str": [EDGES.format(*cell) for cell in cells],
            "valid_acc_200ep": [85 + 9 * w + rng.gauss(0, 0.3) for w in worth],
            "valid_acc_12ep": [60 + 30 * w + rng.gauss(0, 1.0) for w in worth],
            "test_acc_12ep": [60 + 30 * w + rng.gauss(0, 1.0) for w in worth],
        },
        folder,
    )


@pytest.fixture(params=["made", "file"])
def nb201_table(request, tmp_path):
    """All of NAS-Bench-201: with invented accuracies, and as it was published."""
    return whole_nb201(tmp_path) if request.param == "made" else file("nb201_cifar10.parquet")
