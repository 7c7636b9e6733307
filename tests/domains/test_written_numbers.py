"""Columns and targets of 12.3%, $1,234 and 1.234,56: numbers in training, at prediction, in saved and exported networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from nasmyth import Graph, build, chain, ops
from nasmyth.domains import read, read_inputs
from nasmyth.errors import DataError
from nasmyth.network import Network

from .test_folder import said
from .test_tables import kinds, table

RNG = np.random.default_rng(1)
PRICE, SHARE, SIZE = (
    RNG.integers(900, 9000, 120),
    RNG.integers(1, 999, 120) / 1000,
    RNG.integers(100, 999_999, 120) / 100,
)


def german(number: float) -> str:
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def written() -> pd.DataFrame:
    return table().assign(
        price=[f"${p:,}" for p in PRICE], share=[f"{100 * s:.1f}%" for s in SHARE], size=[german(s) for s in SIZE],
        plain=PRICE,
    )  # fmt: skip


def test_written_numbers_are_numbers_and_said():
    task = read(written(), "kind")
    plain = read(table().assign(price=PRICE, share=SHARE, size=SIZE, plain=PRICE), "kind")
    assert kinds(task) == kinds(plain)
    assert torch.allclose(task.train.x, plain.train.x, rtol=1e-6) and torch.allclose(
        task.test.x, plain.test.x, rtol=1e-6
    )
    note = said(task, "texts read as numbers")
    assert "price ($" in note and "% is 0." in note
    assert {c.name: c.notation for c in task.inputs.columns if c.notation} == {"price": ".", "share": ".%", "size": ","}


def test_a_csv_of_them_is_read_the_same_way_at_prediction(tmp_path):
    frame = written()
    frame.to_csv(tmp_path / "a.csv", index=False)
    task = read(tmp_path / "a.csv", "kind")
    assert task.fingerprint == read(frame, "kind").fingerprint
    few = frame[:3].assign(
        size=["1.234", "2.500", "3.000"], price=["1,000", "2000", "$3"]
    )  # alone, these look like Python's
    few.to_csv(tmp_path / "b.csv", index=False)
    raw, _ = read_inputs(tmp_path / "b.csv", task.inputs)
    stored, names = task.inputs.encode(raw), [c.name for c in task.inputs.columns]
    assert stored[:, names.index("size")].tolist() == [1234, 2500, 3000]
    assert stored[:, names.index("price")].tolist() == [1000, 2000, 3]
    assert task.inputs.encode(few.assign(size=1234.5, price=None))[0, names.index("size")] == 1234.5
    with pytest.raises(
        DataError, match="column 'share', row 0: '12.3' is not a number as training wrote them, such as '12.5%'"
    ):
        task.inputs.encode(few.assign(share="12.3"))


@pytest.fixture(scope="module")
def network() -> Network:
    task = read(written()[["price", "share", "size", "kind"]], "kind")
    graph = Graph.of(chain(first=ops.Linear(4), act=ops.Activation("relu"), head=ops.Linear(2)), input=task.input)
    return build(graph, 0, task.inputs, task.outputs)


def test_a_saved_and_an_exported_network_read_them(network, tmp_path):
    rows = written()[:5]
    numbers = rows.assign(price=PRICE[:5], share=SHARE[:5], size=SIZE[:5])
    expected = network.predict(rows)
    assert torch.allclose(expected.probabilities, network.predict(numbers).probabilities, atol=1e-6)
    network.save(tmp_path / "net.safetensors")
    assert torch.equal(Network.load(tmp_path / "net.safetensors").predict(rows).probabilities, expected.probabilities)
    network.export(tmp_path / "net.py")
    scope = {"__file__": str(tmp_path / "net.py"), "__name__": "net"}
    exec((tmp_path / "net.py").read_text(encoding="utf-8"), scope)
    labels, probabilities = scope["predict"](rows)
    assert torch.allclose(probabilities, expected.probabilities, atol=1e-6) and tuple(labels) == expected.labels
    with pytest.raises(ValueError, match="is not a number as training wrote them"):
        scope["predict"](rows.assign(share="12"))


def test_targets_of_written_numbers_are_values():
    task = read(written(), "price")
    assert task.kind == "regression" and sorted(
        torch.cat([task.train.y, task.valid.y, task.test.y])[:, 0].tolist()
    ) == sorted(PRICE)
    said(task, "target price", "texts read as numbers")
    assert read(table().assign(rate=["5%", "10%", "25%"] * 40), "rate").classes == ("10%", "25%", "5%")
    few = read(table().assign(rate=["5%", "10%", "25%"] * 40), "rate", kind="regression")
    assert few.kind == "regression" and set(few.train.y[:, 0].tolist()) <= {
        np.float32(v).item() for v in (0.05, 0.1, 0.25)
    }


def test_texts_that_python_reads_stay_as_python_reads_them():
    task = read(table().assign(code=["1.234", "2.5"] * 60), "kind")
    assert next(c for c in task.inputs.columns if c.name == "code").notation == ""
    assert set(task.train.x[:, list(kinds(task)).index("code")].tolist()) == {np.float32(1.234).item(), 2.5}


def test_columns_of_exact_decimals_are_numbers():
    from decimal import Decimal

    frame = table().assign(cost=[Decimal(int(p)) / 100 for p in PRICE])
    assert kinds(read(frame, "kind"))["cost"] == "number" and read(frame, "cost").kind == "regression"
