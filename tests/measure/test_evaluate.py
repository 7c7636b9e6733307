"""One way to evaluate: everything is made once, cheap things come first, and nothing is done past a broken constraint."""

from __future__ import annotations

import math

import pytest
import torch
from measure_toys import CALLS, graph, toy_gradnorm, toy_naswot, toy_predictor, toy_random

from nasmyth.domains import read
from nasmyth.errors import BudgetError, CandidateError, DataError, Diverged, NasmythError, OverBudget, UnknownNameError
from nasmyth.measure import (
    Candidate,
    Effort,
    accuracy,
    ece_scaled,
    evaluate,
    find,
    latency,
    macs,
    measure,
    need,
    params,
)
from nasmyth.network import Network
from nasmyth.train import SGD, Recipe
from nasmyth.train import evaluate as scores_of

torch.set_num_threads(1)
SHORT = Recipe(epochs=1, batch=64, optimizer=SGD(lr=0.05))


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=300)


def candidate(task=None, width=4, **more):
    return Candidate(graph(width), SHORT, task=task, **more)


# --- what is made, and when -----------------------------------------------------------------------------------------------


def test_a_set_that_needs_no_training_trains_nothing(digits):
    one = candidate(digits)
    told = evaluate(one, [params, toy_naswot, toy_gradnorm, "macs"])
    assert told.values.keys() == {"params", "macs", "toy_naswot", "toy_gradnorm"} and "training" not in one
    assert told.values["params"] == params(graph()) and told.error is None and told.broken is None
    assert told.seconds.keys() == told.values.keys() and {"network", "batch", "gradients"} <= one.seconds.keys()


def test_counts_make_nothing_at_all():
    one = candidate()
    assert evaluate(one, [params, macs]).values == {"params": params(graph()), "macs": macs(graph())}
    assert not one.seconds


def test_a_mixed_set_trains_once_and_what_the_training_tells_is_not_measured_again(digits, monkeypatch):
    import nasmyth.train

    trainings, looks = [], []
    fit, look = nasmyth.train.fit, nasmyth.train.evaluate
    monkeypatch.setattr(nasmyth.train, "fit", lambda *a, **k: trainings.append(1) or fit(*a, **k))
    monkeypatch.setattr(nasmyth.train, "evaluate", lambda *a, **k: looks.append(1) or look(*a, **k))
    one = candidate(digits)
    told = evaluate(one, [accuracy, toy_naswot, "ece", ece_scaled, "params"])
    assert len(trainings) == 1 and not looks
    for name in ("accuracy", "ece"):
        assert told.values[name] == pytest.approx(scores_of(one["trained"], digits)[name], abs=1e-6)
    assert told.values["ece_scaled"] == pytest.approx(ece_scaled(one["trained"], digits))
    assert told.values["toy_naswot"] == evaluate(candidate(digits), [toy_naswot]).values["toy_naswot"]


def test_the_untrained_network_stays_untrained(digits):
    one = candidate(digits)
    before = {name: value.clone() for name, value in one["network"].state_dict().items()}
    evaluate(one, [accuracy, toy_naswot])
    assert one["trained"] is not one["network"]
    assert all(torch.equal(value, before[name]) for name, value in one["network"].state_dict().items())


def test_another_split_is_measured_and_not_taken_from_the_training(digits):
    one = candidate(digits, split="test")
    assert evaluate(one, [accuracy]).values["accuracy"] == pytest.approx(accuracy(one["trained"], digits, split="test"))
    assert not one.figures


def test_a_network_that_exists_is_measured_as_it_is(digits, tmp_path):
    network = candidate(digits)["trained"]
    one = Candidate.of(network, digits, split="test")
    told = evaluate(one, [accuracy, params, latency("cpu")])
    assert told.values["accuracy"] == accuracy(network, digits, split="test") and told.values["latency@cpu"] > 0
    assert not {"training", "network"} & one.seconds.keys()

    @measure(unit="", needs="training", name="toy_curve")
    def curve(training):
        """Epochs."""
        return training.fitted.epochs

    with pytest.raises(DataError, match="toy_curve needs the effort"):
        evaluate(one, [curve])


# --- the order, and the first broken constraint ------------------------------------------------------------------------


