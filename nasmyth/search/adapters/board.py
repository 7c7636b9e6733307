"""The trials of one Optuna study in memory, which can be forked: what is asked of a fork leaves the original as it was.

Optuna's own storages take a trial in by copying it deeply, and let none of them go. An ask needs a study that holds what was
told and what is pending now, and nothing of what earlier asks tried out; so trials are shared between forks, and one that
changes is replaced.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any

from nasmyth.errors import require

require("optuna", extra="optuna")

from optuna.distributions import BaseDistribution  # noqa: E402
from optuna.storages import BaseStorage  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, TrialState, create_trial  # noqa: E402

NAME = "nasmyth"


class Board(BaseStorage):
    """A storage of one study, number 0, whose trials go by their numbers. All objectives are maximised."""

    def __init__(
        self, objectives: int, trials: Sequence[FrozenTrial] = (), attrs: dict[str, Any] | None = None
    ) -> None:
        self.objectives = objectives
        self.trials = list(trials)
        self.attrs = dict(attrs or {})

    def fork(self) -> Board:
        return Board(self.objectives, self.trials, self.attrs)

    def study(self, sampler: Any) -> Study:
        """The study on this board."""
        return Study(NAME, self, sampler)

    def append(self, trial: FrozenTrial) -> int:
        """Take a trial in as it is, under the next number."""
        trial = copy.copy(trial)
        trial.number = trial._trial_id = len(self.trials)
        self.trials.append(trial)
        return trial.number

    def _replace(self, trial_id: int, **changes: Any) -> None:
        trial = copy.copy(self.trials[trial_id])
        for name, value in changes.items():
            setattr(trial, name, value)
        self.trials[trial_id] = trial

    # --- what samplers ask for --------------------------------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self.append(create_trial(state=TrialState.RUNNING) if template_trial is None else template_trial)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        trial = self.trials[trial_id]
        value = distribution.to_external_repr(param_value_internal)
        distributions = {**trial.distributions, param_name: distribution}
        self._replace(trial_id, params={**trial.params, param_name: value}, distributions=distributions)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        trial = self.trials[trial_id]
        if state == TrialState.RUNNING and trial.state != TrialState.WAITING:
            return False
        changes: dict[str, Any] = {} if values is None else {"values": list(values)}
        if state == TrialState.RUNNING:
            changes["datetime_start"] = datetime.now()
        elif state.is_finished():
            changes["datetime_complete"] = datetime.now()
        self._replace(trial_id, state=state, **changes)
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        known = self.trials[trial_id].intermediate_values
        self._replace(trial_id, intermediate_values={**known, step: intermediate_value})

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._replace(trial_id, user_attrs={**self.trials[trial_id].user_attrs, key: value})

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._replace(trial_id, system_attrs={**self.trials[trial_id].system_attrs, key: value})

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self.trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        found = [trial for trial in self.trials if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    # --- the study ------------------------------------------------------------------------------------------------

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self.attrs[key] = value

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self.attrs)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return [StudyDirection.MAXIMIZE] * self.objectives

    def get_study_id_from_name(self, study_name: str) -> int:
        return 0

    def get_study_name_from_id(self, study_id: int) -> str:
        return NAME

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        raise NotImplementedError("samplers keep nothing there")

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return {}

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        raise NotImplementedError("a board has one study")

    def delete_study(self, study_id: int) -> None:
        raise NotImplementedError("a board has one study")

    def get_all_studies(self) -> list[Any]:
        return []
