"""How far candidates were trained is said, and so is what cannot be told from chance."""

from __future__ import annotations

import pytest

from nasmyth import report
from nasmyth.report import facts, training
from nasmyth.report.tradeoff import tradeoff
from nasmyth.report.verdict import verdict

PLAN = {
    "what": "plan",
    "recipe": {"$": "Recipe", "epochs": 60, "batch": 64},
    "why": "training mirrors images, since they may be",
}
LEVEL = {"score": "accuracy", "value": 0.1, "error": 0.02, "answer": "3", "share": 0.102}


def staged(one, stage, reached, planned, accuracy, ended="time"):
    """The same candidate after another training."""
    held = {"epochs": reached, "planned": planned, "ended": ended, "measures": {"accuracy": accuracy}}
    measures = {**one["measures"], "accuracy": accuracy}
    near = accuracy <= LEVEL["value"] + LEVEL["error"]
    return {**one, "stages": {stage: held}, "measures": measures, "near_chance": near, "artefacts": {}}


@pytest.fixture
def hasty(summary):
    """A design on a busy machine: the plain network trained 1.8 of 60 epochs, short rungs 0.08, at chance."""
    plain = staged(summary["baseline"], "final", 1.8, 60.0, 0.31)
    others = [staged(one, "short", 0.08, 6.67, 0.09 + 0.001 * i) for i, one in enumerate(summary["trials"][1:7])]
    others = [{**one, "state": "finished", "error": None, "feasible": True} for one in others]
    return {
        **summary, "trials": [plain, *others], "baseline": plain, "best": plain, "front": [plain], "failures": [],
        "plan": PLAN, "chance": LEVEL, "result": None, "funnel": [], "chosen": None,
    }  # fmt: skip


def test_epochs_reached_and_planned_are_in_terminal_and_page(hasty):
    for told in (report.text(hasty), report.html(hasty)):
        assert "1.8 of 60" in told
        assert "0.08 of 6.67" in report.text({**hasty, "funnel": [{"stage": "short", "entered": 6, "passed": 0}]})
    assert "of 60 planned" in report.html(hasty)


def test_a_training_that_was_cut_is_said(hasty):
    (sentence,) = [w for w in training.warnings(hasty) if "epochs only" in w]
    assert "#1, for 1.8 of 60 epochs" in sentence
    assert sentence in report.text(hasty).replace("\n", " ") and 'class="warning"' in report.html(hasty)
    done = {**hasty, "best": staged(hasty["best"], "final", 60.0, 60.0, 0.9), "baseline": None}
    assert not any("epochs only" in w for w in training.warnings(done))
    patient = {**hasty, "best": staged(hasty["best"], "final", 6.0, 60.0, 0.9, "patience"), "baseline": None}
    assert not any("epochs only" in w for w in training.warnings(patient)), "it ended by its own rule"


def test_the_order_of_what_is_at_chance_is_called_none(hasty):
    assert any("6 of 6 short trainings ended at the level of chance" in w for w in training.warnings(hasty))


def test_a_result_at_chance_is_called_so(hasty):
    lost = staged(hasty["best"], "final", 0.1, 60.0, 0.11)
    (sentence,) = [w for w in training.warnings({**hasty, "best": lost}) if "no better than chance" in w]
    assert "0.1100 against 0.1000 for always answering 3 (10.2 % of training)" in sentence
    tested = {**hasty, "result": {"trial": 1, "test": {"accuracy": 0.08}, "chance": {**LEVEL, "value": 0.09}}}
    assert any("on test: accuracy 0.0800 against 0.0900" in w for w in training.warnings(tested))


def test_the_plot_tells_short_from_full_and_chance(hasty, summary):
    plot, legend = tradeoff(hasty)
    words = " ".join(what for _, what in legend)
    assert "cross" in words and "no better than chance" in plot
    full, told = tradeoff(summary)
    shapes = {one["number"]: training.in_full(summary, one) for one in facts.front(summary)}
    drawn_full = full.count("<circle cx=")
    assert 0 < sum(shapes.values()) <= drawn_full < len(summary["trials"])
    assert "short training" in " ".join(what for _, what in told)


