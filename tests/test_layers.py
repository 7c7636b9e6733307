"""Imports point down, and what needs no torch does without it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_imports_point_down():
    """The layers of `pyproject.toml`: a file may import what stands below it, and nothing above."""
    cli = pytest.importorskip("importlinter.cli")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert cli and done.returncode == 0, done.stdout[done.stdout.find("Contracts") :]


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
for genome, *_ in strategy.ask(strategy.init(space), space, rng, 4, ()):
    graph = space.decode(genome)
    assert params(graph) <= 400 and graph.key and str(graph)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