def test_needs_say_where_in_the_funnel():
    funnel = [params, find("toy_predictor"), toy_naswot, toy_gradnorm, latency("cpu"), accuracy]
    prices = [one.price for one in funnel]
    assert prices == sorted(prices) and prices[0] == 0 and len(set(prices)) == 5
    assert accuracy.requires >= {"trained", "training", "task", "graph", "recipe"} and params.requires == {"graph"}


def test_cheap_ones_come_first_whatever_the_order(digits):
    told = evaluate(candidate(digits), [accuracy, toy_gradnorm, toy_naswot, params])
    assert list(told.values) == ["params", "toy_naswot", "toy_gradnorm", "accuracy"]


@pytest.mark.parametrize("limit", ["toy_naswot>=1e9", "params<=3", "latency@cpu<=1ns"])
def test_nothing_is_done_past_the_first_broken_constraint(limit, digits):
    one = candidate(digits)
    told = evaluate(one, [accuracy], under=[limit, "accuracy>=0.01"])
    assert str(told.broken.measure.name) == limit.partition(">")[0].partition("<")[0]
    assert "training" not in one and "accuracy" not in told.values
    with pytest.raises(OverBudget, match="and the budget is") as caught:
        told.require()
    assert caught.value.measures == told.values and told.broken.measure.name in told.values


def test_within_a_kind_the_prices_seen_so_far_decide():
    prices = {"macs": 1e-4, "params": 0.5}
    assert list(evaluate(candidate(), [params, macs], prices=prices).values) == ["macs", "params"]
    assert prices["params"] < 0.5, "and they are written down"
    assert list(evaluate(candidate(), [params, macs]).values) == ["params", "macs"], (
        "else the order in which they were asked"
    )


def test_contradictions_are_refused():
    with pytest.raises(BudgetError, match="contradict"):
        evaluate(candidate(), under=["params<=3", "params>=4"])


# --- outcomes -------------------------------------------------------------------------------------------------------------


def failing(name, function, **more):
    function.__doc__ = "Fails."
    return measure(unit="", name=name, **more)(function)


def test_what_raises_is_the_outcome_with_what_was_known(digits):
    def diverges(graph):
        raise Diverged("it is nan")

    def breaks(network):
        raise RuntimeError("no such kernel")

    bad, worse = failing("toy_diverges", diverges), failing("toy_breaks", breaks, needs=("network",))
    told = evaluate(candidate(digits), [params, bad, accuracy])
    assert isinstance(told.error, Diverged) and told.values == {"params": params(graph())}
    with pytest.raises(CandidateError) as caught:
        told.require()
    assert caught.value.measures == told.values
    with pytest.raises(RuntimeError, match="no such kernel") as caught:
        evaluate(candidate(digits), [worse, accuracy, params]).require()
    assert caught.value.measures == {"params": params(graph())}


def test_what_raises_while_a_need_is_made_is_the_outcome(digits):
    wild = Candidate(graph(), SHORT.replace(optimizer=SGD(lr=1e30)), task=digits)
    told = evaluate(wild, [accuracy, toy_naswot])
    assert isinstance(told.error, Diverged) and "toy_naswot" in told.values


def test_figures_that_are_not_finite_are_figures():
    endless = failing("toy_endless", lambda graph: -math.inf)
    undefined = failing("toy_undefined", lambda graph: math.nan)
    told = evaluate(candidate(), [endless, undefined])
    assert told.values["toy_endless"] == -math.inf and math.isnan(told.values["toy_undefined"])
    assert evaluate(candidate(), under=[undefined <= 3]).broken == (undefined <= 3)


def test_what_a_measure_lacks_is_said_before_anything_is_made():
    one = candidate()
    with pytest.raises(DataError, match=r"accuracy needs data.*task=nasmyth.read"):
        evaluate(one, [toy_random, accuracy])
    assert not one.seconds
    with pytest.raises(UnknownNameError, match="did you mean 'params'"):
        evaluate(one, ["parms"])


def test_what_does_not_suit_the_task_is_refused_before_anything_is_made(digits):
    one = candidate(digits)
    with pytest.raises(DataError, match="rmse is no figure of a classification"):
        evaluate(one, [toy_naswot, "rmse"])
    assert not one.seconds


