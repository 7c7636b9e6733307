"""Documents that are nearly right, a few hundred of each kind: each is read, or refused in words, and nothing else."""

import json
import time
import warnings
from random import Random

import pytest
from mutate_bytes import mutated_bytes
from mutate_json import mutated

import nasmyth.blocks
import nasmyth.ops  # noqa: F401  what graphs are made of
from nasmyth import Graph, Space
from nasmyth.errors import NasmythError
from nasmyth.graph.op import ops
from nasmyth.network import Network, build
from nasmyth.record import loads
from nasmyth.spaces.registry import spaces
from nasmyth.testing import examples

NAMES = ("darts", "nb201", "nb101", "ofa", "images", "vit", "tables", "fbnet", "evonorm", "vanillanet")
SPACES = {name: spaces.get(name)() for name in NAMES}
GRAPHS = [
    *(space.decode(space.sample(1)).to_json() for name, space in SPACES.items() if name not in ("darts", "evonorm")),
    *(Graph.of(e[0], e[1]).to_json() for listed in examples(ops).values() for e in listed if len(e) == 2),
]


def use_graph(data):
    graph = Graph.from_json(data)
    assert graph.key and graph.costs and str(graph) and graph.dot() and graph.output is not None
    assert Graph.from_text(graph.to_text(shapes=True)).key == graph.key
    json.dumps(graph.to_json())


def use_space(data):
    space = Space.from_json(data)
    genome = space.sample(1)
    assert repr(space) and space.key and space.encode(genome)
    other = space.mutate(space.crossover(genome, genome, 1), 2)
    assert len(space.encode(other)) == len(space.encode(genome)) and space.decode(other).output is not None


def use_genome(case):
    name, genome = case
    for use in (SPACES[name].encode, SPACES[name].decode, SPACES[name].validate):
        use(genome)


def use_network(data):
    graph = Graph.from_json(data)
    if graph.costs.params < 10**6:
        Network.from_bytes(build(graph).to_bytes())


def a_genome(rng):
    name = rng.choice(NAMES)
    return name, mutated(SPACES[name].sample(rng), rng)


def mutated_text(text, rng):
    return mutated_bytes(text.encode(), rng).decode(errors="replace")


SAVED = [build(Graph.from_json(data)).to_bytes() for data in GRAPHS[-20:]]
KINDS = {
    "graph": (use_graph, lambda rng: mutated(rng.choice(GRAPHS), rng), 400),
    "space": (use_space, lambda rng: mutated(SPACES[rng.choice(NAMES)].to_json(), rng), 80),
    "genome": (use_genome, a_genome, 400),
    "text": (Graph.from_text, lambda rng: mutated_text(Graph.from_json(rng.choice(GRAPHS)).to_text(addresses=True), rng),
             200),
    "values": (loads, lambda rng: mutated_bytes(json.dumps(SPACES[rng.choice(NAMES)].to_json()["template"]).encode(), rng),
               200),
    "network": (use_network, lambda rng: mutated(rng.choice(GRAPHS[-60:]), rng), 150),
    "weights": (Network.from_bytes, lambda rng: mutated_bytes(rng.choice(SAVED), rng), 300),
}  # fmt: skip
"""What is done with a document of each kind, how one is made, and how many are."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_nearly_right_is_read_or_refused_in_words(kind):
    use, make, count = KINDS[kind]
    rng = Random(f"{kind} 0")
    read = 0
    for i in range(count):
        data = make(rng)
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, about layers of no size
                use(data)
            read += 1
        except NasmythError as error:
            assert str(error), i
        except Exception as error:
            raise AssertionError(f"case {i} of {kind}: {type(error).__name__}: {error}: {str(data)[:2000]}") from error
        assert time.process_time() - began < 10, (i, data)
    assert 0 < read < count
