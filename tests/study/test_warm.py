"""A warm start from another study: what is carried over, what was lost, what is trusted, and that it goes on."""

import random

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import StudyError
from nasmyth.graph import Identity, chain
from nasmyth.measure import params
from nasmyth.search import Evolution, LocalSearch, Random
from nasmyth.space import Space, choice, integer
from nasmyth.study import Study, warm_start
from nasmyth.study.warm import begun

OLD = Space(chain(stem=Wide(choice(4, 8, 16)), body=choice(Identity(), Tag(1), Tag(2)), end=Tag(integer(0, 9))), SHAPE)
NEW = Space(
    chain(stem=Wide(choice(8, 16, 32)), body=choice(Tag(2), Tag(1)), end=Tag(integer(0, 9)), more=Tag(0)), SHAPE
)


def accuracy(graph):
    """The wider the better, and the body counts; as good as it gets, it fails."""
    text = str(graph)
    if "label=9" in text:
        raise ValueError("diverged")
    return sum(int(part) for part in "".join(c if c.isdigit() else " " for c in graph.key).split()) % 1000 / 1000


def searched(space=OLD, path=None, strategy=None, trials=30, **more):
    study = Study(path, space, strategy=strategy or Random(), **more)
    study.run(lambda graph: {"accuracy": accuracy(graph)}, trials=trials)
    return study


def test_in_the_same_space_the_best_are_kept_as_they_are():
    old = searched()
    strategy, carried = warm_start(old, OLD, LocalSearch(), most=8)
    done = sorted((t for t in old.trials if t.finished), key=lambda t: (-t.objectives[0], t.number))
    assert [dict(one.genome) for one in strategy.starts] == [t.genome for t in done[:8]]
    assert all(one.same and one.objectives == t.objectives for one, t in zip(strategy.starts, done, strict=False))
    assert (carried.finished, carried.same, carried.changed, carried.losses) == (len(done), 8, 0, ())
    assert strategy.inner is LocalSearch() and "8 are kept as they are" in str(carried)


def test_in_another_space_what_is_lost_is_said():
    old = searched(trials=60)
    strategy, carried = warm_start(old, NEW, most=100)
    done = [t for t in old.trials if t.finished]
    assert len(strategy.starts) == carried.changed and carried.same == 0, "there is one layer more"
    assert carried.changed + carried.repeated == len(done) == carried.finished
    identities = [t for t in done if t.genome["body"] == 0]
    narrow = [t for t in done if t.genome["stem.out"] == 4]
    assert set(carried.losses) == {("body", "replaced", len(identities)), ("stem.out", "moved", len(narrow))}
    assert f"stem.out takes the nearest number ({len(narrow)} of {len(done)})" in str(carried)
    bodies = {0: 0, 1: 1, 2: 0}
    expected = {(max(8, t.genome["stem.out"]), bodies[t.genome["body"]], t.genome["end.label"]) for t in done}
    assert {tuple(dict(one.genome).values()) for one in strategy.starts} == expected


def test_what_is_over_the_budget_is_left_out():
    """Unless a narrower number brings it within."""
    old = searched()
    strategy, carried = warm_start(old, OLD, under=[params <= 500], most=100)
    graphs = [OLD.decode(dict(one.genome)) for one in strategy.starts]
    assert graphs and all(params(graph) <= 500 for graph in graphs)
    over = sum(params(t.graph) > 500 for t in old.trials if t.finished)
    assert over and carried.losses == (("stem.out", "moved", over),) and carried.changed + carried.repeated == over


def test_a_study_goes_on_without_the_old_one(tmp_path):
    """The starts are in its header: the same line gives the same trials, whatever became of the old study since."""
    searched(path=tmp_path / "old.db", trials=5).close()
    strategy, _ = warm_start(tmp_path / "old.db", NEW, Evolution(population=4), most=3)
    whole = [t.genome for t in searched(NEW, strategy=strategy, trials=6).trials]
    assert whole[:3] == [dict(one.genome) for one in strategy.starts]
    searched(NEW, tmp_path / "new.db", strategy, trials=2).close()
    again = begun(tmp_path / "new.db", Evolution(population=4), tmp_path / "old.db")
    assert again is strategy
    (tmp_path / "old.db").unlink()
    with searched(NEW, tmp_path / "new.db", again, trials=6) as study:
        assert [t.genome for t in study.trials] == whole
        assert [t.origin for t in study.trials[:4]] == ["warm start"] * 3 + ["warmstarted"]
    assert begun(tmp_path / "new.db", Evolution(), tmp_path / "old.db") is None
    assert begun(tmp_path / "new.db", Evolution(population=4), "other.db") is None
    assert begun(tmp_path / "none.db", Evolution(), "old.db") is None


def test_values_are_trusted_between_searches_for_the_same_alone():
    old = searched(under=[params <= 900])
    strategy, _ = warm_start(old, OLD, LocalSearch(), under=[params <= 900], trust="values", most=100)
    study = searched(strategy=strategy, under=[params <= 900], trials=1)
    (first,), best = study.trials, old.best
    assert sum(first.genome[key] != best.genome[key] for key in best.genome) == 1, "it climbs at once"
    assert first.key not in {t.key for t in old.trials if t.finished}
    for more in ({"maximize": "auroc"}, {"under": [params <= 800]}, {"task": "other"}):
        with pytest.raises(StudyError, match="are not those of this search; (objectives|under|task): it has"):
            warm_start(old, OLD, **{"under": [params <= 900], "trust": "values"} | more)


def test_what_cannot_be_asked_for():
    with pytest.raises(StudyError, match="no such study"):
        warm_start("nowhere.db", OLD)
    with pytest.raises(StudyError, match="most=0"):
        warm_start(searched(trials=1), OLD, most=0)
    with pytest.raises(StudyError, match="trust='all'"):
        warm_start(searched(trials=1), OLD, trust="all")


def test_of_nothing_comes_nothing():
    strategy, carried = warm_start(Study(None, OLD), OLD)
    assert strategy.starts == () and carried.finished == 0
    assert len(searched(strategy=strategy, trials=3).trials) == 3
    assert strategy.ask(strategy.init(OLD), OLD, random.Random(0), 1, ())
