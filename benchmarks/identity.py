"""Are isomorphic networks one, and others not? All cells of NAS-Bench-101, NAS-Bench-201 and NAS-Bench-Graph.

    python benchmarks/identity.py [--only nb201] [--vertices 7] [--relabelled 20000]

First every isomorphism class of NAS-Bench-101 cells is listed by a method that knows nothing of our keys: all upper
triangular matrices in which every vertex lies between input and output; of each class the one whose matrix is least over
all permutations of the vertices between them; then all labellings of it, the least of each orbit of its automorphisms.
Baseline: the 423,624 cells that Ying et al. (2019, arXiv:1902.09635) publish. Every class must have a key of its own, and
keep it when its vertices are numbered anew at random.

Then the networks of all NAS-Bench-201 cells are keyed. Baseline: the 6,466 that Dong and Yang (2020, arXiv:2001.00326)
publish, which is also computed here, by the rule of their paper: a cell's output written as an expression of its input,
in which skips vanish and zeros are marked, terms sorted. That rule and ours differ in three ways, each of which is counted:

- A sum keeps its zeros in their expression, and its terms as they were nested: it tells cells apart that compute the same.
- An expression does not say whether a convolution that stands in it twice is one with one set of weights or two. It takes
  cells for equal that have different numbers of parameters.
- Sums of sums stay sums of sums in our graphs, as they do in theirs: how many networks there were if each were written
  as one sum is printed as well.

Last the 59,049 ways to write a network of NAS-Bench-Graph. Baseline: the 26,206 that Qin et al. (2022, arXiv:2206.09166)
publish; ours has one more, that without any layer, which they leave out.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from nasmyth.graph import Add, Graph
from nasmyth.spaces import nas_bench_graph, nb101, nb201
from nasmyth.spaces.nas_bench_graph import text
from nasmyth.spaces.nb101 import EDGES, OPERATIONS, Wiring, cell

PUBLISHED = {7: 423_624}
PUBLISHED_201 = 6_466
PUBLISHED_GRAPH = 26_206


# --- the classes of NAS-Bench-101, without our keys ---------------------------------------------------------------


def matrices(n: int) -> np.ndarray:
    """All upper triangular matrices (m, n, n) of at most 9 edges in which every vertex lies between the two ends."""
    places = list(itertools.combinations(range(n), 2))
    found = []
    for k in range(n - 1, min(EDGES, len(places)) + 1):
        chosen = np.array(list(itertools.combinations(range(len(places)), k)))
        made = np.zeros((len(chosen), n, n), dtype=bool)
        rows, columns = np.array(places).T
        made[np.arange(len(chosen))[:, None], rows[chosen], columns[chosen]] = True
        # an edge into every vertex but the first and out of every one but the last: in a DAG so ordered, that is enough
        found.append(made[made.any(1)[:, 1:].all(1) & made.any(2)[:, :-1].all(1)])
    return np.concatenate(found) if found else np.zeros((0, n, n), dtype=bool)


def classes(n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each unlabelled cell of n vertices, up to isomorphism, with its labellings (m, n - 2) up to automorphism."""
    every = matrices(n)
    orders = np.array([(0, *inner, n - 1) for inner in itertools.permutations(range(1, n - 1))])
    weights = 1 << np.arange(n * n, dtype=np.int64)
    codes = np.stack([every[:, order][:, :, order].reshape(len(every), -1) @ weights for order in orders])
    _, first = np.unique(codes.min(0), return_index=True)
    digits = 3 ** np.arange(n - 2)
    labellings = np.array(list(itertools.product(range(3), repeat=n - 2))).reshape(3 ** (n - 2), n - 2)
    for matrix, own in zip(every[first], codes[:, first].T, strict=True):
        symmetries = orders[own == own[0]][:, 1:-1] - 1  # the first order changes nothing
        images = np.stack([labellings[:, symmetry] @ digits for symmetry in symmetries])
        yield matrix, labellings[images.min(0) == labellings @ digits]


def wirings(vertices: int) -> Iterator[Wiring]:
    """One cell of each class, of 2 up to so many vertices."""
    for n in range(2, vertices + 1):
        for matrix, labellings in classes(n):
            sources = tuple(tuple(np.flatnonzero(matrix[:, j]).tolist()) for j in range(1, n))
            for labels in labellings.tolist():
                yield sources, tuple(OPERATIONS[label] for label in labels)


def relabelled(wiring: Wiring, rng: Random) -> Wiring:
    """The same cell with its vertices in another order, drawn at random among the possible ones."""
    sources, operations = wiring
    n, order, waiting = len(sources), [0], list(range(1, len(sources)))
    while waiting:
        ready = [j for j in waiting if set(sources[j - 1]) <= set(order)]
        order.append(rng.choice(ready))
        waiting.remove(order[-1])
    number = {old: new for new, old in enumerate([*order, n])}
    arriving = tuple(tuple(sorted(number[i] for i in sources[old - 1])) for old in [*order[1:], n])
    return arriving, tuple(operations[old - 1] for old in order[1:])


# --- the published rule of NAS-Bench-201 --------------------------------------------------------------------------


