"""The operator catalogue: one layer each, one family a file. Importing it registers them all."""

from nasmyth.graph.joins import Add, Concat, Identity, Multiply, Zero
from nasmyth.graph.op import op
from nasmyth.ops import joins  # noqa: F401  gives joins their modules
from nasmyth.ops.activations import Activation
from nasmyth.ops.attention import Attention, PixelAttention
from nasmyth.ops.basis import BasisExpansion
from nasmyth.ops.beside import Orthogonal, RepeatLike
from nasmyth.ops.convolution import Conv, DepthwiseConv, TransposedConv
from nasmyth.ops.decaying import DecayingActivation
from nasmyth.ops.dynamic import ContMix
from nasmyth.ops.embedding import Embedding, LearnedPosition, Patchify, SinCosPosition
from nasmyth.ops.head_attention import HeadAttention, SplitAttention
from nasmyth.ops.linear import Linear
from nasmyth.ops.members import MemberHead, MemberLinear, Members
from nasmyth.ops.message_passing import MessagePassing
from nasmyth.ops.norms import BatchNorm, GlobalResponseNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm
from nasmyth.ops.opaque import Opaque
from nasmyth.ops.poincare import FromBall, MobiusAdd, PoincareConv, PoincareLinear, ToBall
from nasmyth.ops.poincare_norm import PoincareBatchNorm
from nasmyth.ops.pooling import AttentionPool, AvgPool, MaxPool, Mean
from nasmyth.ops.primitives import Constant, Divide, Function, Learned, Maximum, Moment
from nasmyth.ops.products import DotProductAttention, MatMul
from nasmyth.ops.rectangle import RectConv
from nasmyth.ops.regularise import Dropout, DropPath, LayerScale, LayerScale2d
from nasmyth.ops.reshape import ChannelShuffle, ChannelSlice, Flatten, ToImage, ToSequence, Upsample
from nasmyth.ops.resize import Resize, ResizeLike
from nasmyth.ops.routing import Col2Im, Im2Col, Part, Pooled, RowProducts
from nasmyth.ops.scheduled import ScheduledDropPath
from nasmyth.ops.sequence import SequenceConv
from nasmyth.ops.shift import ShiftPixel
from nasmyth.ops.table import Columns
from nasmyth.ops.tensors import Permute, Reshape, Select, Slice, Softmax, Weight
from nasmyth.ops.tokens import ClassToken, FirstToken

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "AttentionPool",
    "AvgPool",
    "BasisExpansion",
    "BatchNorm",
    "ChannelShuffle",
    "ChannelSlice",
    "ClassToken",
    "Col2Im",
    "Columns",
    "Concat",
    "Constant",
    "ContMix",
    "Conv",
    "DecayingActivation",
    "DepthwiseConv",
    "Divide",
    "DotProductAttention",
    "DropPath",
    "Dropout",
    "Embedding",
    "FirstToken",
    "Flatten",
    "FromBall",
    "Function",
    "GlobalResponseNorm",
    "GroupNorm",
    "HeadAttention",
    "Identity",
    "Im2Col",
    "LayerNorm",
    "LayerNorm2d",
    "LayerScale",
    "LayerScale2d",
    "Learned",
    "LearnedPosition",
    "Linear",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Mean",
    "MemberHead",
    "MemberLinear",
    "Members",
    "MessagePassing",
    "MobiusAdd",
    "Moment",
    "Multiply",
    "Opaque",
    "Orthogonal",
    "Part",
    "Patchify",
    "Permute",
    "PixelAttention",
    "PoincareBatchNorm",
    "PoincareConv",
    "PoincareLinear",
    "Pooled",
    "RMSNorm",
    "RectConv",
    "RepeatLike",
    "Reshape",
    "Resize",
    "ResizeLike",
    "RowProducts",
    "ScheduledDropPath",
    "Select",
    "SequenceConv",
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
    "Upsample",
    "Weight",
    "Zero",
    "op",
]