def test_notes_recipe_and_chance_are_shown(summary, hasty):
    for told in (report.text(summary, 300), report.html(summary)):
        for part in ("target digit: 10 different whole numbers", "SGD, lr 0.1", "20 epochs", "0.1000 in validation",
                     "0.1028 on test", "always answering 3"):  # fmt: skip
            assert part in told
    assert "columns left out: <b>none</b>" in report.text(summary, 300)
    assert "<b>none</b>" not in report.html(summary)
    assert PLAN["why"] in report.text(hasty, 300) and "60 epochs" in report.text(hasty, 300), "the plan's recipe counts"
    assert report.summary_of(summary)["task"]["notes"]


def test_a_study_of_an_older_version_is_shown(summary):
    task = {k: v for k, v in summary["task"].items() if k not in ("notes", "recipe", "chance")}
    fresh = ("planned", "ended")
    trials = [
        {k: v for k, v in {**one, "stages": {n: {k: v for k, v in s.items() if k not in fresh} for n,
            s in one["stages"].items()}}.items()
         if k != "near_chance"}
        for one in summary["trials"]
    ]  # fmt: skip
    numbered = {one["number"]: one for one in trials}
    old = {k: v for k, v in summary.items() if k not in ("chance", "timeline", "mistakes", "warnings")}
    old |= {"task": task, "trials": trials, "result": {k: v for k, v in summary["result"].items() if k != "chance"},
            "best": numbered[summary["best"]["number"]],
            "front": [numbered[one["number"]] for one in summary["front"]]}  # fmt: skip
    assert "Pareto front" in report.html(old) and "Pareto front" in report.text(old)
    assert training.warnings(old) == [] and training.chance_sentence(old) == ""


def test_what_the_table_shows_as_better_is_explained(summary):
    best = summary["best"]
    ahead = max(facts.front(summary), key=lambda one: one["measures"]["accuracy"])
    assert ahead["number"] != best["number"] and facts.trained(ahead) == "short", "the study of the tests is like that"
    said = verdict({**summary, "chosen": {"expected": 0.97, "low": 0.962, "high": 0.977, "of": 3}})
    assert said.startswith(
        f"Handed over: #{best['number']}, of which most is expected of 3 final trainings: accuracy 0.9700 in validation, "
        "95 % interval 0.9620 to 0.9770."
    )
    assert verdict({**summary, "chosen": None}).startswith(f"Handed over: #{best['number']}, the best in validation.")
    assert f"#{ahead['number']} has the better accuracy in validation" in said and "after a short training only" in said
    alone = {**summary, "trials": [best, summary["baseline"]], "front": [best]}
    assert "has the better" not in verdict(alone)


def test_the_plain_network_may_be_what_is_handed_over(summary):
    plain = summary["baseline"]
    told = verdict(
        {**summary, "best": plain, "result": None, "chosen": {"expected": 0.9, "low": 0.8, "high": 0.95, "of": 1}}
    )
    assert told.startswith(
        "Handed over: #1, the plain network under the same budget, the only one of its length: accuracy"
    )
    assert "beat" not in told and "Best found" not in told


@pytest.mark.parametrize(("plain", "said"), [(0.95, "2.00 points ahead of"), (0.98, "1.00 points behind")])
def test_a_plain_network_that_was_not_trained_as_long_is_compared_after_equal_time(summary, plain, said):
    """Its figure at the end would be no comparison."""
    baseline = staged(summary["baseline"], "1/3", 6.0, 60.0, plain)
    chosen = {
        "expected": 0.99,
        "low": 0.98,
        "high": 0.995,
        "of": 2,
        "chance": 0.87,
        "stage": "1/3",
        "there": 0.97,
        "plain": plain,
    }
    told = verdict({**summary, "baseline": baseline, "chosen": chosen})
    assert f"After equal time, 1/3 of a training, it was {said} the plain network in validation" in told
    assert "the chance that it is the better one is 87%" in told and "on test" not in told
    silent = {key: value for key, value in chosen.items() if key in ("expected", "low", "high", "of")}
    assert "nothing to compare with" in verdict({**summary, "baseline": baseline, "chosen": silent})
