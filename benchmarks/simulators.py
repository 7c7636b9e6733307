"""Two analytic simulators of hardware, each with its space of designs, for benchmarks of strategies.

    space, cost = MEMORY.space, MEMORY.cost
    cost(space.sample(0))                   # less is better

MEMORY, a DRAM controller: requests of a mixture of streams and random accesses pass through a buffer, by whose rule the next
is chosen; a row that is open costs a column access, another one a precharge and an activation as well. Cost: time times energy.
SYSTOLIC, an array of multipliers: the cycles of each layer of ResNet-18 by the equations of SCALE-Sim (Samajdar et al. 2020, "A
systematic methodology for characterizing scalability of DNN accelerators using SCALE-Sim", section II) for three dataflows, or
those that its memory traffic takes, whichever is more; what its buffers do not hold is fetched once for each fold. Cost: time
times energy, and more where the area is above a bound.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from nasmyth.graph import Op, chain
from nasmyth.graph.op import ops
from nasmyth.ops.rules import weightless
from nasmyth.space import Genome, Space, choice


class Simulator(NamedTuple):
    """A space of designs and what each costs."""

    space: Space
    cost: Callable[[Genome], float]


# --- a memory controller ----------------------------------------------------------------------------------------------

REQUESTS, ROWS, COLUMNS = 1500, 256, 64
COLUMN, ACTIVATE, PRECHARGE, TURN, REFRESH = 10, 10, 10, 6, 40
"""Cycles: of an access to an open row, of opening one, of closing one, of turning the bus between reading and writing, of a
refresh."""


class MemoryController(Op):
    """The settings of a controller."""

    signature = "b c -> b c"
    page: Any
    scheduler: Any
    buffer: Any
    banks: Any
    mapping: Any
    grouping: Any
    refresh: Any


ops.add("MemoryController", MemoryController)
weightless(MemoryController)  # it is no network


def _trace() -> list[tuple[int, bool]]:
    """Addresses and whether they are written: four streams, and random accesses among them."""
    rng, found = random.Random(0), []
    streams = [rng.randrange(2**20) for _ in range(4)]
    for _ in range(REQUESTS):
        if rng.random() < 0.3:
            address = rng.randrange(2**20)
        else:
            stream = rng.randrange(4)
            streams[stream] = address = (streams[stream] + 1) % 2**20
        found.append((address, rng.random() < 0.3))
    return found


TRACE = _trace()


def _place(address: int, banks: int, mapping: str) -> tuple[int, int]:
    """The bank and the row of an address."""
    if mapping == "row bank column":
        rest = address // COLUMNS
        return rest % banks, rest // banks % ROWS
    if mapping == "bank row column":
        return address // (COLUMNS * ROWS) % banks, address // COLUMNS % ROWS
    rest = address // COLUMNS
    return (rest ^ rest // banks) % banks, rest // banks % ROWS  # permuted: rows that collide are spread


class Request(NamedTuple):
    """In the order in which they came."""

    number: int
    bank: int
    row: int
    write: bool


class Controlled:
    """A memory under a controller."""

    def __init__(self, settings: Genome) -> None:
        self.settings = settings
        self.open: dict[int, int] = {}
        self.free = [0] * settings["banks"]
        self.now, self.writing, self.activations, self.due = 0, False, 0, settings["refresh"]

    def rank(self, one: Request) -> tuple[Any, ...]:
        """Less is sooner."""
        waits = {
            "first come": False,
            "row hits first": self.open.get(one.bank) != one.row,
            "free banks first": self.free[one.bank] > self.now,
        }
        return waits[self.settings["scheduler"]], self.settings["grouping"] and one.write != self.writing, one.number

    def serve(self, one: Request) -> None:
        turned = TURN * (one.write != self.writing)
        start, took = max(self.now, self.free[one.bank]), COLUMN + turned
        if self.open.get(one.bank) != one.row:
            took += ACTIVATE + PRECHARGE * (one.bank in self.open)
            self.activations += 1
        if self.settings["page"] == "open":
            self.open[one.bank] = one.row
        else:
            took += PRECHARGE
            self.open.pop(one.bank, None)
        self.free[one.bank] = start + took
        self.now, self.writing = start + COLUMN // 2 + turned, one.write
        if self.now >= self.due:
            self.now += REFRESH
            self.due = self.now + self.settings["refresh"]
            self.open.clear()


def memory(genome: Genome) -> float:
    """Cycles times energy of a controller on the trace, in millions."""
    banks, controlled = genome["banks"], Controlled(genome)
    waiting = [
        Request(i, *_place(address, banks, genome["mapping"]), write) for i, (address, write) in enumerate(TRACE)
    ]
    while waiting:
        chosen = min(waiting[: genome["buffer"]], key=controlled.rank)
        waiting.remove(chosen)
        controlled.serve(chosen)
    cycles = max(controlled.now, *controlled.free)
    leak = 0.05 + 0.01 * banks + 0.004 * genome["buffer"] + 40 / genome["refresh"]
    return cycles * (20 * controlled.activations + 4 * REQUESTS + leak * cycles) / 1e6


MEMORY = Simulator(
    Space(
        chain(
            MemoryController(
                choice("open", "closed", name="page"),
                choice("first come", "row hits first", "free banks first", name="scheduler"),
                choice(1, 2, 4, 8, 16, 32, 64, name="buffer"),
                choice(2, 4, 8, 16, 32, name="banks"),
                choice("row bank column", "bank row column", "permuted", name="mapping"),
                choice(False, True, name="grouping"),
                choice(500, 1000, 2000, 4000, 8000, name="refresh"),
            )
        ),
        (4,),
    ),
    memory,
)

# --- a systolic array -------------------------------------------------------------------------------------------------

LAYERS = (
    (112 * 112, 64, 147), (56 * 56, 64, 576), (28 * 28, 128, 576), (28 * 28, 128, 1152), (14 * 14, 256, 1152),
    (14 * 14, 256, 2304), (7 * 7, 512, 2304), (7 * 7, 512, 4608), (1, 1000, 512),
)  # fmt: skip
"""Of each layer as a product: rows, columns, and what is summed."""
REPEATED = (1, 4, 1, 3, 1, 3, 1, 3, 1)
AREA = 2.0e5


class SystolicArray(Op):
    """The settings of an array."""

    signature = "b c -> b c"
    height: Any
    width: Any
    dataflow: Any
    inputs: Any
    weights: Any
    outputs: Any
    bandwidth: Any


ops.add("SystolicArray", SystolicArray)
weightless(SystolicArray)


def systolic(genome: Genome) -> float:
    """Cycles times energy of the layers, in billions."""
    height, width = genome["height"], genome["width"]
    cycles = energy = 0.0
    for (m, n, k), times in zip(LAYERS, REPEATED, strict=True):
        rows, columns, depth = {"outputs": (m, n, k), "weights": (k, n, m), "inputs": (k, m, n)}[genome["dataflow"]]
        folds = math.ceil(rows / height), math.ceil(columns / width)
        computing = (2 * height + width + depth - 2) * folds[0] * folds[1]
        again = {"inputs": folds[1], "weights": folds[0], "outputs": 1 if genome["dataflow"] == "outputs" else folds[0]}
        traffic = 0.0
        for what, size in (("inputs", m * k), ("weights", k * n), ("outputs", m * n)):
            fetched = 1 if size <= 1024 * genome[what] else again[what]
            traffic += size * fetched
        on_chip = m * k * folds[1] + k * n * folds[0] + m * n * (1 if genome["dataflow"] == "outputs" else 2 * folds[0])
        taken = max(computing, traffic / genome["bandwidth"])
        cycles += times * taken
        energy += times * (200 * traffic + 6 * on_chip + m * n * k + 0.02 * height * width * taken)
    area = (
        10 * height * width
        + 30 * (genome["inputs"] + genome["weights"] + genome["outputs"])
        + 400 * genome["bandwidth"]
    )
    return cycles * energy * max(1.0, area / AREA) ** 4 / 1e15


SYSTOLIC = Simulator(
    Space(
        chain(
            SystolicArray(
                choice(*(2**i for i in range(2, 9)), name="height"),
                choice(*(2**i for i in range(2, 9)), name="width"),
                choice("outputs", "weights", "inputs", name="dataflow"),
                *(choice(16, 32, 64, 128, 256, 512, 1024, name=what) for what in ("inputs", "weights", "outputs")),
                choice(4, 8, 16, 32, 64, 128, name="bandwidth"),
            )
        ),
        (4,),
    ),
    systolic,
)
SIMULATORS = {"memory controller": MEMORY, "systolic array": SYSTOLIC}
