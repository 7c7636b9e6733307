"""The conformance suites over everything that Nasmyth registers: to register is to be tested.

A kind of thing has three lines here: its examples, a test that nothing lacks one, a test that runs its suite over them.
"""

import numpy as np
import pytest
import torch

import nasmyth.blocks
import nasmyth.ops
from nasmyth.domains import Tabular, domains
from nasmyth.errors import SpaceError
from nasmyth.graph.op import blocks, ops
from nasmyth.measure import find, measures
from nasmyth.search import strategies
from nasmyth.space import Space, choice
from nasmyth.spaces import spaces
from nasmyth.testing import (
    can_be_built,
    check_block,
    check_domain,
    check_measure,
    check_networks,
    check_onnx,
    check_op,
    check_space,
    check_strategy,
    examples,
)

torch.set_num_threads(1)

NO_LAYER = {"Input"}
"""Ops that stand for data and not for a layer."""


def ours(registry):
    """The examples of what Nasmyth itself registers, by name; tests and other packages register things of their own."""
    return {name: listed for name, listed in examples(registry).items() if is_ours(registry.get(name))}


def is_ours(thing):
    return thing.__module__.startswith("nasmyth.")


def cases(found):
    return [pytest.param(example, id=_label(example)) for listed in found.values() for example in listed]


def _label(example):
    return f"{example[0]!r} on {', '.join('x'.join(map(str, shape)) for shape in example[1:])}"


OPS, BLOCKS = ours(ops), ours(blocks)


@pytest.mark.parametrize("name", sorted(set(OPS) - NO_LAYER))
def test_op_has_an_example(name):
    assert OPS[name], f"add one to EXAMPLES in the file of {name}: ({name}(...), shape of each input without the batch)"


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_block_has_an_example(name):
    assert BLOCKS[name], (
        f"add one to EXAMPLES in the file of {name}: ({name}(...), shape of the input without the batch)"
    )


@pytest.mark.parametrize("example", cases(OPS))
def test_op_laws(example):
    check_op(*example, onnx=False)


EXPORTS = 10
"""An export takes seconds however few ops it holds, and more for each op the more it holds."""


@pytest.mark.parametrize("part", range(EXPORTS))
def test_ops_agree_with_onnx_runtime(part):
    check_onnx([example for listed in OPS.values() for example in listed][part::EXPORTS])


@pytest.mark.parametrize("example", cases(BLOCKS))
def test_block_laws(example):
    check_block(*example)


@pytest.mark.parametrize("package, registry", [(nasmyth.ops, ops), (nasmyth.blocks, blocks)])
def test_contents_page_names_all(package, registry):
    """Everything registered is on its package's contents page."""
    registered = {name for name, thing in registry if is_ours(thing)} - NO_LAYER
    registered = {name for name in registered if not registry.get(name).__module__.startswith("nasmyth.spaces")}
    assert registered - set(package.__all__) == set()
    assert sorted(package.__all__, key=lambda name: (not name.isupper(), name)) == list(package.__all__)


# --- spaces, measures, strategies: all that is registered ---------------------------------------------------------

TINY = Space(nasmyth.ops.Conv(choice(2, 3)), (3, 8, 8))
find("params")  # registers them
COUNTS = [name for name, one in measures if getattr(one, "requires", None) == {"graph"} and is_ours(one.function)]
assert len(COUNTS) > 5


@pytest.mark.parametrize("name", [name for name, one in spaces if is_ours(one.make)])
def test_space_laws(name):
    check_space(spaces.get(name)(), samples=20)


@pytest.mark.parametrize("name", [name for name, one in spaces if is_ours(one.make)])
def test_networks_of_a_space(name):
    """At the small size that the space names for it."""
    space = spaces.get(name)(**spaces.get(name).small or {})
    if can_be_built(space.decode(space.sample(0))):
        check_networks(space, samples=6)


@pytest.mark.parametrize("name", COUNTS)
def test_measure_laws(name):
    check_measure(find(name), *(TINY.decode(genome) for genome in TINY.enumerate()))


@pytest.mark.parametrize("name", [name for name, cls in strategies if is_ours(cls)])
def test_strategy_laws(name):
    if name == "program":
        pytest.importorskip("ortools", reason="pip install 'nasmyth[program]'")
    if name == "optuna":
        pytest.importorskip("optuna", reason="pip install 'nasmyth[optuna]'")
    check_strategy(strategies.get(name)(), TINY)
    if name == "program":  # searches chains only, and says so
        with pytest.raises(SpaceError, match="is no chain|by another strategy"):
            check_strategy(strategies.get(name)(), spaces.get("tables")())
    else:
        check_strategy(strategies.get(name)(), spaces.get("tables")())


@pytest.mark.parametrize("name", spaces.names())
def test_every_strategy_on_every_space(name):
    """In short searches; `program` is for chains alone, and takes its time (tests/search/test_integer_program.py)."""
    pytest.importorskip("optuna", reason="pip install 'nasmyth[optuna]'")
    space = spaces.get(name)()
    for of, cls in strategies:
        if is_ours(cls) and of != "program":
            check_strategy(cls(), space, trials=3)


# --- domains ------------------------------------------------------------------------------------------------------

RING = np.arange(30)
LITTLE = {
    "vision": ("digits", {"limit": 120}),
    "tabular": ("iris", {}),
    "text": ((np.arange(600).reshape(60, 10) * 7 % 11, np.arange(60) % 2), {"domain": "text"}),
    "graphs": (
        {"x": np.eye(3)[RING % 3] + RING[:, None] / 30, "edge_index": np.stack([RING, (RING + 3) % 30]), "y": RING % 3},
        {},
    ),
}
"""A little data of the kind of each domain, and how it is read."""


@pytest.mark.parametrize("name", [name for name, one in domains if is_ours(type(one))])
def test_domain_laws(name):
    source, reading = LITTLE[name]
    check_domain(domains.get(name), source, **reading)


class Forgetful(Tabular):
    """Makes tasks, and says of none that it is its own."""

    name = "forgetful"

    def suits(self, task):
        return False


def test_a_domain_that_disowns_its_tasks_is_found():
    with pytest.raises(AssertionError, match="says that it is none of its own"):
        check_domain(Forgetful(), "iris")
