"""Transforms: from a network to another that goes on from its weights, one a file."""

from nasmyth.transform.experts import add_experts
from nasmyth.transform.merge import merge
from nasmyth.transform.scale import scale

__all__ = ["add_experts", "merge", "scale"]