def expression(genome: dict[str, Any]) -> str:
    """A cell's output as an expression of its input, as the authors of the benchmark tell cells apart."""
    states = ["0"]
    for j in range(1, 4):
        terms = []
        for i in range(j):
            operation = genome[f"{i}->{j}"]
            if operation == 0 or states[i] == "#":
                terms.append("#")
            else:
                terms.append(states[i] if operation == 1 else f"({states[i]})@{operation}")
        states.append("+".join(sorted(terms)))
    return states[3]


def summed_at_once(graph: Graph) -> Graph:
    """The graph with the terms of a sum that is a term of another in that other's place."""
    terms: dict[int, tuple[int, ...]] = {}
    made = []
    for i, node in enumerate(graph.nodes):
        if isinstance(node.op, Add):
            terms[i] = tuple(term for j in node.inputs for term in terms.get(j, (j,)))
            node = node._replace(inputs=terms[i])
        made.append(node)
    return Graph(tuple(made))


def parts(keys: list[str], said: list[str]) -> tuple[int, int]:
    """How many more cells each way of telling them apart finds within what the other takes for one: (rule, keys)."""
    both = len(set(zip(keys, said, strict=True)))
    return both - len(set(keys)), both - len(set(said))


# --- printing -----------------------------------------------------------------------------------------------------


def nb101_classes(vertices: int, again: int) -> bool:
    rng, seen, sizes = Random(0), {}, dict.fromkeys(range(2, vertices + 1), 0)
    start = time.perf_counter()
    every = list(wirings(vertices))
    listing = time.perf_counter() - start
    print(f"NAS-Bench-101: {len(every):,} classes of cells listed in {listing:.1f} s", flush=True)
    start, collisions = time.perf_counter(), 0
    for i, one in enumerate(every):
        key = cell(one).key
        sizes[len(one[0]) + 1] += 1
        if seen.setdefault(key, one) is not one:
            collisions += 1
            print(f"  one key, two classes: {one} and {seen[key]}")
        if (i + 1) % 50_000 == 0:
            rate = (i + 1) / (time.perf_counter() - start)
            print(f"  {i + 1:,} keyed, {rate:,.0f}/s, {len(seen):,} keys", flush=True)
    seconds = time.perf_counter() - start
    changed = sum(cell(one).key != cell(relabelled(one, rng)).key for one in rng.sample(every, min(again, len(every))))
    wanted = PUBLISHED.get(vertices)
    print(f"  by number of vertices   {', '.join(f'{n}: {count:,}' for n, count in sizes.items())}")
    print(f"  distinct keys           {len(seen):>9,}   (published: {wanted:,})" if wanted else f"  {len(seen):,} keys")
    print(f"  keys shared by classes  {collisions:>9,}")
    print(f"  changed by relabelling  {changed:>9,}   of {min(again, len(every)):,}")
    print(f"  seconds                 {seconds:>9.1f}   ({len(every) / seconds:,.0f} cells/s)")
    print(f"  genomes of the space    {nb101().size:>9,}")
    return not collisions and not changed and wanted in (None, len(seen))


def nb201_networks() -> bool:
    space = nb201()
    every = list(space.enumerate())
    start = time.perf_counter()
    graphs = [space.decode(one) for one in every]
    keys = [graph.key for graph in graphs]
    seconds = time.perf_counter() - start
    said = [expression(one) for one in every]
    finer, coarser = parts(keys, said)
    flat = {summed_at_once(graph).key for graph in {graph.key: graph for graph in graphs}.values()}
    print(f"NAS-Bench-201: {len(every):,} cells keyed in {seconds:.1f} s")
    print(f"  distinct networks, our key         {len(set(keys)):>7,}")
    print(f"  by the published rule              {len(set(said)):>7,}   (published: {PUBLISHED_201:,})")
    print(f"  told apart by the rule alone       {finer:>7,}   equal networks: zeros kept in sums, nesting, order")
    print(
        f"  told apart by the key alone        {coarser:>7,}   one set of weights or two, which the rule does not see"
    )
    print(f"  with sums of sums written as one   {len(flat):>7,}")
    return len(set(said)) == PUBLISHED_201


def graph_networks() -> bool:
    space = nas_bench_graph(input=(10, 4))
    start = time.perf_counter()
    texts: dict[str, set[str]] = {}
    for one in space.enumerate():
        texts.setdefault(space.decode(one).key, set()).add(text(one))
    seconds = time.perf_counter() - start
    split = len(set().union(*texts.values())) - len(texts)
    print(f"NAS-Bench-Graph: {space.size:,} ways to write a network keyed in {seconds:.1f} s")
    print(
        f"  distinct networks, our key         {len(texts):>7,}   (published: {PUBLISHED_GRAPH:,}, and that of no layer)"
    )
    print(f"  texts beyond one for each key      {split:>7,}")
    return len(texts) == PUBLISHED_GRAPH + 1 and not split


def main() -> int:
    """Print the figures; 1 if a count is not the published one or a key fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("nb101", "nb201", "graph"), help="one of the three")
    parser.add_argument("--vertices", type=int, default=7, help="the most that a cell may have")
    parser.add_argument("--relabelled", type=int, default=20_000, help="cells whose vertices are numbered anew")
    args = parser.parse_args()
    tasks = {
        "nb201": nb201_networks,
        "graph": graph_networks,
        "nb101": lambda: nb101_classes(args.vertices, args.relabelled),
    }
    right = [work() for name, work in tasks.items() if args.only in (None, name)]
    return int(not all(right))


if __name__ == "__main__":
    sys.exit(main())
