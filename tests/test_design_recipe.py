"""`design` with a recipe of one's own and a timedelta to spend."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

from nasmyth import design
from nasmyth.errors import DataError, StudyError, UnitError
from nasmyth.record import to_json
from nasmyth.space import choice
from nasmyth.train import SGD, AdamW, Recipe

RNG = np.random.default_rng(0)
DATA = (RNG.normal(size=(80, 3)), np.arange(80) % 2)
RECIPE = Recipe(optimizer=AdamW(lr=3e-3), batch=16, epochs=3)


def test_every_network_is_trained_by_the_recipe(tmp_path):
    line = {"under": ["params<=300"], "spend": "2 trials", "out": str(tmp_path / "a.db")}
    found = design(DATA, recipe=RECIPE, **line)
    (plan,) = [note for note in found.study.notes if note["what"] == "plan"]
    assert plan["recipe"] == to_json(RECIPE) and found.task.recipe == RECIPE
    found.study.close()
    design(DATA, recipe=RECIPE, **line).study.close()
    design(DATA, **line).study.close()
    with pytest.raises(StudyError, match="was trained with Recipe.*recipe= is another"):
        design(DATA, recipe=RECIPE.replace(optimizer=AdamW(lr=1e-3)), **line)


@pytest.mark.parametrize("recipe", [3, "adamw", {"lr": 0.1}, Recipe(optimizer=SGD(lr=choice(0.1, 0.2)))], ids=repr)
def test_what_is_no_recipe(recipe):
    with pytest.raises(DataError, match="is no recipe|has holes"):
        design(DATA, recipe=recipe)


def test_a_timedelta_to_spend():
    found = design(DATA, under=["params<=300"], spend=datetime.timedelta(seconds=2), recipe=RECIPE.replace(epochs=1))
    assert found.summary["spend"]
    with pytest.raises(UnitError, match="write a positive time"):
        design(DATA, spend=datetime.timedelta(0))
    with pytest.raises(UnitError, match="where a quantity is expected"):
        design(DATA, spend=None)


def test_recipes_are_searched_only_where_that_is_asked_for(tmp_path):
    line = {"under": ["params<=300"], "spend": "12 trials"}
    alike = design(DATA, **line)
    assert len({to_text(trial) for trial in alike.study.trials}) == 1
    line["out"] = str(tmp_path / "b.db")
    found = design(DATA, recipe="search", **line)
    ways = {to_text(trial) for trial in found.study.trials}
    assert len(ways) > 1 and to_text(alike.study.trials[0]) in ways, "the domain's own is where it starts"
    started = {to_text(trial) for trial in found.study.trials if not trial.origin.startswith("evo")}
    assert len(started) == 1
    found.study.close()
    design(DATA, recipe="search", **{**line, "spend": "13 trials"}).study.close()


def to_text(trial):
    return json.dumps(trial.recipe, sort_keys=True)
