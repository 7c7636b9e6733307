"""One network in several processes of a `torch.distributed` group: experts, heads, or all weights shared out.

share_experts(network)                  # mixtures: each process holds some experts              (experts.py)
fold(network, tensor=2)                 # experts among all, heads of attention among few        (folding.py)
fully_shard(network, folder="...")      # everything, in files where memory is too small         (sharding.py)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.train.parallel.experts import average_gradients, planned_bytes, share_experts
    from nasmyth.train.parallel.folding import Folding, fold
    from nasmyth.train.parallel.sharding import ShardedOptimizer, Shards, fully_shard

__all__ = [
    "Folding",
    "ShardedOptimizer",
    "Shards",
    "average_gradients",
    "fold",
    "fully_shard",
    "planned_bytes",
    "share_experts",
]
__getattr__, __dir__ = contents(
    __name__,
    {
        "experts": ("average_gradients", "planned_bytes", "share_experts"),
        "folding": ("Folding", "fold"),
        "sharding": ("ShardedOptimizer", "Shards", "fully_shard"),
    },
)
