"""The operator catalogue: one layer each, one family a file. Importing it registers them all."""

from nasmyth.graph.frames import Framewise
from nasmyth.graph.joins import Add, Concat, Identity, Multiply, Zero
from nasmyth.graph.op import op
from nasmyth.ops import joins  # noqa: F401  gives joins their modules
from nasmyth.ops.activations import Activation
from nasmyth.ops.attention import Attention, PixelAttention
from nasmyth.ops.basis import BasisExpansion
from nasmyth.ops.beside import Orthogonal, RepeatLike
from nasmyth.ops.chunking import Boundaries, Chunk, Unchunk
from nasmyth.ops.complex import ComplexConv, ComplexMask
from nasmyth.ops.contexts import ContextAttention, ContextMean
from nasmyth.ops.convex_recurrent import ConvexLinear, ConvexRNN
from nasmyth.ops.convolution import Conv, DepthwiseConv, TransposedConv
from nasmyth.ops.decaying import DecayingActivation
from nasmyth.ops.dynamic import ContMix
from nasmyth.ops.embedding import Embedding, LearnedPosition, Patchify, SinCosPosition
from nasmyth.ops.experts import MixtureOfExperts
from nasmyth.ops.foreign.opaque import Opaque
from nasmyth.ops.framewise import Repeated
from nasmyth.ops.gated import GatedSum
from nasmyth.ops.gated_recurrence import GatedRecurrence
from nasmyth.ops.grouped_attention import GroupedAttention
from nasmyth.ops.hash_grid import HashGrid
from nasmyth.ops.head_attention import CrossAttention, HeadAttention, SplitAttention
from nasmyth.ops.labels import CosineLinear, LabelLinear, LabelPool
from nasmyth.ops.linear import Linear
from nasmyth.ops.linear_attention import GatedLinearAttention, LinearAttention
from nasmyth.ops.long_convolution import Convolve, LongConv, RingConv
from nasmyth.ops.members import MemberHead, MemberLinear, Members
from nasmyth.ops.message_passing import MessagePassing
from nasmyth.ops.norms import BatchNorm, GlobalResponseNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm
from nasmyth.ops.parallel_recurrent import ParallelRNN
from nasmyth.ops.poincare import FromBall, MobiusAdd, PoincareConv, PoincareLinear, ToBall
from nasmyth.ops.poincare_norm import PoincareBatchNorm
from nasmyth.ops.pointing import Pointer, WordsAndItems
from nasmyth.ops.pooling import AttentionPool, AvgPool, MaxPool, Mean
from nasmyth.ops.primitives import Constant, Divide, Function, Learned, Maximum, Moment
from nasmyth.ops.products import DotProductAttention, MatMul
from nasmyth.ops.rectangle import RectConv
from nasmyth.ops.recurrent import GRU, LSTM
from nasmyth.ops.regularise import Dropout, DropPath, LayerScale, LayerScale2d
from nasmyth.ops.reshape import ChannelShuffle, ChannelSlice, Flatten, ToImage, ToSequence, Upsample
from nasmyth.ops.resize import Resize, ResizeLike
from nasmyth.ops.routing import Col2Im, Im2Col, Part, Pooled, RowProducts
from nasmyth.ops.scheduled import ScheduledDropPath
from nasmyth.ops.sequence import SequenceConv, SequenceDepthwiseConv
from nasmyth.ops.sets import SetProcess
from nasmyth.ops.shift import ShiftPixel
from nasmyth.ops.state_space import DiagonalStateSpace, SelectiveStateSpace
from nasmyth.ops.table import Columns
from nasmyth.ops.tensors import Permute, Reshape, Select, Slice, Softmax, Weight
from nasmyth.ops.tokens import ClassToken, FirstToken
from nasmyth.ops.unit import UnitVector

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Attention",
    "AttentionPool",
    "AvgPool",
    "BasisExpansion",
    "BatchNorm",
    "Boundaries",
    "ChannelShuffle",
    "ChannelSlice",
    "Chunk",
    "ClassToken",
    "Col2Im",
    "Columns",
    "ComplexConv",
    "ComplexMask",
    "Concat",
    "Constant",
    "ContMix",
    "ContextAttention",
    "ContextMean",
    "Conv",
    "ConvexLinear",
    "ConvexRNN",
    "Convolve",
    "CosineLinear",
    "CrossAttention",
    "DecayingActivation",
    "DepthwiseConv",
    "DiagonalStateSpace",
    "Divide",
    "DotProductAttention",
    "DropPath",
    "Dropout",
    "Embedding",
    "FirstToken",
    "Flatten",
    "Framewise",
    "FromBall",
    "Function",
    "GatedLinearAttention",
    "GatedRecurrence",
    "GatedSum",
    "GlobalResponseNorm",
    "GroupNorm",
    "GroupedAttention",
    "HashGrid",
    "HeadAttention",
    "Identity",
    "Im2Col",
    "LabelLinear",
    "LabelPool",
    "LayerNorm",
    "LayerNorm2d",
    "LayerScale",
    "LayerScale2d",
    "Learned",
    "LearnedPosition",
    "Linear",
    "LinearAttention",
    "LongConv",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Mean",
    "MemberHead",
    "MemberLinear",
    "Members",
    "MessagePassing",
    "MixtureOfExperts",
    "MobiusAdd",
    "Moment",
    "Multiply",
    "Opaque",
    "Orthogonal",
    "ParallelRNN",
    "Part",
    "Patchify",
    "Permute",
    "PixelAttention",
    "PoincareBatchNorm",
    "PoincareConv",
    "PoincareLinear",
    "Pointer",
    "Pooled",
    "RMSNorm",
    "RectConv",
    "RepeatLike",
    "Repeated",
    "Reshape",
    "Resize",
    "ResizeLike",
    "RingConv",
    "RowProducts",
    "ScheduledDropPath",
    "Select",
    "SelectiveStateSpace",
    "SequenceConv",
    "SequenceDepthwiseConv",
    "SetProcess",
    "ShiftPixel",
    "SinCosPosition",
    "Slice",
    "Softmax",
    "SplitAttention",
    "ToBall",
    "ToImage",
    "ToSequence",
    "TokenBatchNorm",
    "TransposedConv",
    "Unchunk",
    "UnitVector",
    "Upsample",
    "Weight",
    "WordsAndItems",
    "Zero",
    "op",
]
