"""The methods that are compared, each a process of its own that is given a prepared file, a budget and a time.

Most are a file here with `run(job)`; `design` and `before` are the console of a checkout, `reference` a script of one's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from worth_of.job import Job
from worth_of.processes import Ran, environment, run
from worth_of.tasks import Benchmark, test_size
from worth_of.without import PARTS

HERE = Path(__file__).resolve().parents[1]
REPOSITORY = HERE.parent
DESIGNS, TABLES = ("design", "before"), ("boosting", "boosting_search", "autogluon", "flaml")
INSTALLED = {
    "autogluon": "autogluon.tabular[lightgbm,catboost,xgboost] pyarrow",
    "flaml": "flaml[automl] pyarrow",
    "optuna": "optuna",
}
"""What an environment of its own is made for, if asked."""
WITHOUT = tuple(f"without-{part}" for part in PARTS)
METHODS = ("plain", *DESIGNS, "random", "reference", *TABLES, "optuna")
"""What is compared unless some are named; a design without a part is run where it is."""
_MODULES = {"random": "random_search", "optuna": "optuna_study"}
_CHILD = "import sys; sys.path.append(sys.argv.pop(1)); from worth_of.job import main; main()"
LATE, STARTING = 1.5, 60.0
"""A run may take so many times what it is given, and seconds, before it is ended."""


@dataclass
class Methods:
    """How methods are run here. before: another checkout. reference: a script; it is told DATA SECONDS PARAMS SEED."""

    cache: Path
    cores: int
    before: Path | None = None
    reference: Path | None = None
    also: tuple[str, ...] = ()
    keep: Path | None = None
    missing: dict[str, str] = field(default_factory=dict)
    """{method: why it cannot be run}."""
    pythons: dict[str, str] = field(default_factory=dict)

    def install(self) -> None:
        """Make the environments that are asked for; what cannot be installed is noted."""
        for name in self.also:
            try:
                self.pythons[name] = str(environment(name, INSTALLED[name], self.cache, name == "optuna"))
            except RuntimeError as error:
                self.missing[name] = str(error)

    def unable(self, method: str, task: Benchmark) -> str:
        """Why a method does not take part in a task; empty if it does."""
        if method in self.missing:
            return self.missing[method]
        if method in INSTALLED and method not in self.pythons:
            return f"not asked for: --with {method}"
        if method in TABLES:
            return "for tables" if task.images else ""
        if method == "optuna":
            return "" if task.images else "for images"
        if method == "before":
            return "" if self.before else "not asked for: --before CHECKOUT"
        if method == "reference":
            if self.reference is None or not self.reference.is_file():
                return "not asked for: --reference SCRIPT"
            return "" if task.images and task.params else "for images under params"
        return ""

    def run(self, method: str, task: Benchmark, data: Path, spend: float, seed: int) -> dict[str, Any]:
        """The record of one run: `score`, or `failure`."""
        job = Job(str(data), task.target, task.metric, task.under, spend, seed, self.cores)
        with tempfile.TemporaryDirectory(prefix="worth-") as name:
            folder = Path(name)
            if method in DESIGNS or method in WITHOUT:
                root = self.before if method == "before" else REPOSITORY
                ran, told = self._design(job, folder, root, f"{task.name}-{method}", method)
            elif method == "reference":
                ran, told = self._reference(job, folder, task)
            else:
                ran = self._child(_MODULES.get(method, method), job, folder, self.pythons.get(method, sys.executable))
                told = read(ran)
        made = checkout(REPOSITORY if method != "before" or self.before is None else self.before)
        return {
            "task": task.name, "method": method, "seed": seed, "spend": spend, "cores": self.cores, "metric": task.metric,
            "tests": test_size(data), "seconds": round(ran.seconds, 2), "checkout": made, **told,
        }  # fmt: skip

    def regret(
        self, study: Path, job: Job, folder: Path, python: str = sys.executable, root: Path = REPOSITORY
    ) -> dict[str, Any]:
        """What `regret.py` tells of a study, by the code of a checkout."""
        job = job._replace(study=str(study), spend=3600.0)
        return read(self._child("regret", job, folder, python, root))

    def _child(self, module: str, job: Job, folder: Path, python: str, root: Path = REPOSITORY) -> Ran:
        command = [python, "-c", _CHILD, str(HERE), module, json.dumps(job._asdict())]
        return run(command, [root], self.cores, LATE * job.spend + STARTING, folder)

    def _design(self, job: Job, folder: Path, root: Path | None, name: str, method: str) -> tuple[Ran, dict[str, Any]]:
        assert root is not None
        own = root / ".venv" / "bin" / "python"
        python = str(own) if own.exists() and root != REPOSITORY else sys.executable
        study = (self.keep.resolve() if self.keep else folder) / f"{name}-seed{job.seed}-{job.spend:g}s.db"
        for left in study.parent.glob(f"{study.name}*"):
            left.unlink()  # of a run that was killed
        console = ["-m", "nasmyth"]
        if method in WITHOUT:
            console = [str(HERE / "worth_of" / "without.py"), method.removeprefix("without-")]
        command = [python, *console, "design", job.data, "--under", job.under, "--spend", f"{job.spend}s",
                   "--seed", str(job.seed), "--quiet", "-o", str(study)]  # fmt: skip
        command += ["--target", job.target] if job.target else []
        ran = run(command, [root], self.cores, LATE * job.spend + STARTING, folder)
        if ran.code != 0:
            return ran, failed(ran)
        return ran, self.regret(study, job, folder, python, root)

    def _reference(self, job: Job, folder: Path, task: Benchmark) -> tuple[Ran, dict[str, Any]]:
        assert self.reference is not None
        words = [str(self.reference.resolve()), job.data, str(job.spend), str(task.params), str(job.seed)]
        ran = run([sys.executable, *words], [], self.cores, LATE * job.spend + STARTING, folder)
        if ran.code != 0:
            return ran, failed(ran)
        return ran, {"score": float(ran.last.split()[0]) / 100, "details": {"said": ran.last}}


def read(ran: Ran) -> dict[str, Any]:
    """The result that a process wrote in its last line."""
    if ran.code != 0:
        return failed(ran)
    told: dict[str, Any] = json.loads(next(line for line in reversed(ran.said.splitlines()) if line.startswith("{")))
    return told


def failed(ran: Ran) -> dict[str, Any]:
    """What a run is recorded as that came to no result."""
    why = ran.last if ran.code is not None else f"it was ended after {ran.seconds:.0f} s: {ran.last}"
    return {"failure": why}


@cache
def checkout(root: Path) -> str:
    """Which state of the code: a commit, with a mark where files differ from it; empty outside git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    return told.stdout.strip()
