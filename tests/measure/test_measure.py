"""Measures and constraints: one grammar both ways, a violation ratio that grows with the miss, errors that suggest."""

import math
import pickle

import pytest
from core_toys import SHAPE, Tag, Wide, templates
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import BudgetError, DuplicateNameError, NasmythError, UnitError, UnknownNameError
from nasmyth.graph import Graph, chain
from nasmyth.measure import (
    Constraint,
    Measure,
    accuracy,
    constraint,
    constraints,
    find,
    latency,
    macs,
    measure,
    measures,
    memory,
    params,
    r2,
    rmse,
    size,
)  # fmt: skip
from nasmyth.space import Space
from nasmyth.testing import check_measure

GRAPH = Graph.of(chain(Wide(6), Tag()), SHAPE)
finite = st.floats(allow_nan=False, allow_infinity=False)
KNOWN = [params, macs, size, memory, accuracy, rmse, r2, latency("cpu"), latency("cpu", batch=8, threads=2)]


@pytest.mark.parametrize("one", [params, macs, memory], ids=repr)
def test_laws(one):
    check_measure(one, GRAPH, Graph.of(Tag(), SHAPE))


@pytest.mark.parametrize("one", KNOWN, ids=repr)
def test_names_lead_back(one):
    check_measure(one)
    assert find(one.name) is one and find(one) is one and pickle.loads(pickle.dumps(one <= 1)) == (one <= 1)


def test_counts():
    assert params(GRAPH) == 4 * 6 * 9 + 6 and macs(GRAPH) == (4 * 6 * 9 + 6) * 64
    assert params(type("Net", (), {"graph": GRAPH})()) == params(GRAPH)  # a network knows its graph
    assert params.show(params(GRAPH)) == "222" and latency("cpu").show(0.0081) == "8.1 ms"


@given(templates(), st.integers(0, 9))
def test_counts_are_those_of_the_graph(template, seed):
    space = Space(template, SHAPE)
    made = space.decode(space.sample(seed))
    assert (params(made), macs(made)) == (made.costs.params, made.costs.macs)


# --- the grammar ------------------------------------------------------------------------------------------------------


@given(st.sampled_from(KNOWN), st.sampled_from(["<=", ">="]), finite)
def test_a_constraint_reads_back(one, relation, bound):
    made = one <= bound if relation == "<=" else one >= bound
    assert isinstance(made, Constraint) and made.bound == bound and made.relation == relation
    again = constraint(str(made))
    assert again == made and hash(again) == hash(made) and again.measure is one
    assert constraint(made) is made and made.at(bound) == made


@pytest.mark.parametrize(
    "text, same",
    [
        ("params<=3M", params <= 3e6), (" params <= 3e6 ", params <= "3M"), ("macs<500M", macs <= 500e6),
        ("accuracy>=95%", accuracy >= 0.95),
        ("size<=200kB", size <= 200_000), ("memory<=64MB", memory <= 64e6), ("latency@cpu<=8ms", latency("cpu") <= "8ms"),
        ("latency@cpu,batch=8<=8ms", latency("cpu", batch=8) <= 0.008),
        ("latency@cpu,step=1<=8ms", latency("cpu", step=True) <= 0.008), ("latency@cpu,step=0<=8ms", latency("cpu") <= 0.008),
        ("rmse<=0.5", rmse <= 0.5), ("r2>-0.5", r2 >= -0.5),
        ("latency@cpu, threads=2, batch=8 >= 8ms", latency("cpu", batch=8, threads=2) >= "8ms"),
    ],
)  # fmt: skip
def test_one_grammar_for_python_and_text(text, same):
    assert constraint(text) == same


def test_both_sides_and_both_relations():
    assert (3e6 >= params) == (params <= 3e6) and (params < 3e6) == (params <= 3e6) and (params > 3) == (params >= 3)
    assert len({params <= 3e6, params <= "3M", params >= 3e6, macs <= 3e6}) == 3
    assert (params <= 3) != "params<=3"


def test_a_chained_comparison_is_refused():
    """Python would drop its first half in silence."""
    with pytest.raises(TypeError, match="write two constraints"):
        _ = 1e3 <= params <= 1e6


@pytest.mark.parametrize(
    "text, error, said",
    [
        ("parms<=3M", UnknownNameError, "did you mean 'params'"), ("params", UnitError, "write measure<=bound"),
        ("params==3", UnitError, "cannot read"), ("<=3", UnitError, "cannot read"), ("params<=", UnitError, "cannot read"),
        ("params<=3MB", UnitError, "unknown unit"), ("size<=200", UnitError, "has no unit"),
        ("latency@cpu<=8", UnitError, "has no unit"),
        ("latency@cpu<=8mz", UnitError, "or 'ms'"), ("latency<=8ms", UnitError, "say where it is measured"),
        ("params@cpu<=3", UnitError, "params takes no setting"), ("latency@cpu,bach=8<=8ms", UnitError, "bach"),
        ("latency@cpu,batch<=8ms", UnitError, "key=value"), ("latency@cpu,batch=<=8ms", UnitError, "key=value"),
        ("params<=1e999", UnitError, "finite"), ("latensy@cpu<=8ms", UnknownNameError, "did you mean 'latency'"),
    ],
)  # fmt: skip
def test_bad_budgets_suggest(text, error, said):
    with pytest.raises(error, match=said):
        constraint(text)


