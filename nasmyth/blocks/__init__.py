"""Blocks: templates of ops with a signature of their own, one family a file. Importing it registers them all."""

from nasmyth.blocks.aggregation import one_shot_aggregation
from nasmyth.blocks.cells import factorised_reduce, relu_conv, relu_rectangles, relu_separable
from nasmyth.blocks.chunked import chunked
from nasmyth.blocks.complex import complex_dense, complex_masks
from nasmyth.blocks.contexts import neural_process, read_process_write
from nasmyth.blocks.convnext import convnext, convnext_downsample
from nasmyth.blocks.convolution import conv_block, depthwise_block, separable_conv
from nasmyth.blocks.densenet import densenet_block, densenet_layer, densenet_transition
from nasmyth.blocks.dolg import attentive, dolg, multi_atrous, orthogonal_fusion
from nasmyth.blocks.experts import expert_transformer, hash_experts, residual_experts, wide_transformer
from nasmyth.blocks.feedforward import gated_mlp, mlp
from nasmyth.blocks.hadamard import bilinear_fusion, film, glu, polynomial, token_film
from nasmyth.blocks.heads import cosine_head, image_head, label_head, rotation_head, sequence_head
from nasmyth.blocks.inverted import inverted_residual, skip_or_match, split_transformer
from nasmyth.blocks.kan import kan_conv, kan_linear
from nasmyth.blocks.long_convolution import hyena, orchid
from nasmyth.blocks.lowformer import lowformer_block, slim_attention
from nasmyth.blocks.mobile import fused_mbconv, mbconv, squeeze_excite
from nasmyth.blocks.overlock import overlock, overlock_base, overlock_focus, overlock_focus_downsample, overlock_stem
from nasmyth.blocks.poincare import poincare_block
from nasmyth.blocks.recurrent import recurrent_answers
from nasmyth.blocks.residual import basic_block, bottleneck_block
from nasmyth.blocks.resnet_rs import resnet_d_stem, rs_bottleneck
from nasmyth.blocks.split_dense import dual_path_feedforward, split_dense, subgroup_attention
from nasmyth.blocks.state_space import mamba, min_gru
from nasmyth.blocks.tabular import dense_block, dense_residual, member_block, tabm
from nasmyth.blocks.transformer import transformer
from nasmyth.blocks.vanilla import series_activation, vanilla_block, vanilla_head, vanilla_stem

__all__ = [
    "attentive",
    "basic_block",
    "bilinear_fusion",
    "bottleneck_block",
    "chunked",
    "complex_dense",
    "complex_masks",
    "conv_block",
    "convnext",
    "convnext_downsample",
    "cosine_head",
    "dense_block",
    "dense_residual",
    "densenet_block",
    "densenet_layer",
    "densenet_transition",
    "depthwise_block",
    "dolg",
    "dual_path_feedforward",
    "expert_transformer",
    "factorised_reduce",
    "film",
    "fused_mbconv",
    "gated_mlp",
    "glu",
    "hash_experts",
    "hyena",
    "image_head",
    "inverted_residual",
    "kan_conv",
    "kan_linear",
    "label_head",
    "lowformer_block",
    "mamba",
    "mbconv",
    "member_block",
    "min_gru",
    "mlp",
    "multi_atrous",
    "neural_process",
    "one_shot_aggregation",
    "orchid",
    "orthogonal_fusion",
    "overlock",
    "overlock_base",
    "overlock_focus",
    "overlock_focus_downsample",
    "overlock_stem",
    "poincare_block",
    "polynomial",
    "read_process_write",
    "recurrent_answers",
    "relu_conv",
    "relu_rectangles",
    "relu_separable",
    "residual_experts",
    "resnet_d_stem",
    "rotation_head",
    "rs_bottleneck",
    "separable_conv",
    "sequence_head",
    "series_activation",
    "skip_or_match",
    "slim_attention",
    "split_dense",
    "split_transformer",
    "squeeze_excite",
    "subgroup_attention",
    "tabm",
    "token_film",
    "transformer",
    "vanilla_block",
    "vanilla_head",
    "vanilla_stem",
    "wide_transformer",
]
