import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
import torch

from nasmyth.errors import DataError
from nasmyth.forms.fitting import MOST_CATEGORIES, fit_image_input, fit_table_input
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.record import from_json, to_json

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (20, 5, 6, 3), dtype=np.uint8)
GRAY = RNG.integers(0, 256, (20, 5, 6), dtype=np.uint8)
TABLE = pd.DataFrame(
    {
        "age": [20.0, 30.0, None, 50.0],
        "gain": [0, 0, 0, 900],
        "job": ["cook", None, "smith", "cook"],
        "member": [True, False, True, True],
        "constant": [1, 1, 1, 1],
        "empty": [None, None, None, None],
        "same": ["x", "x", "x", "x"],
    }
)


def test_prepared_images_have_mean_0_and_deviation_1():
    for images in (COLOUR, GRAY):
        inputs = fit_image_input(images)
        prepared = inputs.module()(inputs.encode(images)).double()
        assert prepared.shape == (20, *inputs.shape)
        torch.testing.assert_close(prepared.mean((0, 2, 3)), torch.zeros(inputs.channels).double(), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            prepared.std((0, 2, 3), correction=0), torch.ones(inputs.channels).double(), atol=1e-5, rtol=0
        )


def test_preparation_is_its_formula():
    inputs = ImageInput(5, 6, 3, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (inputs.mean, inputs.std))
    expected = (torch.from_numpy(COLOUR).permute(0, 3, 1, 2) / 255 - mean) / std
    torch.testing.assert_close(inputs.module()(inputs.encode(COLOUR)), expected)


def test_stored_images_are_bytes_and_storing_again_changes_nothing():
    inputs = fit_image_input(COLOUR)
    stored = inputs.encode(COLOUR)
    assert stored.dtype == torch.uint8 and torch.equal(stored, torch.from_numpy(COLOUR))
    assert torch.equal(inputs.encode(stored), stored)
    assert torch.equal(inputs.encode(COLOUR.astype(np.float64)), stored)


def test_float_images_in_0_to_1_are_stored_to_within_half_a_step():
    images = RNG.random((8, 4, 4))
    inputs = fit_image_input(images)
    assert (inputs.low, inputs.high) == (0.0, 1.0)
    assert np.abs(inputs.encode(images).numpy()[..., 0] / 255 - images).max() <= 0.5 / 255 + 1e-6


def test_gray_and_colour_become_each_other():
    gray, colour = fit_image_input(GRAY), fit_image_input(COLOUR)
    assert torch.equal(colour.encode(GRAY)[..., 1], torch.from_numpy(GRAY))
    averaged = gray.encode(COLOUR)[..., 0].numpy()
    assert np.abs(averaged - COLOUR.mean(3)).max() <= 0.5 + 1e-4
    with_alpha = np.concatenate([COLOUR, np.full((20, 5, 6, 1), 7, np.uint8)], 3)
    assert torch.equal(colour.encode(with_alpha), torch.from_numpy(COLOUR))


def test_a_constant_channel_stays_finite():
    images = COLOUR.copy()
    images[..., 2] = 9
    inputs = fit_image_input(images)
    assert inputs.module()(inputs.encode(images)).isfinite().all()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((2, 6, 5), np.uint8), "6x5 pixels for a network that takes 5x6: resize"),
        (np.zeros((5, 6), np.uint8), "N,H,W"),
        (np.zeros((2, 3, 5, 6), np.uint8), "move the channels last"),
        (np.full((2, 5, 6), -3.0), "pixel values from -3 to -3"),
        (np.full((2, 5, 6), 300), "pixel values from 300 to 300"),
        (np.full((2, 5, 6), np.nan), "finite"),
    ],
)
def test_bad_images_are_refused(raw, message):
    with pytest.raises(DataError, match=message):
        fit_image_input(GRAY).encode(raw)


def test_no_images_are_refused():
    with pytest.raises(DataError, match="no training images"):
        fit_image_input(GRAY[:0])


def test_what_a_table_keeps_and_in_which_order():
    inputs = fit_table_input(TABLE)
    assert [(c.name, c.kind) for c in inputs.columns] == [
        ("age", "number"), ("gain", "number"), ("job", "category"), ("member", "category")
    ]  # fmt: skip
    assert inputs.cardinalities == (0, 0, 3, 3) and inputs.shape == (4,)