# --- many at once ---------------------------------------------------------------------------------------------------------


def test_a_measure_of_many_is_called_once_for_those_that_are_left(digits):
    CALLS.clear()
    several = [candidate(digits, width) for width in (2, 4, 6, 8)]
    most = params(graph(6))
    told = evaluate(several, [toy_predictor], under=[params <= most])
    assert CALLS == [3] and [one.broken is None for one in told] == [True, True, True, False]
    for one, width in zip(told[:3], (2, 4, 6), strict=True):
        assert one.values["toy_predictor"] == pytest.approx(math.log(params(graph(width))))
    assert evaluate(several[0], [toy_predictor]).values == {"toy_predictor": told[0].values["toy_predictor"]}


def test_one_of_many_that_fails_is_in_no_others_way(digits):
    bad = Candidate(graph(), SHORT.replace(optimizer=SGD(lr=1e30)), task=digits)
    told = evaluate([bad, candidate(digits)], [accuracy])
    assert isinstance(told[0].error, Diverged) and 0 <= told[1].values["accuracy"] <= 1


def test_too_few_values_for_many_are_a_mistake_of_the_measure():
    short = failing("toy_short", lambda graphs: [1.0], many=True)
    with pytest.raises(NasmythError, match="toy_short was asked of 2 candidates, and gave 1"):
        evaluate([candidate(), candidate(None, 6)], [short])


# --- how much of a training -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effort", "epochs"),
    [(Effort(), 6), (Effort(share=0.5), 3), (Effort(share=0.25), 1.5), (Effort(epochs=4), 4), (Effort(0.5, 4), 2)],
)
def test_a_share_of_the_epochs(effort, epochs):
    assert effort.planned(SHORT.replace(epochs=6)) == epochs


def test_a_child_starts_from_its_parents_weights(digits):
    parent = candidate(digits)["trained"]
    again = Network.from_bytes(parent.to_bytes())
    still = Recipe(epochs=1, batch=64, optimizer=SGD(lr=1e-12))
    child = Candidate(graph(), still, task=digits, effort=Effort(start=lambda: again))
    for name, weight in child["trained"].named_parameters():
        assert torch.allclose(weight, dict(parent.named_parameters())[name], atol=1e-6), name
    wider = Candidate(graph(6), still, task=digits, effort=Effort(start=lambda: again))
    assert wider["trained"].graph == graph(6), "what has another shape starts anew"


# --- needs ----------------------------------------------------------------------------------------------------------------


def test_another_kind_of_need_is_made_once_for_all_that_want_it():
    made = []

    @need(takes=("graph",), price=0.001)
    def toy_vector(graph):
        """What a predictor reads."""
        made.append(graph)
        return [float(len(graph.nodes)), float(graph.costs.params)]

    first = failing("toy_first", lambda vector: vector[0], needs=("toy_vector",))
    second = failing("toy_second", lambda vector, graph: vector[1] - graph.costs.params, needs=("toy_vector", "graph"))
    told = evaluate(candidate(), [first, second])
    assert told.values == {"toy_first": len(graph().nodes), "toy_second": 0.0} and len(made) == 1
    assert params.price < first.price < toy_naswot.price


def test_a_need_may_tell_figures_by_the_way():
    @need(takes=("graph",), price=0.001, tells=lambda row: {"toy_column": row["accuracy"]})
    def toy_row(graph):
        """A row of a table."""
        return {"accuracy": 0.93}

    def column(row):
        raise AssertionError("it was told already")

    assert evaluate(candidate(), [failing("toy_column", column, needs=("toy_row",))]).values == {"toy_column": 0.93}


def test_needs_that_are_not_known_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'network'"):
        need(takes=("netwrok",), price=1.0)(lambda network: None)


def test_chance_follows_from_the_seed_and_is_left_as_it_was(digits):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    values = [evaluate(candidate(seed=seed), [toy_random]).values["toy_random"] for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2] and torch.equal(torch.rand(1), expected)
    mixed = evaluate(candidate(digits), [toy_naswot, toy_random])
    assert mixed.values["toy_random"] == values[0], "whatever was measured before it"
