"""Tables in files of several forms, and what is refused."""

import json
import math
import pickle

import pytest
from bench_toys import NOTATION, TEXTS, columns

from nasmyth.bench import Table
from nasmyth.bench.files import read
from nasmyth.errors import DataError, GenomeError
from nasmyth.spaces import nb201, spaces
from nasmyth.spaces.nb201 import genome, text

pd = pytest.importorskip("pandas")


def suite(path, **parts):
    path.write_text(json.dumps(parts))
    return path


FIGURES = {
    "(4, 0, 3, 1, 4, 3)": {"id": 7, "val_accuracy": 81.5, "synflow": {"score": 12.0, "time": 0.5}, "flops": {"score": 3}},
    "(0, 0, 0, 0, 0, 0)": {"id": 8, "val_accuracy": 70.0, "synflow": {"score": None, "time": 0.25}},
}  # fmt: skip


def test_json_of_the_suite(tmp_path):
    path = suite(tmp_path / "zc.json", **{"cifar10": FIGURES, "ImageNet16-120": {}})
    texts, columns = read(path, spaces.get("nb201").notation, dataset="cifar10")
    assert (
        texts == list(FIGURES) and columns["val_accuracy"] == [81.5, 70.0] and columns["synflow_seconds"] == [0.5, 0.25]
    )
    assert columns["synflow"][0] == 12.0 and math.isnan(columns["synflow"][1]) and math.isnan(columns["flops"][1])
    table = Table.read("nb201", path, dataset="cifar10", partial=True)
    cell = genome("|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|")
    assert table.row(cell)["val_accuracy"] == 81.5 and "(cifar10)" in table.name
    with pytest.raises(DataError, match=r"holds cifar10, ImageNet16-120: choose one by --dataset"):
        Table.read("nb201", path)
    with pytest.raises(DataError, match=r"no data set 'cifar100'.*cifar10"):
        Table.read("nb201", path, dataset="cifar100")


def test_numbers_and_words_are_one_notation():
    space = nb201()
    seen = set()
    for seed in range(50):
        cell = space.sample(seed)
        order = {"skip_connect": 0, "none": 1, "nor_conv_3x3": 2, "nor_conv_1x1": 3, "avg_pool_3x3": 4}
        words = dict(zip(("0->1", "0->2", "1->2", "0->3", "1->3", "2->3"), _operations(text(cell)), strict=True))
        numbers = tuple(order[words[edge]] for edge in sorted(words))
        assert genome(str(numbers)) == cell
        seen.add(numbers)
    assert len(seen) > 40
    with pytest.raises(GenomeError, match="has 2 numbers"):
        genome("(1, 2)")
    with pytest.raises(GenomeError, match="number 3 is '5'"):
        genome("(1, 2, 0, 5, 1, 1)")


def _operations(written):
    return [token.split("~")[0] for state in written.split("+") for token in state.strip("|").split("|")]


def test_another_column_may_name_the_networks(tmp_path):
    path = tmp_path / "mine.csv"
    pd.DataFrame({"which": TEXTS, **columns(TEXTS)}).to_csv(path, index=False)
    texts, found = read(path, NOTATION, networks="which")
    assert texts == list(TEXTS) and set(found) == set(columns(TEXTS))
    with pytest.raises(DataError, match=r"no column 'arch_str'.*--networks"):
        read(path, NOTATION)


def test_a_table_that_is_not_there_says_where_it_is_published(tmp_path):
    with pytest.raises(
        DataError, match=r"there is no such file; it is published at https://github.com/D-X-Y/NATS-Bench"
    ):
        Table.read("nb201", tmp_path / "none.parquet")


def test_pickles_and_broken_files_are_refused(tmp_path):
    marker, trap = tmp_path / "ran", tmp_path / "table.pkl"

    class Trap:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    trap.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="pickles are not read"):
        read(trap, NOTATION)
    assert not marker.exists()
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="expected"):
        read(tmp_path / "a.json", NOTATION)
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read(tmp_path / "b.json", NOTATION)
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read as a table"):
        read(tmp_path / "c.parquet", NOTATION)
