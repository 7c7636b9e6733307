"""The end of a design: which network it is to be, and what the test split says of it."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from nasmyth.errors import StudyError
from nasmyth.funnel.leaderboard import Leaderboard
from nasmyth.measure import Constraint, figures_of, find
from nasmyth.study import Study, Trial
from nasmyth.study.codec import encode

if TYPE_CHECKING:
    from nasmyth.network import Network
    from nasmyth.train import SplitScores, Task


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


def choose(board: Leaderboard, task: Task) -> Trial | None:
    """The leader, if it beats the plain network in validation by more than luck explains; else the plain network.

    By how many standard errors of the paired difference: one if it was the only candidate trained in full (the rule of
    Breiman et al., Classification and Regression Trees, 1984, section 3.4.3), and more if it is the best of many
    (`selection_threshold`). What was decided, and by how much, is noted in the study. Reads the validation split alone.
    """
    from nasmyth.train import paired_difference

    study, leader, plain = board.study, board.leader, board.baseline
    if leader is None:
        return None
    best, said = leader, {}
    if plain is not None and plain.number != leader.number and "weights" in plain.artefacts and board.fits(plain):
        goal = board.goal
        ours, theirs = (judged(network_of(study, trial), task, goal, split="valid") for trial in (leader, plain))
        lead = paired_difference(ours, theirs, goal)
        least = lead.error * selection_threshold(len(board.finals))
        best = leader if lead.value > least else plain
        said = {"leader": leader.number, "gain": lead.value, "least": least}
    if study.chosen != best.number:
        study.note("chosen", best, **said)
    return best


def selection_threshold(candidates: int) -> float:
    """The lead, in standard errors, that the best of so many equals reaches in 16 of 100 cases: 1.0 for 1, 1.6 for 3."""
    normal = NormalDist()
    return normal.inv_cdf(normal.cdf(1.0) ** (1 / max(1, candidates)))


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
