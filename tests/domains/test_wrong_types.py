"""Whatever `read` is given, what is wrong is said in a sentence."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest
import torch

from nasmyth.domains import read, read_inputs
from nasmyth.errors import DataError

X, Y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
RECORDS = np.zeros(60, [("a", "i4"), ("b", "f8")])


def objects(*values: object) -> np.ndarray:
    made = np.empty(60, dtype=object)
    made[:] = [values[i % len(values)] for i in range(60)]
    return made


OPTIONS = [
    {"seed": None}, {"seed": -1}, {"seed": 1.5}, {"seed": "1"}, {"seed": 2**70}, {"seed": True}, {"kind": 3},
    {"kind": X}, {"kind": ""},
    {"size": "64"}, {"size": (1, 2, 3)}, {"size": 1.5}, {"size": 10**400}, {"size": (4, None)}, {"limit": 1.5},
    {"limit": "3"}, {"limit": True},
    {"target": 3}, {"target": ()}, {"target": ("a", 3)}, {"on_bad": []}, {"on_bad": X},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_options_of_another_type(options):
    (name,) = options
    with pytest.raises(DataError, match=f"^{name}="):
        read((X, Y), **options)


SOURCES = [
    None, 123, (X,), (), [], {}, {1, 2}, (X, Y, X), (X, None), (None, Y), ("abc", Y), (3, 4), (X, Y[:-1]),
    (X[:0], Y[:0]), ([], []), b"abc", "",
    object(), int, lambda: 1, (object(), object()), {1: X, 2: Y}, {"x": X}, {"x": None, "y": None},
    ([[1], [1, 2]], [0, 1]), iter(X),
    (X + 0j, Y), (RECORDS, Y), (X, RECORDS), (X, X + 0j), (objects(object()), Y), (X, objects({"a": 1})),
    (X, objects(["a"], ["b"])),
    (np.arange(60).astype("datetime64[D]"), Y), (X, np.arange(60).astype("datetime64[D]")),
    (X, np.arange(60).astype("timedelta64[s]")),
    (X[:1], Y[:1]), (X[:2], Y[:2]), (X, Y * 0), (X * np.nan, Y), (X, Y * np.nan), (X + np.inf, Y), (X, objects(None)),
    (X, objects(10**400, 1)),
    (np.array(3), np.array(1)), (np.zeros((60, 0)), Y), (np.zeros((60, 2, 2, 2, 2)), Y), (np.zeros((60, 4, 4)), Y),
    (np.full((60, 4, 4), 2**63, np.uint64), Y),
    (torch.zeros(60, 3, device="meta"), Y), (torch.zeros(60, 3).to_sparse(), Y), (torch.zeros(60, 3) + 0j, Y),
    pd.Series(Y), pd.DataFrame(),
    pd.DataFrame({"a": [1]}), np.array(["a"]),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_sources_that_are_no_data(source):
    with pytest.raises(DataError) as told:
        read(source)
    assert 20 < len(str(told.value)) < 1500


def test_a_sparse_matrix():
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    with pytest.raises(DataError, match=r"a sparse matrix .csr_matrix.; give x.toarray"):
        read((sparse, Y))


TAKEN = [
    (np.ma.masked_array(X, X > 1), Y), (X.astype(np.float16), Y), (X.astype(np.longdouble), Y), (X.tolist(), Y.tolist()),
    (torch.tensor(X).bfloat16(), torch.tensor(Y)), (torch.tensor(X, requires_grad=True), Y), (X, objects(True, False)),
    (X, objects(3, 4)),
    (X, objects(np.int8(3), 4)), (objects(decimal.Decimal("1.5"), 2, None), Y[::-1] * (np.arange(60) % 3)),
    (X, objects(decimal.Decimal("1.5"), 2.25)),
]  # fmt: skip


@pytest.mark.parametrize("source", TAKEN)
def test_sources_that_are_data(source):
    assert len(read(source).train) > 0


def test_columns_of_odd_types_are_left_out_or_used():
    when = pd.date_range("2020", periods=60, tz="Europe/Berlin")
    odd = {
        "interval": pd.cut(X[:, 0], 4), "sparse": pd.arrays.SparseArray(X[:, 0]), "complex": X[:, 0] + 1j, "when": when,
        "span": pd.to_timedelta(Y, unit="D"), "period": pd.period_range("2020", periods=60, freq="M"),
        "huge": [10**400, 1, 2] * 20,
    }  # fmt: skip
    for name, values in odd.items():
        assert read(pd.DataFrame({"a": X[:, 0], name: values, "y": Y}), "y").kind == "classification"
    with pytest.raises(DataError, match="type complex128"):
        read(pd.DataFrame({"a": X[:, 0], "y": X[:, 1] + 1j}), "y")


@pytest.mark.parametrize("source", [None, 3, {}, {"x0": 1}, {"x0": None}, np.array(1), object()])
def test_new_inputs_that_are_none(source):
    with pytest.raises(DataError, match="where an array belongs|hold single values or nothing"):
        read_inputs(source, read((X, Y)).inputs)


def test_new_inputs_that_are_no_pictures():
    with pytest.raises(DataError, match="are no numbers, and this network takes pictures"):
        read_inputs(np.array(["a"]), read((np.random.default_rng(0).random((60, 4, 4)), Y)).inputs)


def test_a_target_where_there_is_none_to_choose(tmp_path):
    for source, target in (("digits", "x"), ("iris", "petal width (cm)"), ((X, Y), "price")):
        with pytest.raises(DataError, match=r"target= \(--target\) names a column of a table, leave it out"):
            read(source, target)
    assert read("iris", "species").fingerprint == read("iris").fingerprint


def test_a_size_where_there_are_no_images():
    with pytest.raises(DataError, match=r"iris is a table, and size= \(--size\) is the size of images"):
        read("iris", size=8)
    assert read("digits", size=(12, 16)).input == (1, 12, 16)


def test_numbers_wider_than_a_tensor_holds_are_taken():
    wide = X.astype(np.longdouble)
    assert read((wide, Y)).input == read((X, Y)).input
    inputs = read((X, Y)).inputs
    assert read_inputs(wide, inputs)[0].dtype == np.float64


def test_numbers_of_another_byte_order_are_taken():
    swapped = X.astype(X.dtype.newbyteorder("S"))
    task = read((swapped, Y.astype(">i2")))
    assert torch.equal(task.train.x, read((X, Y)).train.x)
    assert (
        np.array_equal(read_inputs(swapped, task.inputs)[0], X) and read_inputs(swapped, task.inputs)[0].dtype.isnative
    )
