"""The rank of attention maps: how many places a layer really tells apart (gamma-MoD, Luo et al. 2024, arXiv:2410.13859,
equation 4).

    mean over examples and heads of rank(softmax(q k' / sqrt(d)))

A layer of low rank is one that could be skipped for many tokens: `attention_ranks` gives the layers one by one, in the order
in which they are computed; the measure is their mean. Of a trained network, as in the paper, or of an untrained one. The
rank counts singular values above RELATIVE of the largest. Maps are told of what is handed to PyTorch's own attention, so
that attention within foreign modules is seen as well.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.passes import EXAMPLES
from nasmyth.network.pipeline import evaluating

RELATIVE = 1e-3


class _Watching(TorchFunctionMode):
    """Inside, keeps the rank of every map of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.ranks: list[float] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            self.ranks.append(_rank(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _rank(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, **more: Any,
) -> float:  # fmt: skip
    products = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        hidden = torch.ones(products.shape[-2:], dtype=torch.bool, device=products.device).triu(1)
        products = products.masked_fill(hidden, -math.inf)
    if attn_mask is not None:
        products = (
            products.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else products + attn_mask
        )
    values = torch.linalg.svdvals(products.softmax(-1).double())
    return float((values > RELATIVE * values[..., :1]).sum(-1).double().mean())


def attention_ranks(network: Any, batch: Any) -> list[float]:
    """The mean rank of the maps of each layer of attention, in the order in which they are computed; prepared inputs."""
    entries = tuple(x[:EXAMPLES] for x in (batch if isinstance(batch, tuple) else (batch,)))
    with evaluating(network), torch.no_grad(), _Watching() as watching:
        network(*entries)
    return watching.ranks


@measure(unit="", direction="max", needs=("network", "batch"))
def attention_rank(network: Any, batch: Any) -> float:
    """Mean rank of the attention maps of an untrained network (gamma-MoD, Luo et al. 2024, arXiv:2410.13859)."""
    found = attention_ranks(network, batch)
    if not found:
        raise CandidateError("attention_rank looks at maps of attention, and this network has none: leave it out")
    return sum(found) / len(found)
