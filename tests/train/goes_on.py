"""A process of its own that goes on with trainings: reads each state in a folder, trains to the end, writes what came of it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

torch.set_num_threads(1)

import resuming  # noqa: E402  the toys of these tests, in this folder

from nasmyth.train import TrainingState, fit  # noqa: E402


def main(folder: Path) -> None:
    for name, case in resuming.CASES.items():
        network = None if case.graph else case.network()
        state = TrainingState.from_bytes((folder / name).read_bytes(), network)
        task = resuming.task(case.table)
        fitted = fit(state, task, step=case.step(task) if case.own_step else None, device="cpu")
        assert fitted.network is not None
        found = {"best": dict(fitted.network.state_dict()), "curve": fitted.curve, "scores": fitted.scores}
        torch.save(found, folder / f"{name}.pt")
        (folder / f"{name}.state").write_bytes(fitted.state.to_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
