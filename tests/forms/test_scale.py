"""Networks know the scale of what they were trained on: other scales are refused or said, and nothing else is."""

import json
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch
from sklearn.datasets import load_digits, load_iris

import nasmyth
from nasmyth import Graph, Network, build, chain
from nasmyth.errors import DataError, NasmythWarning
from nasmyth.forms.fitting import fit_image_input, fit_table_input
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean
from nasmyth.train import Recipe, fit

DIGITS = load_digits()
PICTURES = np.clip(DIGITS.images * 16, 0, 255).astype(np.uint8)
IRIS = load_iris()


def trained_on(x, y, template, **recipe):
    torch.manual_seed(0)
    task = nasmyth.read((x, y), seed=0)
    network = build(Graph.of(template, task.input), 0, task.inputs, task.outputs)
    fit(network, task, Recipe(**recipe), device="cpu")
    return task, network.eval()


@pytest.fixture(scope="module")
def images():
    """A network trained for seconds on uint8 digits."""
    layers = (Conv(16), BatchNorm(), Activation("relu"), Conv(16, stride=2), BatchNorm(), Activation("relu"))
    return trained_on(PICTURES, DIGITS.target, chain(*layers, Mean("h w"), Linear(10)), batch=64, epochs=4)


@pytest.fixture(scope="module")
def table():
    return trained_on(IRIS.data, IRIS.target, chain(Linear(16), Activation("relu"), Linear(3)), batch=16, epochs=15)


@pytest.fixture(autouse=True)
def silent_unless_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# --- images -------------------------------------------------------------------------------------------------------------


def test_floats_from_0_to_1_are_refused_after_training_on_uint8(images):
    task, network = images
    right = network.predict(PICTURES)
    assert np.mean(np.array(right.labels) == DIGITS.target) > 0.8  # it did learn
    assert task.inputs.seen == (0, 255)
    with pytest.raises(
        DataError, match=r"pixels of 0 to 1, where the network was trained on 0 to 255: multiply by 255"
    ):
        network.predict(PICTURES / 255)
    assert network.predict(PICTURES / 255 * 255).labels == right.labels


@pytest.mark.parametrize(
    "other, message",
    [
        ((PICTURES[:1] / 255).astype("float32"), "multiply by 255"),
        (torch.from_numpy(PICTURES[:3]) / 255, "multiply by 255"),
        ((PICTURES > 128).astype("float16"), "multiply by 255"),
        (PICTURES > 128, "pixels of True and False, .* multiply by 255"),
        (PICTURES / 127.5 - 1, "pixel values from -1 to 1, where 0 to 255 was expected"),
        (PICTURES * 257.0, "pixel values from 0 to 65535"),
    ],
)
def test_other_scales_are_refused(images, other, message):
    with pytest.raises(DataError, match=message):
        images[1].predict(other)


def test_nothing_else_is(images):
    task, network = images
    dark = np.zeros((1, 8, 8), np.uint8)
    dark[0, 4, 4] = 40
    for x in (
        PICTURES[:1],
        PICTURES.astype("float64"),
        dark,
        dark * 0,
        dark * 0.0,
        dark * 0 + 255,
        dark == 1,
        PICTURES // 8,
    ):
        network.predict(x)
    for x in task.test.x.split(1):
        network.predict(x), network.predict(x.double())


def test_a_mask_of_whole_numbers_is_said(images):
    with pytest.warns(NasmythWarning, match="pixels of 0 to 1.*multiply by 255") as said:
        images[1].predict((PICTURES > 128).astype("uint8"))
    assert said[0].filename == __file__


def test_more_than_training_ever_saw():
    network = build(Graph.of(chain(Mean("h w"), Linear(2)), (1, 8, 8)), inputs=fit_image_input(DIGITS.images))
    network.predict(DIGITS.images)
    for x in (PICTURES, PICTURES.astype(float)):
        with pytest.raises(
            DataError, match="pixels of 0 to 255, where the network was trained on 0 to 16: divide by 15.9"
        ):
            network.predict(x)
    hot = DIGITS.images.copy()
    hot[0, 0, 0] = 255
    with pytest.warns(NasmythWarning, match="0 to 255"):
        network.predict(hot)


