"""Ops of your own on the console: what verbs import by themselves, what only when told, and what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MINE = """
import torch
from torch import nn
import nasmyth
from nasmyth import Space, chain, choice, ops
from nasmyth.measure import measure

print("a file that prints")

@nasmyth.op("b c h w -> b c h w")
class GatedMix(nn.Module):
    def __init__(self, c: int, expand: int = 2) -> None:
        super().__init__()
        self.gate = nn.Conv2d(c, c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.gate(x))

@measure(unit="", direction="max")
def gates(graph):
    "How many gates there are."
    return float(sum(isinstance(node.op, GatedMix) for node in graph.nodes))

space = Space(chain(ops.Conv(choice(2, 4)), GatedMix(choice(2, 4)), ops.Mean("h w"), ops.Linear(10)), (1, 8, 8))
"""
VERBS = {
    "export": ["export", "mine.db#best", "again.safetensors"],
    "check": ["check", "mine.db#best", "--under", "params<=1M"],
    "predict": ["predict", "mine.db#best", "new.npz", "--json"],
    "show": ["show", "mine.db#best", "--graph"],
    "measure": ["measure", "mine.db#best"],
    "show a network": ["show", "net.safetensors"],
    "export a network": ["export", "net.safetensors", "net.py"],
}


def nasmyth(folder: Path, *line: str, state: str = "mine", status: int = 0) -> subprocess.CompletedProcess[str]:
    """A line of the console in a process of its own, for somebody who has such a memory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / f"state-{state}")}
    done = subprocess.run(
        [sys.executable, "-m", "nasmyth.cli", *line], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of a space with an op of its file, a network saved from it, and raw inputs."""
    made = tmp_path_factory.mktemp("imports")
    (made / "mine.py").write_text(MINE)
    np.savez(made / "new.npz", x=np.zeros((3, 8, 8)))
    nasmyth(
        made, "search", "mine.py:space", "--data", "digits", "--trials", "2", "--epochs", "0.2", "--strategy", "random",
        "--maximize", "accuracy", "-o", "mine.db", "-q",
    )  # fmt: skip
    nasmyth(made, "export", "mine.db#best", "net.safetensors")
    return made


def remembered(folder: Path, state: str = "mine") -> list[str]:
    kept = folder / f"state-{state}" / "nasmyth" / "imported"
    return kept.read_text().splitlines() if kept.exists() else []


@pytest.mark.parametrize("verb", ["predict", "show a network"])
def test_a_file_that_the_line_once_named_is_imported_by_itself(folder: Path, verb: str) -> None:
    done = nasmyth(folder, *VERBS[verb])
    assert done.stderr == "a file that prints\n", "what it prints is no result"
    assert len(json.loads(done.stdout)) == 3 if verb == "predict" else "GatedMix" in done.stdout


def test_the_file_of_a_space_may_define_the_measures_of_its_line(folder: Path) -> None:
    line = ["search", "mine.py:space", "--data", "digits", "--trials", "1", "--under", "gates<=0", "-o", "none.db"]
    assert "gates<=0" in nasmyth(folder, *line, status=1).stderr
    assert "gates" in nasmyth(folder, "measure", "mine.py:space", "--by", "gates", "-n", "1").stdout


def test_what_is_remembered_is_plain(folder: Path) -> None:
    (line,) = remembered(folder)
    listed = folder / "listed"
    listed.write_text(line + "\n")
    assert line.endswith(f"  {folder / 'mine.py'}")
    assert subprocess.run(["sha256sum", "-c", str(listed)], capture_output=True).returncode == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_study_or_network_from_elsewhere_imports_nothing_unless_told(folder: Path, verb: str) -> None:
    """It lies beside the very file that it was made with, as in an archive that somebody sent."""
    if verb == "export":
        told = nasmyth(folder, *VERBS[verb], state="other", status=1)
        assert remembered(folder, "other") == []
        assert told.stdout == "", "the file would have printed"
    else:
        told = run_here(folder, VERBS[verb])
    assert "GatedMix is defined in mine.py" in told.stderr and "add --import mine.py" in told.stderr


def run_here(folder: Path, line: list[str], state: str = "none") -> Any:
    """What is refused, in this process, which has not imported the file either."""
    from typer.testing import CliRunner

    from nasmyth.cli import app

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_STATE_HOME", str(folder / f"state-{state}"))
        done = CliRunner().invoke(app, line, prog_name="nasmyth")
    assert done.exit_code == 1 and "prints" not in done.output
    return done


def test_import_on_the_line_is_remembered(folder: Path) -> None:
    assert (
        "gates"
        in nasmyth(folder, "measure", "net.safetensors", "--by", "gates", "--import", "mine.py", state="new").stdout
    )
    assert len(remembered(folder, "new")) == 1
    nasmyth(folder, "export", "net.safetensors", "net.py", state="new")
    assert (folder / "net.py").exists()


def test_a_file_that_changed_is_not_imported_by_itself_and_is_told(folder: Path, tmp_path: Path) -> None:
    for name in ("mine.db", "mine.py", "net.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    nasmyth(tmp_path, *VERBS["show"], "--import", "mine.py")
    (tmp_path / "mine.py").write_text(MINE + "print('changed')\n")
    for verb in ("show", "show a network"):
        refused = run_here(tmp_path, VERBS[verb], state="mine")
        assert f"{tmp_path / 'mine.py'} is not what it was then" in refused.stderr and "changed\n" not in refused.stderr
    told = nasmyth(tmp_path, *VERBS["show"], "--import", "mine.py")
    assert "note: mine.py has changed since (SHA-256" in told.stderr and "GatedMix" in told.stdout


@pytest.mark.parametrize("wanted", ["nowhere.py", "no_such_module", "..up", "a b"])
def test_what_cannot_be_imported_is_said(folder: Path, wanted: str) -> None:
    said = run_here(folder, [*VERBS["show"], "--import", wanted]).stderr
    assert (
        f"{wanted}: no such file" in said
        or f"no module {wanted!r}" in said
        or f"{wanted!r} is no name of a module" in said
    )


def test_in_python_the_error_says_which_file_to_import(folder: Path) -> None:
    from nasmyth import Network, Study
    from nasmyth.errors import ExportError, UnknownNameError

    with (
        Study.open(folder / "mine.db") as study,
        pytest.raises(UnknownNameError, match=r"defined in mine\.py .SHA-256"),
    ):
        _ = study.best.graph
    with pytest.raises(ExportError, match=r"GatedMix is defined in mine\.py"):
        Network.load(folder / "net.safetensors")


def test_going_on_with_a_changed_file_is_told(folder: Path, tmp_path: Path) -> None:
    program = (
        "import mine, nasmyth; from nasmyth import Study; from nasmyth.search import Random\n"
        "Study('a.db', mine.space, strategy=Random()).run(lambda graph: 1.0, trials=1)\n"
    )
    (tmp_path / "mine.py").write_text(MINE)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    line = [sys.executable, "-c", program]
    told = []
    for more in ("", "# changed\n"):
        (tmp_path / "mine.py").write_text(MINE + more)
        done = subprocess.run(
            line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        told.append(done.stderr)
    assert told[0] == "" and "mine.py has changed since" in told[1]
