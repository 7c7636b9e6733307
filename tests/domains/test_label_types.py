"""Labels come back in the type that they had: from a prediction, a saved network, an exported file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from nasmyth import Graph, build, chain, ops
from nasmyth.domains import read
from nasmyth.errors import DataError
from nasmyth.forms import Classes, fit_classes
from nasmyth.network import Network
from nasmyth.record import from_json, to_json

X = np.random.default_rng(0).normal(size=(60, 3))


def network_of(task) -> Network:
    graph = Graph.of(
        chain(first=ops.Linear(4), act=ops.Activation("relu"), head=ops.Linear(len(task.classes))), input=task.input
    )
    return build(graph, 0, task.inputs, task.outputs)


LABELS = [
    ([3, 7], (3, 7)), ([True, False], (False, True)), (["b", "a"], ("a", "b")), (["10", "9"], ("9", "10")),
    ([2.0, -3.5], (-3.5, 2.0)),
    (np.array([0, 1], np.uint8), (0, 1)), ([b"x", b"y"], ("x", "y")), (np.array([1, "a"], object), ("1", "a")),
    (np.array([True, False], object), (False, True)), (np.array([4, 5], object), (4, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "known"), LABELS)
@pytest.mark.parametrize("source", ["arrays", "frame", "tensor"])
def test_labels_keep_their_type(labels, known, source, tmp_path):
    y = np.array(labels)[np.arange(60) % 2] if not isinstance(labels, np.ndarray) else labels[np.arange(60) % 2]
    if source == "tensor" and y.dtype.kind not in "biuf":
        pytest.skip("no tensor holds these")
    if source == "frame":
        y = np.array(
            [v.decode() if isinstance(v, bytes) else v for v in y.tolist()], dtype=object if y.dtype == object else None
        )
        task = read(pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}), "y", kind="classification")
    else:
        task = read((X, torch.as_tensor(y) if source == "tensor" else y), kind="classification")
    assert task.outputs.labels == known and list(map(type, task.outputs.labels)) == list(map(type, known))
    network = network_of(task)
    raw = X if source != "frame" else pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    network.save(tmp_path / "net.safetensors")
    for one in (network, Network.load(tmp_path / "net.safetensors")):
        found = one.predict(raw).labels
        assert found == tuple(known[i] for i in network.predict(raw).probabilities.argmax(1))
        assert {type(label) for label in found} <= set(map(type, known))
        assert task.outputs.names == one.outputs.names and all(isinstance(name, str) for name in one.outputs.names)
        assert one.outputs.encode(found).tolist() == [known.index(label) for label in found]


def test_an_exported_file_gives_them_too(tmp_path):
    for y, known in ((np.arange(60) % 2 == 0, {False, True}), (np.arange(60) % 2 + 5, {5, 6})):
        network = network_of(read((X, y)))
        network.export(tmp_path / "net.py")
        scope = {"__file__": str(tmp_path / "net.py"), "__name__": "net"}
        exec((tmp_path / "net.py").read_text(encoding="utf-8"), scope)
        rows = {f"x{i}": X[:, i].tolist() for i in range(3)}
        labels = scope["predict"](rows)[0]
        assert tuple(labels) == network.predict(X).labels and set(labels) <= known


def test_names_of_the_source_are_texts():
    assert set(read("iris").outputs.labels) == {"setosa", "versicolor", "virginica"}
    assert read("digits").outputs.labels == tuple(range(10))


def test_the_type_of_labels_is_no_other_data():
    y = np.arange(60) % 2
    assert read((X, y)).fingerprint == read((X, y.astype(str))).fingerprint


def test_files_of_before_hold_texts():
    assert from_json({"$": "Classes", "names": ["0", "1"]}).labels == ("0", "1")
    assert "type" not in to_json(Classes(("a", "b"))) and to_json(fit_classes([1, 2]))["type"] == "int"


@pytest.mark.parametrize(
    ("names", "kind"), [(("a", "b"), "int"), (("inf", "1"), "float"), (("1", "0"), "bool"), (("a", "b"), "code")]
)
def test_types_that_the_names_are_not_of(names, kind):
    with pytest.raises(DataError, match="are no labels of type"):
        Classes(names, kind)


def test_texts_with_a_zero_character_stay_apart():
    y = np.array(["a\0", "a"] * 30, dtype=object)
    assert read((X, y)).classes == ("a", "a\0")
