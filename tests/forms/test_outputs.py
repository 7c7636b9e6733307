import math

import numpy as np
import pytest
import torch

from nasmyth.errors import DataError
from nasmyth.forms.outputs import Classes, Values, fit_classes, fit_values
from nasmyth.record import from_json, to_json


def test_classes_are_in_the_order_of_numbers_or_of_text():
    assert fit_classes([10, 9, 2, 9]).names == ("2", "9", "10")
    assert fit_classes(["b", "a", None, "b"]).names == ("a", "b")
    assert fit_classes(np.array([1.0, 0.0])).names == ("0", "1")


def test_labels_become_indices_and_back():
    labels = ["b", "a", "c", "b"]
    outputs = fit_classes(labels)
    assert [outputs.names[i] for i in outputs.encode(labels)] == labels
    assert outputs.encode(labels).dtype == torch.int64
    assert outputs.size == 3 and outputs.kind == "classification"


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["cat", "dgo"], "row 1: label 'dgo'.*did you mean 'dog'"), (["cat", None], "row 1.*drop the rows")],
)
def test_unknown_labels_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Classes(("cat", "dog")).encode(labels)


def test_the_answer_of_a_classifier():
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    labels, probabilities = Classes(tuple("abcd")).module()(logits)
    torch.testing.assert_close(probabilities, logits.exp() / logits.exp().sum(1, keepdim=True))
    assert labels.dtype == torch.int64 and torch.equal(labels, probabilities.argmax(1))


def test_values_are_standardised_by_training_targets_and_back():
    y = np.array([[1e6, -1.0], [3e6, 0.0], [8e6, 2.0]])
    outputs = fit_values(y, ["price", "score"])
    stored = outputs.encode(y)
    assert stored.dtype == torch.float32 and stored.shape == (3, 2)
    z = outputs.standardise(stored)
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(2))
    torch.testing.assert_close(outputs.module()(z), stored)
    assert outputs.size == 2 and outputs.kind == "regression"


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1.0, math.nan, 3.0], "row 1: nan"),
        ([1.0, 2.0, math.inf], "row 2: inf"),
        ([1.0, 1e300, 3.0], "row 1: 1e\\+300"),  # float32 cannot hold it
        (["a", "b"], "not numbers"),
        ([[1.0, 2.0]], "2 target columns for 1 names"),
        ([], "no training targets"),
        ([4.0, 4.0], "'target' has the same value"),
    ],
)
def test_bad_targets_are_refused(targets, message):
    with pytest.raises(DataError, match=message):
        fit_values(targets)


def test_outputs_survive_json():
    for outputs in (fit_classes(["a", "b"]), fit_values([1.0, 2.5])):
        assert from_json(to_json(outputs)) is outputs


@pytest.mark.parametrize("outputs", [Classes(("a", "b")), Values(("p", "q"), (1.0, 2.0), (3.0, 4.0))])
def test_exported_modules_agree_at_any_batch(outputs):
    module, x, batch = outputs.module(), torch.randn(4, 2), torch.export.Dim("batch", min=1)
    program = torch.export.export(module, (x,), dynamic_shapes=({0: batch},))
    for part in (x, x[:1]):
        torch.testing.assert_close(program.module()(part), module(part))
