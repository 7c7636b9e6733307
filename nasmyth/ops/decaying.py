"""An activation that fades away while a network is trained, so that the layers on its two sides become one.

VanillaNet (Chen et al. 2023, arXiv:2305.12972, "deep training"): A'(x) = (1 - t) A(x) + t x, where t grows from 0
to 1 during training. What was two layers with a nonlinearity between them when training began is one linear map at its
end, and `nasmyth.transform.merge` makes one layer of it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import op
from nasmyth.ops.activations import KINDS
from nasmyth.ops.rules import weightless


def _known(fading: Any) -> None:
    if isinstance(fading.kind, str) and fading.kind not in KINDS:
        raise SpaceError(f"{fading!r}: kind is one of {', '.join(KINDS)}{nearest(fading.kind, KINDS)}")
    if isinstance(fading.share, (int, float)) and not 0 < fading.share <= 1:
        raise SpaceError(f"{fading!r}: share is the part of the training in which it fades, above 0 and up to 1")


@op("b ... -> b ...", check=_known)
class DecayingActivation(nn.Module):
    """(1 - t) A(x) + t x in training, where t goes from 0 to 1 in the first `share` of it; x in evaluation.

    Training tells its progress by `set_progress`; before it does, t is 0. In evaluation it is the identity from the
    start, since that is what the network will be once it is merged: scores taken during training are of the network
    that comes out, and whatever weights were the best can be merged. With relu it is the published leaky relu of slope t.
    Departure: it may have faded before training ends (`share` below 1; the paper: 1), so that some of the training is
    of the very network that is deployed.
    """

    def __init__(self, kind: str = "relu", share: float = 1.0) -> None:
        super().__init__()
        self.kind, self.share = kind, share
        self.faded = 0.0

    def set_progress(self, fraction: float) -> None:
        """Take note of how much of the training is over, 0 to 1."""
        self.faded = min(1.0, fraction / self.share)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.faded == 1.0:
            return x
        return torch.lerp(getattr(F, self.kind)(x), x, self.faded)

    def extra_repr(self) -> str:
        return f"{self.kind}, share={self.share}"


weightless(DecayingActivation)

EXAMPLES = [(DecayingActivation(), (3, 4, 4)), (DecayingActivation("gelu", share=0.5), (6,))]
