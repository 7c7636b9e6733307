"""Another package, installed, offers something of every kind; and one that is broken is in nobody's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MODULE = '''
import numpy as np
import torch
from torch import nn
from nasmyth import Space, block, chain, choice, op, ops, residual
from nasmyth.domains import Part, Raw, Reader, Vision
from nasmyth.domains.sources import Known
from nasmyth.measure import measure, need
from nasmyth.search import Proposal, Strategy, UpperConfidence


@op("b c h w -> b c h w")
class AcmeGate(nn.Module):
    """A gate."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(c, c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.gate(x))


@block("b c h w -> b c h w")
def acme_block(c):
    """A gate beside its input."""
    return residual(AcmeGate())


def acme_space(input=(1, 8, 8), classes=10):
    """Gates."""
    return Space(chain(ops.Conv(choice(2, 4)), acme_block(), ops.Mean("h w"), ops.Linear(classes)), input)


@measure(unit="")
def acme_gates(graph):
    """Gates."""
    return float(sum(isinstance(node.op, AcmeGate) for node in graph.nodes))


@need(takes=("graph",), price=0.001)
def acme_vector(graph):
    """How many nodes of each op there are."""
    return [type(node.op).__name__ for node in graph.nodes]


class AcmeSweep(Strategy):
    """In the order of the space."""

    def ask(self, state, space, rng, n, pending):
        return [Proposal(space.sample(rng)) for _ in range(n)]


class AcmeBoldness(UpperConfidence):
    """What is not known well."""

    deviations: float = 3.0


class Films(Vision):
    """Films by their mean frame."""

    name = "films"
    about = "films: x of numbers, N T H W C"

    def accepts(self, raw):
        return getattr(raw.train.x, "ndim", 0) == 5

    def suits(self, task):
        return False

    def task(self, raw, options):
        means = {name: Part(part.x.mean(axis=1), part.y) for name, part in raw.parts.items()}
        return super().task(raw.replace(**means), options)


def _raw():
    films = np.random.default_rng(0).integers(0, 255, (60, 4, 8, 8, 1)).astype("uint8")
    return Raw("films", Part(films, np.arange(60) % 3))


def acme_reader():
    return Reader("acme:NAME", lambda source: str(source).startswith("acme:"), lambda source, options: _raw())


def acme_data():
    return Known("films of noise", _raw)
'''
OFFERED = {
    "ops": "AcmeGate = acme.things:AcmeGate",
    "blocks": "acme_block = acme.things:acme_block",
    "spaces": "acme_space = acme.things:acme_space",
    "measures": "acme_gates = acme.things:acme_gates",
    "needs": "acme_vector = acme.things:acme_vector",
    "strategies": "acme_sweep = acme.things:AcmeSweep",
    "parts": "acme_boldness = acme.things:AcmeBoldness",
    "domains": "films = acme.things:Films",
    "readers": "acme = acme.things:acme_reader",
    "data": "acme_films = acme.things:acme_data",
}
USES = {
    "ops": "record.from_json({'$': 'AcmeGate'}).infer((3, 8, 8)) == (3, 8, 8)",
    "blocks": "Graph.of(record.from_json({'$': 'acme_block'}), (3, 8, 8)).output == (3, 8, 8)",
    "spaces": "space_of('acme_space', (3, 8, 8)).size == 2 and space_of('acme_space').input == (1, 8, 8)",
    "measures": "str(constraint('acme_gates<=3')) == 'acme_gates<=3'",
    "needs": "'Mean' in Candidate(space_of('acme_space').decode(space_of('acme_space').sample(0)))['acme_vector']",
    "strategies": "len(Study(None, space_of('acme_space'), strategy=strategy_of('acme_sweep')).ask(2)) == 2",
    "parts": "strategy_of('bayes(acquire=acme_boldness)').acquire.deviations == 3.0",
    "domains": "read((films, labels)).input == (1, 8, 8)",
    "readers": "read('acme:anything').name == 'films'",
    "data": "read('acme_films').name == 'films'",
}
PROGRAM = """
import json, sys
import numpy as np
import nasmyth.blocks, nasmyth.ops
from nasmyth import Graph, Study, read, record
from nasmyth.cli.address import space_of
from nasmyth.cli.listing import _registry
from nasmyth.cli.strategies import strategy_of
from nasmyth.domains.sources import known
from nasmyth.errors import NasmythError
from nasmyth.measure import Candidate, constraint, find
from nasmyth.spaces import spaces

films = np.zeros((60, 4, 8, 8, 1), "uint8") + np.arange(60, dtype="uint8")[:, None, None, None, None]
labels = np.arange(60) % 3
told = {}
find("params"), spaces.get("images"), record.from_json({"$": "Conv", "out": 3})
told["lazy"] = "acme.things" not in sys.modules
for kind, use in json.loads(sys.argv[1]).items():
    told[kind] = bool(eval(use))
for kind in json.loads(sys.argv[1]):
    registry = _registry(kind)
    told[f"list {kind}"] = [name for name, _ in registry]
    for name in ("broken", "wrong"):
        try:
            registry.get(name)
        except NasmythError as error:
            told[f"{name} {kind}"] = str(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process sees in which the package is installed; warnings are errors there."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "acme").mkdir()
    (folder / "acme" / "__init__.py").write_text("")
    (folder / "acme" / "things.py").write_text(MODULE)
    (folder / "acme" / "ruin.py").write_text("import something_that_is_not_there\n")
    meta = folder / "acme-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    groups = [
        f"[nasmyth.{kind}]\n{line}\nbroken = acme.ruin:x\nwrong = acme.things:__name__\n"
        for kind, line in OFFERED.items()
    ]
    (meta / "entry_points.txt").write_text("\n".join(groups))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(USES)],
        env=environment, capture_output=True, text=True, timeout=120, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_nothing_is_imported_before_it_is_asked_for(told: dict[str, Any]) -> None:
    assert told["lazy"]


@pytest.mark.parametrize("kind", OFFERED)
def test_what_is_offered_is_used_by_its_name(told: dict[str, Any], kind: str) -> None:
    assert told[kind]
    assert OFFERED[kind].partition(" ")[0] in told[f"list {kind}"]


@pytest.mark.parametrize("kind", OFFERED)
def test_what_is_broken_is_named_when_it_is_asked_for_and_in_nobodys_way(told: dict[str, Any], kind: str) -> None:
    assert "broken" not in told[f"list {kind}"] and len(told[f"list {kind}"]) > 1
    assert "'broken' (acme.ruin:x of acme) cannot be used: ModuleNotFoundError" in told[f"broken {kind}"]
    assert "something_that_is_not_there" in told[f"broken {kind}"]


@pytest.mark.parametrize("kind", OFFERED)
def test_what_leads_elsewhere_is_told_what_it_must_lead_to(told: dict[str, Any], kind: str) -> None:
    assert "cannot be used: it must lead to" in told[f"wrong {kind}"], told[f"wrong {kind}"]