def test_stored_rows():
    stored = fit_table_input(TABLE).encode(TABLE)
    assert stored.dtype == torch.float32
    expected = torch.tensor([[20, 0, 1, 1], [30, 0, 0, 2], [math.nan, 0, 2, 1], [50, 900, 1, 1]])
    torch.testing.assert_close(stored, expected, equal_nan=True)


def test_prepared_numbers_are_standardised_by_training_rows_and_missing_ones_filled():
    inputs = fit_table_input(TABLE)
    prepared = inputs.module()(inputs.encode(TABLE))
    ages = np.array([20.0, 30.0, 30.0, 50.0])  # the median where it is missing
    known = np.array([20.0, 30.0, 50.0])
    expected = torch.tensor((ages - known.mean()) / known.std(), dtype=torch.float32)
    torch.testing.assert_close(prepared[:, 0], expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(prepared[:, 2:], inputs.encode(TABLE)[:, 2:])


@pytest.mark.parametrize("knots", [0, 16])
def test_the_network_is_told_which_rows_lack_a_number(knots):
    """Where training rows often do: filled alone, a missing number looks like the median."""
    lacking = [math.nan if i % 3 == 0 else float(i) for i in range(60)]
    rows = {"x": list(range(60)), "y": lacking, "z": [math.nan, *range(59)], "c": ["u", "v"] * 30}
    inputs = fit_table_input(rows, knots=knots)
    assert [column.missing for column in inputs.columns] == [False, True, False, False]
    assert inputs.shape == (5,) and inputs.cardinalities == (0, 0, 0, 0, 3)
    stored = inputs.encode({"x": [1, 2], "y": [None, 7.0], "z": [None, 1], "c": ["u", "w"]})
    prepared = inputs.module()(stored)
    assert stored.shape == (2, 4) and prepared.isfinite().all()
    assert prepared[:, 3].tolist() == [1.0, 0.0] and prepared[:, 4].tolist() == [1.0, 0.0]


def test_other_rows_do_not_move_the_figures():
    inputs = fit_table_input(TABLE)
    other = TABLE.assign(age=[1e6, 1e6, 1e6, 1e6], job=["king"] * 4)
    stored = inputs.encode(other)
    assert stored[:, 2].eq(0).all()  # unknown
    assert inputs.module()(stored)[:, 0].eq(10).all()  # held within ten deviations


@pytest.mark.parametrize("knots", [0, 16])
def test_infinite_and_missing_numbers_are_prepared_alike(knots):
    rows = {"x": list(range(50)), "y": [0.0] * 48 + [5.0, 1e9]}
    inputs = fit_table_input(rows, knots=knots)
    prepare = inputs.module()
    bad = torch.tensor([[math.inf] * 2, [-math.inf] * 2, [math.nan] * 2])
    prepared = prepare(bad)
    assert prepared.isfinite().all() and torch.equal(prepared[0], prepared[1]) and torch.equal(prepared[0], prepared[2])
    assert fit_table_input({**rows, "x": [math.inf, *range(1, 50)]}, knots=knots).columns[0].scale < 100
    assert inputs.encode({"x": [math.inf], "y": [1.0]})[0, 0].isnan()


def test_many_zeros_take_one_knot_and_the_rest_have_the_others():
    gains = np.concatenate([np.zeros(9000), np.exp(np.random.default_rng(1).normal(8, 1, 1000))])
    inputs = fit_table_input({"x": gains}, knots=32)
    assert len(inputs.columns[0].knots) == 32
    tail = np.sort(gains[9000:])
    warped = inputs.module()(inputs.encode({"x": tail}))[:, 0]
    expected = [NormalDist().inv_cdf((1.5 + 31 * (i + 0.5) / 1000) / 32.5) for i in range(len(tail))]
    assert np.abs(warped.numpy() - expected)[10:-40].max() < 0.15  # as spread as if there were no zeros
    assert inputs.module()(inputs.encode({"x": [0.0]}))[0, 0] == pytest.approx(NormalDist().inv_cdf(0.5 / 32))


def test_knots_keep_the_order_and_give_a_normal_distribution():
    x = np.exp(3 * np.random.default_rng(0).normal(size=4000))  # a very heavy tail
    inputs = fit_table_input({"x": x}, knots=64)
    warped = inputs.module()(inputs.encode({"x": np.sort(x)}))[:, 0]
    assert (warped.diff() >= -1e-4).all()
    assert abs(warped.mean().item()) < 0.05 and abs(warped.std().item() - 1) < 0.1


def test_many_categories_are_capped_to_the_most_frequent():
    names = [f"c{i}" for i in range(400) for _ in range(2 + (i < 100))]
    column = fit_table_input({"name": names}).columns[0]
    assert len(column.vocabulary) == MOST_CATEGORIES
    assert {f"c{i}" for i in range(100)} <= set(column.vocabulary)
    with pytest.raises(DataError, match="nothing to learn"):  # an identifier: no value occurs twice
        fit_table_input({"id": [f"u{i}" for i in range(1000)]})


def test_whole_numbers_name_the_same_category_in_any_type():
    inputs = fit_table_input({"code": [1, 2, 2, 3]}, categories=["code"])
    for raw in ([1, 2, 3], [1.0, 2.0, 3.0], ["1", "2", "3"], np.array([1, 2, 3], np.int8), torch.tensor([1, 2, 3])):
        assert torch.equal(inputs.encode({"code": raw}), inputs.encode({"code": [1, 2, 3]}))


def test_order_and_extra_columns_do_not_matter():
    inputs = fit_table_input(TABLE)
    shuffled = TABLE[list(TABLE.columns)[::-1]].assign(extra=1)
    as_dict = {name: TABLE[name].tolist() for name in TABLE}
    for raw in (shuffled, as_dict):
        torch.testing.assert_close(inputs.encode(raw), inputs.encode(TABLE), equal_nan=True)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"a": [1.0], "bcd": [1.0]}, "no column 'abc'.*did you mean 'bcd'"),
        ({"a": [1.0, 2.0], "abc": [1.0]}, "has 1 rows, 'a' has 2"),
        ({"a": ["x1"], "abc": [1.0]}, "column 'a', row 0: 'x1' is not a number"),
        ({"a": np.zeros((2, 2)), "abc": [1.0]}, "one value for each row"),
    ],
)
def test_bad_tables_are_refused(raw, message):
    inputs = TableInput((Column("a"), Column("abc")))
    with pytest.raises(DataError, match=message):
        inputs.encode(raw)