def test_scales_of_their_own():
    standard = (PICTURES.astype("float32") - 80) / 90
    network = build(Graph.of(chain(Mean("h w"), Linear(2)), (1, 8, 8)), inputs=fit_image_input(standard))
    network.predict(standard * 1.1)
    with pytest.raises(DataError, match="pixels of 0 to 255, where the network was trained on -0.88"):
        network.predict(PICTURES.astype(float))
    with pytest.warns(NasmythWarning, match="pixels of"):
        network.predict(standard * 1.8)
    share = build(Graph.of(chain(Mean("h w"), Linear(2)), (1, 8, 8)), inputs=fit_image_input(PICTURES / 255))
    share.predict(PICTURES), share.predict(PICTURES / 255)
    with pytest.raises(DataError, match="where 0 to 1 was expected .*: divide them by 255"):
        share.predict(PICTURES.astype(float))


def test_files_without_ranges_are_read_and_never_complain(images, tmp_path):
    _, network = images
    again = Network.from_bytes(network.to_bytes())
    assert again.inputs is network.inputs
    old = Network(network.graph, ImageInput(8, 8, 1, (0.3,), (0.2,)), network.outputs)
    data = old.to_bytes()
    assert b"seen" not in data
    Network.from_bytes(data).predict(PICTURES / 255)
    rows = Network(Graph.of(chain(Linear(2)), (1,)), TableInput((Column("a", center=3.0),)))
    Network.from_bytes(rows.to_bytes()).predict({"a": [1e9]})


def test_studies_go_on_with_data_that_was_read_before(images):
    from dataclasses import replace

    task, _ = images
    assert replace(task, inputs=task.inputs.replace(seen=())).fingerprint == task.fingerprint


# --- tables -------------------------------------------------------------------------------------------------------------


def test_rows_of_training_and_test_are_silent(table):
    _, network = table
    network.predict(IRIS.data)
    for row in IRIS.data:
        network.predict(row[None])
        network.predict(row[None] * 1.5)
    network.predict(np.zeros((5, 4))), network.predict(np.ones((5, 4)))


def test_a_table_of_another_scale_is_refused(table):
    _, network = table
    assert np.mean(np.array(network.predict(IRIS.data).labels) == IRIS.target) > 0.7
    for other in (IRIS.data * 1000, IRIS.data / 100, (IRIS.data - IRIS.data.mean(0)) / IRIS.data.std(0)):
        with pytest.raises(DataError, match=r"of 4 number columns are on another scale .* column 'x0' is around"):
            network.predict(other)


def test_a_column_of_another_scale_is_said(table):
    _, network = table
    with pytest.warns(
        NasmythWarning, match=r"column 'x3' is around 130 and was 0.1 to 2.5; is it in the units"
    ) as said:
        network.predict(IRIS.data * [1, 1, 1, 100])
    assert said[0].filename == __file__
    with pytest.warns(NasmythWarning, match="column 'x0' is around 0.058"):
        network.predict(IRIS.data * [0.01, 1, 1, 1])


def test_a_category_column_of_which_nothing_is_known_is_said():
    inputs = fit_table_input({"job": ["cook", "smith"] * 5, "age": [20.0, 60.0] * 5})
    network = build(Graph.of(chain(Linear(2)), (2,)), inputs=inputs)
    with pytest.warns(
        NasmythWarning, match="column 'job': all values .* never seen in training, which knew 'cook', 'smith'"
    ):
        network.predict({"job": [0, 1] * 5, "age": [30] * 10})
    network.predict({"job": ["king"], "age": [30]})


# --- wrong types --------------------------------------------------------------------------------------------------------


class Strange:
    """Something that is an array of nothing."""