@pytest.mark.parametrize("bound", [math.inf, -math.inf, math.nan])
def test_bounds_are_finite(bound):
    with pytest.raises(UnitError, match="finite"):
        params <= bound  # noqa: B015


def test_several_constraints():
    assert constraints(["params<=3M", params <= 3e6, "macs<=1M"]) == (params <= 3e6, macs <= 1e6)
    assert constraints("params<=3M") == constraints(params <= 3e6) == (params <= 3e6,) and constraints([]) == ()
    assert len(constraints(["params<=3M", "params>=3M"])) == 2  # exactly that many
    with pytest.raises(BudgetError, match="params<=3 and params>=4 contradict") as caught:
        constraints(["params<=3", "macs<=1", "params>=4"])
    assert caught.value.binding == "params<=3"


# --- violation ratio ---------------------------------------------------------------------------------------------------

numbers = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf])


def made(relation, bound):
    return Constraint(params, relation, bound)


@given(st.sampled_from(["<=", ">="]), finite, numbers)
def test_met_means_no_violation_and_missed_means_some(relation, bound, value):
    limit = made(relation, bound)
    met = value <= bound if relation == "<=" else value >= bound
    assert limit.satisfied(value) == met == (limit.violation(value) == 0) == (limit.violation_ratio(value) <= 1)
    assert limit.violation(value) >= 0 and not math.isnan(limit.violation_ratio(value))
    assert limit.violation_ratio(bound) == 1


@pytest.mark.parametrize("bound", [1.0, -1.0, 0.0, 3e6, 1e-300, -2.5e-9, 1.7e308, 2.0**53])
def test_the_next_number_is_a_miss(bound):
    for relation, direction in (("<=", math.inf), (">=", -math.inf)):
        limit = made(relation, bound)
        assert limit.violation(math.nextafter(bound, direction)) > 0 == limit.violation(bound)


@given(st.sampled_from(["<=", ">="]), finite, numbers, numbers)
def test_a_worse_value_never_presses_less(relation, bound, a, b):
    better, worse = (min(a, b), max(a, b)) if relation == "<=" else (max(a, b), min(a, b))
    limit = made(relation, bound)
    assert limit.violation_ratio(better) <= limit.violation_ratio(worse) and limit.violation(better) <= limit.violation(
        worse
    )


def test_the_violation_ratio_is_relative():
    limit = params <= 1000
    assert [limit.violation_ratio(v) for v in (0, 500, 1000, 1200, 3000)] == pytest.approx([0, 0.5, 1, 1.2, 3])
    assert [limit.violation(v) for v in (0, 1000, 1200)] == pytest.approx([0, 0, 0.2])
    assert (accuracy >= 0.8).violation(0.6) == pytest.approx(0.25) and made("<=", -10).violation(-5) == pytest.approx(
        0.5
    )


def test_what_is_not_a_number_meets_nothing():
    for relation in ("<=", ">="):
        assert not made(relation, 3).satisfied(math.nan)
        assert made(relation, 3).violation_ratio(math.nan) == made(relation, 3).violation(math.nan) == math.inf


# --- making one -------------------------------------------------------------------------------------------------------


def test_a_function_becomes_a_measure():
    @measure(unit="s", needs=("graph", "device"), direction="max", stochastic=True, name="made-up")
    def figure(graph, factor=2):
        """Made up."""
        return factor * 1.5

    assert isinstance(figure, Measure) and find("made-up") is measures.get("made-up") is figure
    assert (figure.unit, figure.direction, figure.needs, figure.stochastic) == ("s", "max", ("graph", "device"), True)
    assert figure(None) == 3.0 and figure(None, factor=4) == 6.0 and figure.__doc__ == "Made up."
    assert str(figure <= "8ms") == "made-up<=0.008s"


@pytest.mark.parametrize(
    "wrong, error, said",
    [
        ({"needs": "grahp"}, UnknownNameError, "unknown need 'grahp'; did you mean 'graph'"),
        ({"direction": "up"}, UnitError, "'min' or 'max'"),
    ],
)
def test_wrong_descriptions_are_refused(wrong, error, said):
    with pytest.raises(error, match=said):
        measure(unit="", **wrong)(lambda graph: 0.0)


def test_a_taken_name_is_refused():
    with pytest.raises(DuplicateNameError, match="'params' is taken by nasmyth.measure.counts.params"):

        @measure(unit="", name="params")
        def mine(graph): ...


def test_a_budget_on_an_unknown_measure_shows_the_list():
    with pytest.raises(UnknownNameError, match="nasmyth list measures"):
        find("xyzzy")


@pytest.mark.parametrize("junk", [None, 3, "params", [], {}, Tag(3)])
def test_what_is_no_candidate_is_refused_in_words(junk):
    with pytest.raises(NasmythError, match="give a Graph, a Network or a Trial"):
        params(junk)


@pytest.mark.parametrize("junk", [None, 3, b"params<=3", [], {}])
def test_what_is_no_budget_is_refused_in_words(junk):
    with pytest.raises(UnitError, match="write measure<=bound"):
        constraint(junk)
    if junk is None or isinstance(junk, int):
        with pytest.raises(UnitError, match="budgets are a list"):
            constraints(junk)
    with pytest.raises(UnknownNameError, match="asked for by its name"):
        find(junk)


def test_superscripts_are_no_digits():
    with pytest.raises(UnitError):
        find("latency@cpu,batch=²")
