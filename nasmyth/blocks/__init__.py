"""Blocks: templates of ops with a signature of their own, one family a file. Importing it registers them all."""

from nasmyth.blocks.aggregation import one_shot_aggregation
from nasmyth.blocks.convnext import convnext, convnext_downsample
from nasmyth.blocks.convolution import conv_block, depthwise_block, separable_conv
from nasmyth.blocks.feedforward import gated_mlp, mlp
from nasmyth.blocks.heads import image_head, sequence_head
from nasmyth.blocks.mobile import fused_mbconv, mbconv, squeeze_excite
from nasmyth.blocks.residual import basic_block, bottleneck_block
from nasmyth.blocks.tabular import dense_block, dense_residual
from nasmyth.blocks.transformer import transformer

__all__ = [
    "basic_block",
    "bottleneck_block",
    "conv_block",
    "convnext",
    "convnext_downsample",
    "dense_block",
    "dense_residual",
    "depthwise_block",
    "fused_mbconv",
    "gated_mlp",
    "image_head",
    "mbconv",
    "mlp",
    "one_shot_aggregation",
    "separable_conv",
    "sequence_head",
    "squeeze_excite",
    "transformer",
]
