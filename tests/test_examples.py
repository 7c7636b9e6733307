"""The tutorial runs: every program in `examples/`, one after another, in an empty folder, with little time to search."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = sorted((ROOT / "examples").glob("*.py"))
LEFT = {
    "01_design_digits": ["digits.db", "digits.safetensors", "digits.onnx", "digits.py"],
    "02_your_own_module": ["mixers.db"],
    "03_your_own_space_and_strategy": ["cells.db"],
    "04_tables": ["diabetes.db", "diabetes.onnx"],
    "05_drive_a_study": ["driven.db"],
}
"""What each leaves in `out/`."""


def test_all_are_listed():
    assert [p.stem for p in PROGRAMS] == sorted(LEFT)
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert all(f"[{p.name}]({p.name})" in page for p in PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_runs(program, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NASMYTH_EXAMPLE_SPEND": "3s", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(program)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{program.name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert done.stdout.strip()
    for name in LEFT[program.stem]:
        assert (tmp_path / "out" / name).stat().st_size > 0
