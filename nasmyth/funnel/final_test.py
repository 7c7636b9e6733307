"""The end of a design: which network it is to be, and what the test split says of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from nasmyth.errors import StudyError
from nasmyth.funnel.added import Rate, added
from nasmyth.funnel.estimate import Expected, chance_better, expected_of, goodness, interval
from nasmyth.funnel.leaderboard import BASELINE, Leaderboard
from nasmyth.measure import Constraint, figures_of, find
from nasmyth.study import Study, Trial
from nasmyth.study.codec import encode

if TYPE_CHECKING:
    from nasmyth.network import Network
    from nasmyth.train import SplitScores, Task

ENOUGH = 8
"""Results by which it is told what a loss lets expect of a score."""


def network_of(study: Study, trial: Trial) -> Network:
    """The network of a trial whose weights were kept. Raises StudyError for another."""
    from nasmyth.network import Network

    if "weights" not in trial.artefacts:
        raise StudyError(
            f"the weights of trial {trial.number} were not kept: only full trainings and the best so far are"
        )
    return Network.from_bytes(study.get(trial.artefacts["weights"]))


def judged(network: Network, task: Task, goal: str, split: str = "test") -> SplitScores:
    """The scores of a network on a split, the goal among them, and what that is made of where it says so."""
    from nasmyth.measure.trained import judged_by
    from nasmyth.train import score_split

    found = score_split(network, judged_by(task, goal), split=split)
    if goal == found.goal:
        return found
    measure = find(goal)
    examples = getattr(measure.function, "examples", None)
    made_of = None if examples is None else examples(network, task, split)
    value = made_of[0].told(made_of[1]) if made_of else figures_of(network, [goal], task, split)[goal]
    return found.judged_by(goal, measure.direction, value, made_of)


def test_cost(task: Task) -> float:
    """How often the end looks at two networks, in times of the validation split: at that once, and at the test split."""
    return 2.0 + 2.0 * len(task.test) / len(task.valid)


def choose(board: Leaderboard, task: Task, stages: Sequence[str], scored: int = 0) -> Trial | None:
    """The network of which most is expected, plain or not, among those that were trained to the end; without any, among
    those that came furthest.

    What is expected of each (`estimate.py`), with its interval, is noted in the study; and how likely it is that the chosen
    one is better than the plain network, both after equal time: at the furthest stage that both were trained to. Reads
    figures of the validation split alone. scored: the examples of it by which the last stage was, 0 being all.
    """

    def rated_at(trials: Sequence[Trial]) -> dict[int, Expected]:
        last = scored and trials and trials[0].full
        return rate(trials, board, scored if last else len(task.valid), stages)

    study, goal = board.study, find(board.goal)
    able = [trial for stage in reversed(stages) for trial in board.at(stage) if "weights" in trial.artefacts]
    if not able:
        return board.leader
    last = able[0].stage.name
    rated = rated_at([trial for trial in able if trial.stage.name == last])
    best, value = min(rated.items(), key=lambda pair: (pair[1].badness, pair[0]))
    chosen = next(trial for trial in able if trial.number == best)
    low, high = sorted(goodness(end, goal.direction) for end in interval(value))
    said = {
        "expected": goodness(value.badness, goal.direction), "low": low, "high": high, "of": len(rated),
        **_beside_plain(board, chosen, stages, rated_at),
        "added": added(board, chosen, stages, rated_at),
    }  # fmt: skip
    if study.chosen != chosen.number:
        study.note("chosen", chosen, **said)
    return chosen


def rate(trials: Sequence[Trial], board: Leaderboard, examples: int, stages: Sequence[str]) -> dict[int, Expected]:
    """What is expected of trials of one stage, by their numbers. Stages below it, too, show what losses tell of scores.

    examples: by which they were scored.
    """
    goal, known = find(board.goal), list(trials)
    for stage in reversed(stages):
        if len(known) >= ENOUGH:
            break
        known += [one for one in board.at(stage) if one not in known]
    known = [one for one in known if isfinite(one.measures.get(goal.name, nan))]
    values, losses = [one.measures[goal.name] for one in known], [one.measures.get("loss", nan) for one in known]
    told = expected_of(goal, values, losses, examples)
    numbers = {one.number for one in trials}
    return {one.number: value for one, value in zip(known, told, strict=True) if one.number in numbers}


def _beside_plain(board: Leaderboard, chosen: Trial, stages: Sequence[str], rate: Rate) -> dict[str, Any]:
    """The chosen one and the plain network at the furthest stage that both have been at."""
    for stage in reversed(stages):
        there = board.at(stage)
        ours = next((t for t in there if t.genome == chosen.genome), None)
        plain = next((t for t in there if t.origin == BASELINE), None)
        if ours is None or plain is None or ours is plain:
            continue
        rated = rate(there)
        if {ours.number, plain.number} <= rated.keys():
            mine, theirs = rated[ours.number], rated[plain.number]
            values = [goodness(one.badness, find(board.goal).direction) for one in (mine, theirs)]
            return {
                "chance": chance_better(mine, theirs), "stage": stage, "there": values[0], "plain": values[1],
                "against": plain.number,
            }  # fmt: skip
    return {}


def final_test(
    study: Study, best: Trial, plain: Trial | None, task: Task, limits: tuple[Constraint, ...], goal: str
) -> dict[str, Any]:
    """The best and the baseline on the test split, and what the best measures on this device: plain data.

    missed: the constraints that the best met in the search, and misses on the test split or on the device now. What the
    best gets most wrong on the test split is kept beside it, as its artefact "mistakes".
    """
    from nasmyth.graph.text import rows
    from nasmyth.train import paired_difference
    from nasmyth.train.chance import chance
    from nasmyth.train.mistakes import mistakes

    network = network_of(study, best)
    ours = judged(network, task, goal)
    study.put(best, "mistakes", encode(mistakes(ours.raw, task)).encode())
    noted: dict[str, Any] = {"trial": best.number, "test": ours.scores, **ours.picture, "layers": rows(network.graph),
                             "chance": chance(task, "test")}  # fmt: skip
    device = figures_of(network, [one.measure for one in limits if "device" in one.measure.requires], task, "test")
    if device:
        noted["device"] = device
    known = {**ours.scores, **device}
    noted["missed"] = [
        {
            "limit": str(limit),
            "value": known[limit.measure.name],
            "on": "device" if limit.measure.name in device else "test",
        }
        for limit in limits
        if limit.measure.name in known and not limit.satisfied(known[limit.measure.name])
    ]
    if plain is not None and "weights" in plain.artefacts:
        theirs = judged(network_of(study, plain), task, goal)
        gain = paired_difference(ours, theirs, goal)
        noted["baseline"] = {"trial": plain.number, "test": theirs.scores}
        noted["difference"] = {"value": gain.value, "low": gain.low, "high": gain.high}
    return noted
