"""Whether a network computes what the module did that it was traced from: both are run on input like the example."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.network.network import Network
from nasmyth.network.pipeline import evaluating
from nasmyth.tracing.capture import Captured
from nasmyth.tracing.refusals import refusal_of

TOLERANCE = 1e-5
"""How far a network with the module's weights may be from the module, relative to the largest answer where above 1."""


@torch.no_grad()
def compare(network: Network, program: Captured, example: Tensor) -> None:
    """Raises TraceError if a network differs from its module, and says whether chance is why."""
    module = program.module
    for x in _worth_trying(example):
        with evaluating(module):
            try:
                theirs, again = (module(x.clone()) for _ in range(2))
            except Exception as error:  # whatever somebody's forward raises
                raise refusal_of(error, module.module) from error
        if bool(theirs.isfinite().any()) or not theirs.numel():
            break
    else:
        raise TraceError(
            "the answer is NaN or infinite throughout, so that there is nothing to compare: give an example of real input"
        )
    gap = difference(network(x.clone()), theirs)
    if gap <= TOLERANCE:
        return
    differs = f"the network differs from the module by {gap:.3g}, where {TOLERANCE:g} is allowed"
    if difference(again, theirs) > TOLERANCE:
        raise TraceError(
            f"{differs}: forward gives another answer each time, since it draws random numbers or keeps something from one "
            "call to the next; give it what it draws, or leave that out in evaluation mode"
        )
    raise TraceError(
        f"{differs}: forward depends on more than its input, such as the size of the batch, or goes another way for other "
        "values than the example's"
    )


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference of two answers, relative to the largest finite one of an example where that is above 1.

    NaN equals NaN, and an infinity itself. Infinite where shapes differ.
    """
    if ours.shape != theirs.shape:
        return float("inf")
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    known = theirs.isfinite()
    if not bool((same | (known & ours.isfinite())).all()):
        return float("inf")
    ours, theirs = (torch.where(known, x, 0.0)[:, None].flatten(1).double() for x in (ours, theirs))
    if not theirs.numel():
        return 0.0
    return float(((ours - theirs).abs().amax(1) / theirs.abs().amax(1).clamp(min=1.0)).max())


def _worth_trying(example: Tensor) -> Iterator[Tensor]:
    """Inputs like the example; then, if there is no answer to them, positive ones."""
    x = inputs_like(example)
    yield x
    if x.is_floating_point():
        yield x.abs() + 0.1


def inputs_like(example: Tensor) -> Tensor:
    """Three inputs: two of the kind of the example, and itself.

    What a module makes of numbers out of its range (`log` of negative ones, say) tells nothing, so signs are kept and sizes
    shrink by up to a half. An example without information, such as zeros, is replaced by random numbers. Whole numbers may
    be places in a table: they are the example's own, in other orders.
    """
    one = example[:1].detach() if len(example) else example.new_zeros(1, *example.shape[1:])
    if not one.is_floating_point():
        return torch.cat((one, one.flip(-1), one.roll(1, -1)) if one.dim() > 1 else (one, one, one))
    generator = torch.Generator().manual_seed(0)
    if not bool(one.isfinite().all()) or bool((one == one.flatten()[:1]).all()):
        drawn = torch.randn(2, *one.shape[1:], generator=generator)
        return torch.cat((drawn.to(one.device, one.dtype), one))
    share = 1 - torch.rand(2, *one.shape[1:], generator=generator).to(one.device, one.dtype) / 2
    return torch.cat((one * share, one))