def test_empty_tables_and_absent_columns_are_refused():
    with pytest.raises(DataError, match="empty table"):
        fit_table_input({"a": []})
    with pytest.raises(DataError, match="constant or empty"):
        fit_table_input({"a": [1, 1], "b": [None, None]})
    with pytest.raises(DataError, match="no column 'aeg'.*'age'"):
        fit_table_input(TABLE, ["aeg"])
    with pytest.raises(DataError, match="numbers first"):
        TableInput((Column("c", "category", vocabulary=("x",)), Column("n")))


def test_inputs_survive_json():
    for inputs in (fit_image_input(COLOUR), fit_table_input(TABLE), fit_table_input(TABLE, knots=8)):
        assert from_json(to_json(inputs)) is inputs


def fitted():
    table = fit_table_input(TABLE)
    numbers = fit_table_input({"a": [1.0, 2.0, 4.0], "b": [0.0, 0.0, 9.0]}, knots=4)
    codes = fit_table_input({"job": ["x", "y", "x"]})
    images = fit_image_input(COLOUR)
    return [
        (images, images.encode(COLOUR)),
        (table, torch.cat([table.encode(TABLE), torch.tensor([[math.inf, -math.inf, 0, 0]])])),
        (numbers, torch.tensor([[math.nan, 1.0], [3.0, math.inf]])),
        (codes, codes.encode({"job": ["y", "z"]})),
    ]


@pytest.mark.parametrize("case", range(4))
def test_exported_modules_agree_at_any_batch(case):
    inputs, stored = fitted()[case]
    module, batch = inputs.module().eval(), torch.export.Dim("batch", min=1)
    stored = stored.repeat_interleave(2, 0)
    program = torch.export.export(module, (stored,), dynamic_shapes=((batch, *[None] * (stored.ndim - 1)),))
    for part in (stored, stored[:1], stored[:3]):
        torch.testing.assert_close(program.module()(part), module(part))


@pytest.mark.parametrize("wrong", [{"height": 0}, {"channels": 3}, {"mean": ()}, {"std": (1.0, 1.0)}])
def test_images_are_described_in_full(wrong):
    with pytest.raises(DataError, match="channels"):
        ImageInput(**{"height": 8, "width": 8, "channels": 1, "mean": (0.5,), "std": (0.2,), **wrong})
