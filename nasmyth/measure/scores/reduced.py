"""A score of a smaller network in the place of the whole, which is cheaper: fewer blocks, fewer pixels.

    reduced("jacov", copies=1)             reduced@jacov,copies=1      of each row of equal blocks only the first stays
    reduced("jacov", side=16)              reduced@jacov,side=16       images of 16 pixels

A proxy of the network itself (Zhou et al. 2020, "EcoNAS", arXiv:2001.01233), whose ranking is another one: how much worse it
is than that of the whole is told beside it in benchmarks/scores.txt, for the cells of NAS-Bench-201. Images are made smaller by
the mean of what each pixel covers. Where a network has no equal blocks in a row, `copies` changes nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from nasmyth.errors import CandidateError, UnitError
from nasmyth.graph.edit import with_input
from nasmyth.graph.rows import rows, with_counts
from nasmyth.measure.candidate import Candidate
from nasmyth.measure.evaluate import evaluate
from nasmyth.measure.measure import Measure, find, measures

WITH_BATCH = ("batch", "labels", "task")
"""What a smaller network is given as well, where the score needs it."""


@cache
def reduced(score: str, copies: int = 0, side: int = 0) -> Measure:
    """A score of a smaller network: of `copies` equal blocks in a row at most, on images of `side` pixels (0: as they are)."""
    part = find(score)
    if part.requires & {"trained", "training", "device"} or not (copies or side) or min(copies, side) < 0:
        raise UnitError(
            f"reduced@{score}: give a score of untrained networks, and copies= or side=, such as 'reduced@jacov,copies=1'"
        )
    wanted = tuple(name for name in WITH_BATCH if name in part.requires)

    def of_a_smaller_one(graph: Any, seed: int, *given: Any) -> float:
        made = dict(zip(wanted, given, strict=True))
        task = made.pop("task", None)
        small = (
            with_counts(graph, found := rows(graph), [min(copies, row.copies) for row in found]) if copies else graph
        )
        if side:
            small = with_input(small, (*_image(small, part.name), side, side))
            if "batch" in made:
                made["batch"] = _smaller(made["batch"], side)
        return evaluate(Candidate(small, seed=seed, task=task, made=made), [part]).require()[part.name]

    of_a_smaller_one.__doc__ = f"{part.name} of a network with fewer equal blocks, or on smaller images."
    setting = [score, *([f"copies={copies}"] if copies else []), *([f"side={side}"] if side else [])]
    name, needs = f"reduced@{','.join(setting)}", ("graph", "seed", *wanted)
    return Measure(
        name, of_a_smaller_one, unit=part.unit, direction=part.direction, needs=needs, stochastic=part.stochastic
    )


def _image(graph: Any, name: str) -> tuple[int, ...]:
    """The channels of the image that enters. Raises CandidateError where none does."""
    if len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 3:
        raise CandidateError(f"reduced@{name}: only images have a side, and this network takes {graph.inputs}")
    return (graph.inputs[0].shape[0],)


def _smaller(batch: Any, side: int) -> Any:
    from torch.nn.functional import adaptive_avg_pool2d

    return adaptive_avg_pool2d(batch, side)


# what `nasmyth list` and errors show as an example, and what there is to say of most of them
reduced.place, reduced.unit, reduced.direction = "jacov,copies=1", "", "max"  # type: ignore[attr-defined]
measures.add("reduced", reduced)
