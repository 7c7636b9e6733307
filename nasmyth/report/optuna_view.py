"""A study as one of Optuna, in memory, for Optuna's plots and analyses.

    from nasmyth.report.optuna_view import as_optuna
    view = as_optuna("flowers.db")
    optuna.importance.get_param_importances(view)
    optuna.visualization.plot_optimization_history(view)        # or optuna.visualization.matplotlib

A copy of what was told so far: nothing that is done to it reaches the study, and it is no way to go on with one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nasmyth.errors import NasmythError, StudyError, require


def as_optuna(study: Any, stage: str | None = None) -> Any:
    """An `optuna.Study` of the trials that are closed: a path, an open `Study` or what `Study.open` gives.

    Parameters are the decisions, a conditional one in the trials alone that took it; where the space can be read they range
    over what it offers, else over what was tried. Values are the objectives in their own directions. A trial that failed, or
    lacks an objective, is FAIL; by what fraction each bound is missed is a constraint. User attributes: origin, stage, number
    in the study, failure, and all measures by name.

    stage: only trials of that stage, such as "final": results of a short training are no matter for comparison with those of
    a long one. A graph from outside the space has no decisions, and is left out. Times are those of the study's own clock,
    from when it was begun: pauses in which nobody worked on it are left out.

    Raises StudyError for what is no study or has no objective, MissingExtraError without Optuna.
    """
    require("optuna", extra="optuna")
    if isinstance(study, str | os.PathLike):
        from nasmyth.study import Study

        with Study.open(study) as opened:
            return as_optuna(opened, stage)
    reader = getattr(study, "reader", study)
    if not hasattr(reader, "log"):
        raise StudyError(f"as_optuna() takes a study or the path of one, got {type(study).__name__}")
    trials = [one for one in reader.trials if one.closed and one.genome is not None and stage in (None, one.stage.name)]
    if not reader.log.goals:
        raise StudyError("as_optuna(): this study has no objective")
    return _study(reader.log, trials, _parameters(reader.space, trials))


def _study(log: Any, trials: Iterable[Any], parameters: Any) -> Any:
    import optuna

    from nasmyth.search.adapters.quiet import quiet

    begun = datetime.fromtimestamp(log.first)
    ways = {"max": optuna.study.StudyDirection.MAXIMIZE, "min": optuna.study.StudyDirection.MINIMIZE}
    with quiet():
        view = optuna.create_study(directions=[ways[goal.direction] for goal in log.goals])
        view.set_metric_names([goal.name for goal in log.goals])
        view.add_trials([_trial(log, one, parameters(one.genome), begun) for one in trials])
    return view


def _trial(log: Any, one: Any, parameters: Sequence[Any], begun: datetime) -> Any:
    from optuna.trial import TrialState, create_trial

    values = [one.measures.get(goal.name, math.nan) for goal in log.goals]
    sound = one.error is None and not any(map(math.isnan, values))
    about = {"origin": one.origin, "stage": one.stage.name, "number": one.number}
    failure = {"failure": str(one.error)} if one.error else {}
    trial = create_trial(
        state=TrialState.COMPLETE if sound else TrialState.FAIL,
        values=values if sound else None,
        params={two.name: two.value for two in parameters},
        distributions={two.name: two.distribution for two in parameters},
        user_attrs={**one.measures, **about, **failure},
        system_attrs={"constraints": [*one.excess.values()]} if one.excess else {},
    )
    trial.datetime_start = begun + timedelta(seconds=max(0.0, one.at - one.seconds))
    trial.datetime_complete = begun + timedelta(seconds=max(one.at, 0.0))
    return trial


def _parameters(space: Any, trials: Sequence[Any]) -> Any:
    """From a genome to its parameters: by the space, or by what was tried where that cannot be read here."""
    from nasmyth.search.adapters.parameters import Codings, Options

    try:
        return Codings(getattr(space, "space", space), whole=True).parameters
    except (AttributeError, NasmythError):
        pass
    seen: dict[str, dict[str, Any]] = {}
    for one in trials:
        for key, decision in one.genome.items():
            seen.setdefault(key, {})[repr(decision)] = decision
    known: Mapping[str, Any] = {key: Options(key, [*found.values()]) for key, found in seen.items()}
    return lambda genome: [part for key, decision in genome.items() for part in known[key].parameters(decision)]
