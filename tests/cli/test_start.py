"""The program starts without anything heavy: judged by what is imported, not by the clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch", "numpy", "sqlalchemy", "jinja2", "pandas", "rich", "msgspec", "sklearn", "lightning_fabric", "torchmetrics",
    "onnxruntime", "ray",
)  # fmt: skip


@pytest.mark.parametrize("line", [["--help"], ["design", "--help"], ["--version"], ["show", "nowhere.db"]])
def test_nothing_heavy_is_imported(line):
    code = (
        "import sys, contextlib\n"
        "from nasmyth.cli import main\n"
        f"sys.argv = ['nasmyth', *{line!r}]\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        f"print('\\nheavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("heavy: []"), done.stdout


def test_help_names_every_verb(run):
    told = run("--help").stdout
    for verb in ("design", "show", "export", "predict", "check", "search", "measure", "list"):
        assert f"\n  {verb} " in told


def test_no_line_of_the_list_of_verbs_is_cut(run):
    told = run("--help").stdout
    verbs = told.partition("Commands:")[2].partition("To begin: nasmyth design digits")[0]
    assert verbs.count("\n") > 9 and "..." not in verbs.replace("spaces ...", "")


def test_version_is_that_of_the_package(run):
    from nasmyth import __version__

    assert run("--version").stdout == f"nasmyth {__version__}\n"
