"""The operator catalogue: one layer each, one family a file. Importing it registers them all."""

from nasmyth.graph.combine import Add, Concat, Identity, Multiply, Zero
from nasmyth.graph.op import op
from nasmyth.ops.activations import Activation
from nasmyth.ops.attention import Attention
from nasmyth.ops.convolution import Conv, DepthwiseConv
from nasmyth.ops.embedding import LearnedPosition, Patchify, SinCosPosition
from nasmyth.ops.joins import Gate
from nasmyth.ops.linear import Linear
from nasmyth.ops.norms import BatchNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm
from nasmyth.ops.pooling import AttentionPool, AvgPool, MaxPool, Mean
from nasmyth.ops.regularise import Dropout, DropPath, LayerScale, LayerScale2d
from nasmyth.ops.reshape import ChannelShuffle, Flatten, ToImage, ToSequence, Upsample
from nasmyth.ops.table import Columns

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "AttentionPool",
    "AvgPool",
    "BatchNorm",
    "ChannelShuffle",
    "Columns",
    "Concat",
    "Conv",
    "DepthwiseConv",
    "DropPath",
    "Dropout",
    "Flatten",
    "Gate",
    "GroupNorm",
    "Identity",
    "LayerNorm",
    "LayerNorm2d",
    "LayerScale",
    "LayerScale2d",
    "LearnedPosition",
    "Linear",
    "MaxPool",
    "Mean",
    "Multiply",
    "Patchify",
    "RMSNorm",
    "SinCosPosition",
    "ToImage",
    "ToSequence",
    "TokenBatchNorm",
    "Upsample",
    "Zero",
    "op",
]
