"""Imports point down and in no circle, files keep to themselves and stay small, and what needs no torch does without it."""

import ast
import statistics
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "nasmyth").rglob("*.py"))


def relative(path):
    return path.relative_to(ROOT / "nasmyth").as_posix()


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


# --- imports ------------------------------------------------------------------------------------------------------


def test_imports_point_down_and_in_no_circle():
    """The contracts of `pyproject.toml`: a file imports what stands below it, and the parts of a package form no circle."""
    cli = pytest.importorskip("importlinter.cli")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert cli is not None and done.returncode == 0, done.stdout[done.stdout.find("Contracts") :]


# --- what a file keeps to itself ----------------------------------------------------------------------------------

NOT_OURS = {"_asdict", "_fields", "_modules", "_replace"}
"""What named tuples and modules of PyTorch call their own parts."""


def private(name):
    return name.startswith("_") and not name.endswith("__") and name not in NOT_OURS


def defined(path):
    """Private names of a file's own: functions, classes, variables and attributes of `self`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def used(path):
    """Private names that a file imports, or asks something else than `self` and `cls` for."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nasmyth"):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "super()"):
            yield node.attr


def test_what_is_private_is_used_in_its_own_file_alone():
    ours = {name for path in FILES for name in defined(path) if private(name)}
    reached = defaultdict(set)
    for path in FILES:
        reached[relative(path)] |= {name for name in used(path) if private(name) and name in ours} - set(defined(path))
    assert not {file: names for file, names in reached.items() if names}


# --- sizes --------------------------------------------------------------------------------------------------------


def test_files_are_small():
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {file: n for file, n in lines.items() if n > 350}
    assert statistics.median(lines.values()) <= 110


# --- what needs no torch ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "package", ["graph", "space", "search", "study", "cli", "report", "units", "record", "errors", "progress"]
)
def test_imports_without_torch(package):
    program = (
        "import sys; sys.modules['torch'] = None\n"  # importing it now fails
        f"import nasmyth.{package} as package\n"
        "[getattr(package, name) for name in getattr(package, '__all__', ())]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_search_needs_no_torch():
    """From a template to a study of it: sample, decode, count, narrow, ask, tell."""
    program = """
import sys; sys.modules["torch"] = None
sys.path.insert(0, "tests")
from random import Random
from core_toys import Tag, Wide
from nasmyth import Space, chain, choice, repeat
from nasmyth.measure import params
from nasmyth.search import Evolution
space = Space(chain(Wide(choice(4, 8)), repeat(Tag(), choice(1, 2))), (3, 8, 8)).narrow(params <= 400)
strategy, rng = Evolution(population=3), Random(0)
for proposal in strategy.ask(strategy.init(space), space, rng, 4, ()):
    graph = space.decode(proposal.genome)
    assert params(graph) <= 400 and graph.key and str(graph)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
