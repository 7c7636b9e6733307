"""States from files that nobody wrote: refused in words, before memory is taken and before anything is run."""

import json
import os

import pytest
import resuming
import torch
from safetensors import torch as safetensors

from nasmyth.errors import DataError, ExportError, NasmythError
from nasmyth.train import EMA, Recipe, Supervised, TrainingState, fit
from nasmyth.train.steps import Step

KIND = "nasmyth.training"


@pytest.fixture(scope="module")
def data():
    recipe = Recipe(average=EMA(0.9), batch=64, epochs=2)
    state = fit(resuming.graph_network(), resuming.task(), recipe, until=0.3, device="cpu").state
    return state.to_bytes()


def opened(data):
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return safetensors.load(data), json.loads(header["__metadata__"][KIND])


def changed(data, change):
    tensors, document = opened(data)
    change(tensors, document)
    return safetensors.save(tensors, {KIND: json.dumps(document)})


def put(*path, value):
    """A change of the document."""

    def change(tensors, document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def tensor(name, value):
    def change(tensors, document):
        tensors.pop(name, None) if value is None else tensors.update({name: value})

    return change


def progress(name, value):
    def change(tensors, document):
        pairs = document["progress"]["pairs"]
        next(pair for pair in pairs if pair[0] == name)[1] = value

    return change


def recipe(name, value):
    return put("recipe", name, value=value)


def floats(tensors):
    return {name: torch.zeros(8) for name, held in tensors.items() if held.dtype == torch.uint8}


REFUSED = {
    "newer": (put("format", value=99), "newer Nasmyth"),
    "no format": (put("format", value=None), "newer Nasmyth"),
    "another graph": (put("network", "key", value="0" * 20), "the definition or a default of one of its ops"),
    "no network": (put("network", value=3), "network=module"),
    "a weight less": (tensor("weights/head.weight", None), "head.weight is missing"),
    "a weight more": (tensor("weights/more", torch.zeros(2)), "more belongs to no layer"),
    "another shape": (tensor("weights/head.weight", torch.zeros(2)), "head.weight has shape"),
    "an average of another shape": (tensor("average/head.weight", torch.zeros(2)), "average do not match"),
    "no part of a state": (tensor("other/x", torch.zeros(2)), "no part of a state"),
    "an unknown class": (put("recipe", "$", value="Nothing"), "Nothing"),
    "no recipe": (put("recipe", value={"$": "SGD"}), "no recipe"),
    "a recipe that cannot be": (recipe("batch", 0), "batch"),
    "a step of another kind": (put("step", value={"$": "Conv", "out": 3}), "no step"),
    "a seed": (put("seed", value=1e9), "seed"),
    "progress": (put("progress", value=[]), "progress"),
    "steps below none": (progress("steps", -1), "steps"),
    "an epoch without steps": (progress("per_epoch", 0), "no steps"),
    "a curve of words": (progress("curve", {"tuple": ["a"]}), "curve"),
    "a tensor that is not there": (
        put("moments", value={"pairs": [["head.bias", {"pairs": [["x", {"tensor": 999}]]}]]}),
        "999",
    ),
    "no tree": (put("own", value={"eval": "1"}), "no part of one"),
    "generators of floats": (lambda tensors, _: tensors.update(floats(tensors)), "generator"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_said(data, name):
    change, said = REFUSED[name]
    with pytest.raises(ExportError, match=said):
        TrainingState.from_bytes(changed(data, change))


def test_truncated_anywhere(data):
    for cut in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(ExportError):
            TrainingState.from_bytes(data[:cut])


def test_sizes_are_checked_before_memory_is_taken(data):
    """A graph that asks for terabytes comes with weights of kilobytes."""

    def huge(tensors, document):
        text = json.dumps(document["network"]["graph"]).replace('"out": 8', '"out": 800000000')
        document["network"]["graph"] = json.loads(text)

    with pytest.raises(ExportError):
        TrainingState.from_bytes(changed(data, huge))


def test_moments_that_a_kernel_would_trust_are_refused(data):
    """A buffer of one number where it reads as many as the parameter has."""

    def short(tensors, document):
        kept = dict(document["moments"]["pairs"])["head.weight"]["pairs"][0][1]
        tensors[f"tree/{kept['tensor']}"] = torch.zeros(())

    state = TrainingState.from_bytes(changed(data, short))
    with pytest.raises(DataError, match=r"moments of 'head.weight' are .*\(\).* keeps .*\(10, 8\)"):
        fit(state, resuming.task(), device="cpu")


def test_a_generator_of_another_kind_is_refused_before_a_step(data):
    state = TrainingState.from_bytes(data)
    other = state.replace(generators={**state.generators, "torch.0": torch.zeros(3, dtype=torch.uint8)})
    with pytest.raises(NasmythError, match="generators cannot be taken up"):
        fit(other, resuming.task(), device="cpu")


class Doubled(Step):
    """A step of one's own that a file can name."""

    factor: float = 2.0

    def __call__(self, run, batch):
        return run.update(self.factor * run.loss(run.predict(batch.x), batch))


def test_a_step_that_is_a_value_needs_not_be_said_again():
    case, task = resuming.CASES["sgd"], resuming.task()
    fitted = fit(case.network(), task, case.recipe, step=Doubled(3.0), until=0.5, device="cpu")
    read = TrainingState.from_bytes(fitted.state.to_bytes())
    assert read.step is Doubled(3.0) and TrainingState.from_bytes(read.to_bytes()).step is Doubled(3.0)
    assert fit(read, task, until=1, device="cpu").state.step is Doubled(3.0) is not Supervised()


def test_nothing_in_a_file_is_run(data, tmp_path):
    marker = tmp_path / "ran"
    code = f"__import__('os').system('touch {marker}')"
    for path in (("step",), ("task",)):
        state = TrainingState.from_bytes(changed(data, put(*path, value=code)))
        with pytest.raises(NasmythError):
            fit(state, resuming.task(), device="cpu")
    assert os.listdir(tmp_path) == []
