"""Tables: kinds of columns, targets, official splits, and tables that cannot be learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from nasmyth.domains import read
from nasmyth.errors import DataError

from .test_folder import said


def table(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "width": rng.normal(3, 2, rows),
            "count": rng.integers(0, 9, rows),
            "colour": rng.choice(["red", "green", "blue"], rows),
            "sold": rng.choice([True, False], rows),
            "price": rng.normal(10, 3, rows),
            "kind": rng.choice(["a", "b"], rows),
        }
    )


def kinds(task) -> dict[str, str]:
    return {column.name: column.kind for column in task.inputs.columns}


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_files_and_frames_give_the_same_task(tmp_path, name):
    frame = table()
    path = tmp_path / name
    (
        frame.to_parquet(path)
        if name.endswith("parquet")
        else frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    )
    task = read(path, "price")
    assert task.kind == "regression" and task.outputs.names == ("price",) and task.name == "t"
    assert kinds(task) == {
        "width": "number",
        "count": "number",
        "colour": "category",
        "sold": "category",
        "kind": "category",
    }
    same = read(frame, "price")
    assert torch.allclose(task.train.x, same.train.x, rtol=1e-6) and torch.allclose(task.test.y, same.test.y, rtol=1e-6)


def test_classes_from_texts_and_the_split_is_even():
    task = read(table(), target="kind")
    assert task.classes == ("a", "b")
    assert (len(task.train), len(task.valid), len(task.test)) == (82, 14, 24)


def test_preprocessing_is_fitted_on_training_rows_alone():
    frame = table().assign(split=["train"] * 90 + ["test"] * 30)
    frame.loc[90:, "width"] = 1e6
    frame.loc[90:, "colour"] = "purple"
    task = read(frame, "kind")
    width = task.inputs.columns[0]
    assert width.name == "width" and width.center < 10
    assert "purple" not in next(c for c in task.inputs.columns if c.name == "colour").vocabulary
    assert (task.test.x[:, list(kinds(task)).index("colour")] == 0).all()


@pytest.mark.parametrize("values", [("train", "test"), ("Train", "Testing"), ("training", "val", "test")])
def test_a_split_column_is_honoured_and_said(values):
    frame = table().assign(split=(list(values) * 60)[:120])
    task = read(frame, "kind")
    assert len(task.test) == 120 // len(values)
    assert "split" not in kinds(task)
    said(task, "official split by column 'split'")
    assert len(values) == 2 or len(task.valid) == 40


def test_a_column_that_is_only_called_split_is_a_column():
    assert "split" in kinds(read(table().assign(split=["left", "right"] * 60), "kind"))


def test_columns_of_no_use_are_left_out_and_said():
    frame = table().assign(
        id=np.arange(120) + 1000, same=5, void=np.nan, name=[f"n{i}" for i in range(120)], nested=[[1, 2]] * 120
    )
    task = read(frame, "kind")
    assert not {"id", "same", "void", "name", "nested"} & set(kinds(task))
    for column, why in {
        "id": "counts",
        "same": "same value",
        "void": "no value",
        "name": "own",
        "nested": "single",
    }.items():
        assert column in said(task, "left out", why)


def test_kinds_of_awkward_columns():
    frame = table().assign(
        text=[str(i % 7) if i % 10 else "?" for i in range(120)],
        nullable=pd.array([1, None, 3] * 40, dtype="Int64"),
        code=pd.Categorical([1, 2, 3] * 40),
        half=[1.5, None, 2.5] * 40,
        maybe=[True, None, False] * 40,
        endless=[np.inf, 1.0, 2.0] * 40,
    )
    task = read(frame, "kind")
    found = kinds(task)
    assert [found[c] for c in ("text", "nullable", "code", "half", "maybe", "endless")] == [
        "number", "number", "category", "number", "category", "number",
    ]  # fmt: skip
    said(task, "infinite values are taken as missing", "endless")
    names = list(found)
    everything = torch.cat([task.train.x, task.valid.x, task.test.x])
    for column in ("text", "nullable", "half", "endless"):
        assert everything[:, names.index(column)].isnan().sum() == (12 if column == "text" else 40)
    assert torch.isfinite(task.inputs.module()(everything)).all()


@pytest.mark.parametrize("kind", ["string", "string[pyarrow]", "object", "category"])
def test_missing_texts_of_every_kind_of_column(kind):
    frame = table().assign(colour=pd.Series(["u", None, "v"] * 40).astype(kind))
    task = read(frame, "kind")
    assert set(next(c for c in task.inputs.columns if c.name == "colour").vocabulary) == {"u", "v"}
    assert task.inputs.encode(frame)[:3, list(kinds(task)).index("colour")].tolist() in ([1, 0, 2], [2, 0, 1])
    assert read(frame.assign(kind=frame["colour"]), "kind", on_bad="skip").classes == ("u", "v")
    with pytest.raises(DataError, match="40 of 120 labels"):
        read(frame.assign(kind=frame["colour"]), "kind")


def test_dates_become_numbers_also_in_raw_input():
    days = pd.date_range("2020-01-01 06:00", periods=120, freq="37h")
    for column in (days, days.strftime("%Y-%m-%d %H:%M"), days.date):
        task = read(table().assign(when=column), "kind")
        names = list(kinds(task))
        assert {"when.days", "when.month", "when.weekday"} <= set(names)
        said(task, "dates", "when")
        raw = table(2).assign(when=["2021-03-01 12:00", None])
        stored = task.inputs.encode(raw)
        assert stored[0, names.index("when.month")] == 3 and stored[0, names.index("when.weekday")] == 0
        assert stored[0, names.index("when.days")] == 18687.5 and stored[1, names.index("when.days")].isnan()


@pytest.mark.parametrize("values", [[1.5, np.nan], [[1], None], np.array([3, 4]), [pd.NaT, pd.NA], ["no date", b"x"]])
def test_what_is_no_date_where_dates_were_is_missing(values):
    days = pd.date_range("2020-01-01 06:00", periods=120, freq="37h")
    task = read(table().assign(when=days), "kind")
    raw = {name: column.tolist() for name, column in table(2).items()} | {"when": values}
    stored = task.inputs.encode(raw)
    assert stored[:, [i for i, name in enumerate(kinds(task)) if name.startswith("when.")]].isnan().all()


def test_raw_rows_of_the_form_read_encode_to_what_is_stored():
    frame = table()
    task = read(frame, "kind")
    stored = {row.numpy().tobytes() for row in torch.cat([task.train.x, task.valid.x, task.test.x])}
    assert {row.numpy().tobytes() for row in task.inputs.encode(frame)} == stored


def test_arrays_are_tables_and_encode_by_position():
    frame = table()
    x, y = frame[["width", "count", "price"]].to_numpy(), frame["kind"].to_numpy()
    x[:, 1] = 4
    task = read((x, y))
    assert list(kinds(task)) == ["x0", "x2"]
    assert torch.equal(task.inputs.encode(x)[:, 1], torch.from_numpy(x[:, 2]).float())


def test_several_targets():
    task = read(table(), target=["width", "price"])
    assert task.outputs.names == ("width", "price") and "width" not in kinds(task)


def test_a_limit():
    task = read(table(), "kind", limit=50)
    assert len(task.train) + len(task.valid) + len(task.test) == 50
    said(task, "50 of 120")


def test_a_target_that_is_not_there_or_not_named():
    with pytest.raises(DataError, match="no column 'prise'; did you mean 'price'"):
        read(table(), "prise")
    with pytest.raises(DataError, match="no column 'PRICE'; did you mean 'price'"):
        read(table(), "PRICE")
    with pytest.raises(DataError, match=r"which column is to be predicted\? write target='kind' \(--target kind\)"):
        read(table())
    with pytest.raises(DataError, match="write target='label'"):
        read(table().assign(label=1, z=2))


def test_tables_without_rows_or_columns(tmp_path):
    with pytest.raises(DataError, match="has no rows"):
        read(table()[:0], "kind")
    path = tmp_path / "a.csv"
    path.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        read(path, "kind")
    path.write_text("a,kind\n")
    with pytest.raises(DataError, match="has no rows"):
        read(path, "kind")
    with pytest.raises(DataError, match="no column to predict it from"):
        read(table()[["kind"]], "kind")
    with pytest.raises(DataError, match="no column is left.*same value"):
        read(table()[["kind"]].assign(x=1), "kind")
    with pytest.raises(DataError, match="two columns are named 'x'"):
        read(pd.DataFrame([[1, 2]] * 9, columns=["x", "x"]), "x")


def test_damaged_files(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n1,2,3,4\n")
    with pytest.raises(DataError, match="cannot be read as a table .*line 3"):
        read(path, "b")
    path.write_text("5.1,3.5,0\n4.9,3.0,0\n")
    with pytest.raises(DataError, match="first line holds numbers.*add a line of names"):
        read(path, "b")
    path = tmp_path / "a.parquet"
    table().to_parquet(path)
    whole = path.read_bytes()
    for damaged in (whole[:-200], b"", b"no parquet at all"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read as Parquet"):
            read(path, "kind")


def test_separators_and_encodings_are_told_apart(tmp_path):
    path = tmp_path / "a.csv"
    frame = table().assign(colour=["grün", "rot"] * 60)
    frame.to_csv(path, index=False, sep=";", encoding="latin-1")
    task = read(path, "kind")
    said(task, "Latin-1")
    assert "grün" in next(c for c in task.inputs.columns if c.name == "colour").vocabulary
    path.write_text(frame.to_csv(index=False).replace(",", ", "))
    assert list(kinds(read(path, "kind"))) == list(kinds(task))


def test_parts_with_other_columns():
    frame, y = table().drop(columns="kind"), table()["kind"]
    with pytest.raises(DataError, match="test part has no column 'width'"):
        read((frame, y, frame.drop(columns="width"), y))
    assert len(read((frame, y, frame[:30], y[:30])).test) == 30