WRONG = ["digits", b"x", None, 3, Strange(), {1, 2}, [[1, 2], [3]], np.zeros(3) * 1j, np.array(["a"]), np.zeros((0, 8, 8)),
         [], {}, {"a": 1}, [{"a": 1}], np.array([None]), torch.zeros(2, 3, 4, 5, 6), lambda: 3, np.full((2, 8, 8), np.nan),
         np.array(["2020-01-01"], dtype="datetime64[D]"), [np.zeros((8, 8)), np.zeros((7, 8))]]  # fmt: skip


@pytest.mark.parametrize("kind", ["images", "tables", "plain"])
@pytest.mark.parametrize("raw", WRONG, ids=lambda raw: type(raw).__name__)
def test_wrong_inputs_end_in_a_sentence(kind, raw, images, table):
    network = {"images": images[1], "tables": table[1], "plain": build(Graph.of(chain(Linear(2)), (4,)))}[kind]
    with pytest.raises(DataError) as error:
        network.predict(raw)
    assert len(str(error.value)) > 15


@pytest.mark.parametrize("batch", [0, -1, 2.5, "all", None, True])
def test_wrong_batches(images, batch):
    with pytest.raises(DataError, match="whole number above 0"):
        images[1].predict(PICTURES[:3], batch=batch)


# --- what exports say ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("default")
def test_onnx_says_what_it_takes(images, table, tmp_path):
    images[1].export(tmp_path / "digits.onnx")
    model = onnx.load(tmp_path / "digits.onnx")
    told = {prop.key: prop.value for prop in model.metadata_props}
    (image,) = model.graph.input
    for text in (told["takes"], image.doc_string, model.doc_string):
        assert (
            "uint8 (N, 8, 8, 1), N H W C, gray: pixels from 0 (black) to 255 (white); it was trained on 0 to 255"
            in text
        )
    assert "probabilities (float32, N x 10)" in told["gives"] and "probabilities" in model.doc_string
    assert json.loads(told["inputs"])["seen"] == [0, 255]
    assert image.name == "image" and image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert image.type.tensor_type.shape.dim[0].dim_param == "batch"
    table[1].export(tmp_path / "iris.onnx")
    model = onnx.load(tmp_path / "iris.onnx")
    assert [one.name for one in model.graph.input] == ["x0", "x1", "x2", "x3"]
    seen = network_range(IRIS.data, table)
    assert (
        model.graph.input[0].doc_string
        == f"a number in the units of the training data, {seen} in training; NaN if missing"
    )
    assert (
        "one input a column" in model.doc_string
        and model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    )


def network_range(data, table):
    least, most = table[1].inputs.columns[0].seen
    assert data[:, 0].min() <= least < most <= data[:, 0].max()
    return f"{least:g} to {most:g}"


def test_source_says_and_refuses(images, tmp_path):
    images[1].export(tmp_path / "net.py")
    assert "gray, N H W or N H W C: uint8 from 0 (black) to 255 (white)" in (tmp_path / "net.py").read_text()
    np.savez(tmp_path / "x.npz", x=PICTURES[:20])
    program = (
        "import net, torch, numpy as np\nx = np.load('x.npz')['x']\nright, _ = net.predict(x)\n"
        "assert net.predict(x.astype(float))[0] == right and net.predict(x * 0)[0] and net.predict(x[:1] * 0.0)[0]\n"
        "for wrong in (x / 255, x > 3):\n"
        "    try: net.predict(wrong)\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.count("pixels of 0 to 1, where the network was trained on up to 255: give uint8") == 2, (
        done.stderr
    )


def test_archives_and_weights_say_it(images, table, tmp_path):
    from nasmyth.export.pt2 import EXTRA

    extra = {EXTRA: ""}
    images[1].export(tmp_path / "net.pt2")
    torch.export.load(tmp_path / "net.pt2", extra_files=extra)
    assert "uint8 (N, 8, 8, 1), N H W C" in json.loads(extra[EXTRA])["takes"]
    from nasmyth.network.save import header

    document = json.loads(header(table[1].to_bytes())["__metadata__"]["nasmyth"])
    assert "4 columns: 'x0' (a number in the units of the training data" in document["takes"]
    assert "labels (int64, N)" in document["gives"]
