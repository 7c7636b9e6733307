"""Going on from a saved state equals never having stopped, bit for bit; and what a state lets others do with it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import resuming
import torch
from torch import nn
from toys import convnet, equal_states, mlp, same, timeless, weights

from nasmyth.errors import DataError, ExportError
from nasmyth.network import Network
from nasmyth.train import EMA, SGD, AdamW, Cosine, Recipe, TrainingState, evaluate, fit
from nasmyth.train.average import named_tensors

HERE = Path(__file__).parent
EXACT = {"sgd": 1.0, "adamw": 1.4, "muon": 1.2, "plain": 2.0, "table": 0.7, "half": 1.5, "bilevel": 1.3}
"""Where each is stopped, in epochs: between two of them, and within one."""


def whole(case):
    task, network = resuming.task(case.table), case.network()
    return fit(network, task, case.recipe, seed=3, step=case.step(task), device="cpu"), network


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """A folder where a process of its own has gone on with every training, each left at its place."""
    folder = tmp_path_factory.mktemp("states")
    for name, case in resuming.CASES.items():
        task, until = resuming.task(case.table), EXACT[name]
        left = fit(case.network(), task, case.recipe, seed=3, until=until, step=case.step(task), device="cpu")
        assert left.reason == "until" and until <= left.epochs < until + 0.1 and left.state.epochs == left.epochs
        (folder / name).write_bytes(left.state.to_bytes())
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    line = [sys.executable, str(HERE / "goes_on.py"), str(folder)]
    done = subprocess.run(line, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", resuming.CASES)
def test_another_process_goes_on_as_if_it_had_never_stopped(name, ends):
    case = resuming.CASES[name]
    expected, network = whole(case)
    found = torch.load(ends / f"{name}.pt")
    assert same(weights(network), found["best"]) and found["scores"] == expected.scores
    assert timeless(found["curve"]) == timeless(expected.curve)
    end = TrainingState.from_bytes((ends / f"{name}.state").read_bytes(), None if case.graph else case.network())
    assert equal_states(end, expected.state) == []


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon", "bilevel"])
def test_stopped_at_any_step_and_gone_on_with_again_and_again(name):
    case, task = resuming.CASES[name], resuming.task(resuming.CASES[name].table)
    expected, network = whole(case)
    asked = 0

    def stop():
        nonlocal asked
        asked += 1
        return asked % 7 == 0

    fitted = fit(case.network(), task, case.recipe, seed=3, stop=stop, step=case.step(task), device="cpu")
    while fitted.reason == "stopped":
        fitted = fit(fitted.state, task, stop=stop, device="cpu")
    assert asked > 20 and fitted.reason == "finished"
    assert same(weights(network), weights(fitted.network)) and timeless(fitted.curve) == timeless(expected.curve)
    assert equal_states(fitted.state, expected.state) == []


def test_a_state_stays_as_it_is(digits):
    """It can be gone on with twice, and neither its network nor a training after it changes it."""
    net = convnet(dropout=0.1)
    state = fit(net, digits, Recipe(epochs=2, batch=64), until=1, device="cpu").state
    before = state.to_bytes()
    with torch.no_grad():
        net[0].weight.zero_()
    once, again = (fit(state, digits, device="cpu") for _ in range(2))
    assert once.network is not again.network and same(weights(once.network), weights(again.network))
    assert state.to_bytes() == before and float(net[0].weight.detach().abs().sum()) == 0


def test_what_was_finished_is_finished(digits):
    fitted = fit(convnet(), digits, Recipe(epochs=1, batch=64), device="cpu")
    again = fit(fitted.state, digits, device="cpu")
    assert (again.reason, again.scores, again.curve) == ("finished", fitted.scores, fitted.curve)
    more = fit(fitted.state, digits, epochs=2, device="cpu")
    assert more.epochs == 2 and len(more.curve) == 2, "epochs are of the whole training"


def test_the_schedule_knows_all_epochs_though_the_training_is_left(digits):
    recipe = Recipe(SGD(lr=0.1), Cosine(0.0), epochs=10, batch=64)
    left = fit(convnet(), digits, recipe, until=1, device="cpu")
    assert left.curve[-1]["lr"] > 0.095
    assert left.scores == pytest.approx(evaluate(left.network, digits), rel=1e-5)


def test_patience_and_time_go_on_too(digits, monkeypatch):
    from nasmyth.train import limits

    now = [0.0]
    monkeypatch.setattr(limits, "clock", lambda: now[0])

    def tick(entry):
        now[0] += 10.0

    first = fit(convnet(4), digits, Recipe(batch=64), epochs=100, until=2, seconds=35, on_epoch=tick, device="cpu")
    assert first.reason == "until" and first.state.progress.seconds == 20
    rest = fit(first.state, digits, seconds=35, on_epoch=tick, device="cpu")
    assert rest.reason == "time" and rest.epochs <= 4.1 and rest.seconds <= 50


# --- what others do with it -----------------------------------------------------------------------------------------


def test_a_network_can_be_widened_with_all_its_numbers(line):
    """Net2Net (Chen et al., 2016): a unit twice, half of what it gave from each; moments go the same way."""
    recipe = Recipe(AdamW(lr=0.02, weight_decay=0.0), batch=16, epochs=4, average=EMA(0.9))
    state = fit(mlp(), line, recipe, device="cpu").state
    rows = torch.tensor([*range(16), 3, 5, 5])
    share = 1.0 / torch.tensor([2.0 if i == 3 else 3.0 if i == 5 else 1.0 for i in rows.tolist()])
    wider = nn.Sequential(nn.Linear(2, 19), nn.ReLU(), nn.Linear(19, 1))

    def moved(name, tensor, before, behind):
        """Axis 0 of the first layer is axis 1 of the second."""
        if name.startswith("0."):
            return tensor[rows] * before.reshape(-1, *[1] * (tensor.ndim - 1))
        return tensor[:, rows] * behind if name == "2.weight" else tensor

    one = torch.ones(19)
    number = {
        "exp_avg": (share, one),
        "exp_avg_sq": (share**2, one),
    }  # gradients: times the share before, as they are behind
    changed = state.restarted(recipe.replace(epochs=2)).replace(
        network=wider,
        weights={name: moved(name, t, one, share) for name, t in state.weights.items()},
        average={name: moved(name, t, one, share) for name, t in state.average.items()},
        moments={
            name: {key: t if key == "step" else moved(name, t, *number[key]) for key, t in kept.items()}
            for name, kept in state.moments.items()
        },
    )
    x = line.inputs.module()(line.valid.x)
    torch.testing.assert_close(changed.fresh_network()(x), state.fresh_network()(x), rtol=1e-5, atol=1e-5)
    gone_on = fit(changed, line, device="cpu")
    assert gone_on.epochs == 2 and gone_on.network[0].out_features == 19 and gone_on.scores["r2"] > 0.5
    steps = {float(kept["step"]) for kept in gone_on.state.moments.values()}
    assert steps == {4 * (len(line.train) // 16) + 2 * (len(line.train) // 16)}, "Adam has counted on"


def test_what_does_not_fit_is_refused(digits, line):
    state = fit(convnet(4), digits, Recipe(epochs=1, batch=64), until=0.5, device="cpu").state
    with pytest.raises(DataError, match=r"0\.weight has shape"):
        state.replace(weights={**state.weights, "0.weight": torch.zeros(1)})
    with pytest.raises(DataError, match=r"0\.weight is missing"):
        state.replace(best={name: t for name, t in state.weights.items() if name != "0.weight"})
    with pytest.raises(DataError, match="nothing"):
        state.replace(moments={"nothing": {}})
    with pytest.raises(DataError, match="other data"):
        fit(state, line, device="cpu")
    with pytest.raises(DataError, match="moments of SGD"):
        fit(state, digits, Recipe(AdamW()), device="cpu")
    assert fit(state.replace(moments={}), digits, Recipe(AdamW(), epochs=1, batch=64), device="cpu").epochs == 1


def test_a_step_with_a_state_is_asked_for_again():
    case, task = resuming.CASES["bilevel"], resuming.task()
    state = fit(case.network(), task, case.recipe, until=0.2, step=case.step(task), device="cpu").state
    read = TrainingState.from_bytes(state.to_bytes(), case.network())
    with pytest.raises(DataError, match=r"Mixing.*step="):
        fit(read, task, device="cpu")
    with pytest.raises(DataError, match="noise, optimizer, stream"):
        fit(read, task, step=lambda run, batch: run.update(run.loss(run.predict(batch.x), batch)), device="cpu")


def test_ordinary_trainings_keep_no_gradients_and_the_networks_weights_are_its_own(digits):
    net = convnet()
    fitted = fit(net, digits, Recipe(epochs=1, batch=64), device="cpu")
    assert all(p.grad is None for p in net.parameters())
    state = fitted.state
    held = {t.data_ptr() for t in named_tensors(net).values()}
    assert not held & {t.data_ptr() for part in (state.weights, state.best) for t in part.values() if t.numel()}


def test_pickle_leads_back(digits):
    state = fit(convnet(4), digits, Recipe(epochs=1, batch=64, average=EMA(0.9)), device="cpu").state
    again = pickle.loads(pickle.dumps(state))
    assert equal_states(state, again) == [] and again.progress == state.progress and again.recipe is state.recipe


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    case = resuming.CASES["sgd"]
    fitted = fit(case.network(), resuming.task(), case.recipe, until=0.3, device="cpu")
    return fitted.state.to_bytes()


def test_equal_states_give_equal_bytes(data):
    state = TrainingState.from_bytes(data)
    assert state.to_bytes() == data and isinstance(state.network, Network)


def test_a_module_of_your_own_is_asked_for(digits):
    data = fit(convnet(4), digits, Recipe(epochs=1, batch=64), until=0.2, device="cpu").state.to_bytes()
    with pytest.raises(ExportError, match="network=module"):
        TrainingState.from_bytes(data)
    with pytest.raises(ExportError, match="do not match the network"):
        TrainingState.from_bytes(data, convnet(5))


def test_files_of_another_kind_are_named(data):
    with pytest.raises(ExportError, match="the state of a training"):
        Network.from_bytes(data)
    with pytest.raises(ExportError, match="holds a network"):
        TrainingState.from_bytes(resuming.graph_network().to_bytes())
    with pytest.raises(ExportError, match="pickle"):
        TrainingState.from_bytes(pickle.dumps({}, protocol=2))
    with pytest.raises(ExportError, match="bytes"):
        TrainingState.from_bytes("state.safetensors")


def test_a_training_goes_on_with_most_of_the_validation_split(digits):
    """What was best by the whole of it is no longer: the first look at the rest tells anew."""
    recipe = Recipe(epochs=3, average=EMA(0.9))
    left = fit(convnet(), digits, recipe, seed=3, until=1.5, device="cpu").state
    more = digits.learning_from_validation(len(digits.valid) // 5)
    went_on = fit(left, more, recipe, device="cpu")
    assert went_on.epochs == pytest.approx(3.0, abs=0.1) and went_on.curve[0]["epoch"] > 1.5
    assert went_on.scores == evaluate(went_on.network, more)
    with pytest.raises(DataError, match="of other data"):
        fit(went_on.state, digits, recipe, device="cpu")
    over = fit(fit(convnet(), digits, recipe, seed=3, device="cpu").state, more, recipe, device="cpu")
    assert over.reason == "finished" and over.scores == evaluate(over.network, more), "after a step, where it was over"


def test_a_state_that_goes_on_with_any_data_keeps_what_was_best(digits):
    """An empty fingerprint is that of no data: not of the task from which others were divided."""
    recipe = Recipe(epochs=3)
    left = fit(convnet(), digits, recipe, seed=3, until=2.0, device="cpu").state
    went_on = fit(left.replace(task=""), digits, recipe, device="cpu")
    whole = fit(left, digits, recipe, device="cpu")
    assert timeless(went_on.curve) == timeless(whole.curve) and went_on.scores == whole.scores
    assert same(weights(went_on.network), weights(whole.network))
