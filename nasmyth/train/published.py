"""Recipes of the literature, with holes where the source searches: `fbnetv3(recipe=FBNETV3)`."""

from __future__ import annotations

from nasmyth.space import choice, real
from nasmyth.train.average import EMA
from nasmyth.train.mixing import Mixup
from nasmyth.train.optimizers import SGD, AdamW
from nasmyth.train.recipe import Recipe

_DECAY = choice(*(i * 1e-6 for i in range(7, 22)), name="weight_decay")

FBNETV3 = Recipe(
    optimizer=choice(
        SGD(lr=real(0.01, 1.0, log=True), weight_decay=_DECAY),
        AdamW(lr=real(2e-4, 0.02, log=True), weight_decay=_DECAY),
    ),
    average=choice(None, EMA(0.9999)),
    augment=(Mixup(choice(0.0, 0.1, 0.2, 0.3, 0.4)),),
)
"""FBNetV3 (Dai et al. 2021, arXiv:2006.02049): the optimizer, its learning rate, weight decay, the moving average of the
weights, and mixup. AdamW stands for RMSProp; each optimizer has a range of rates of its own, on a logarithmic scale."""
