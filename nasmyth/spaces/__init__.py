"""Spaces: templates with holes, one a file."""

from nasmyth.spaces.as_vit import as_vit
from nasmyth.spaces.autoformer import autoformer
from nasmyth.spaces.darts import darts
from nasmyth.spaces.einspace import einspace
from nasmyth.spaces.evonorm import evonorm
from nasmyth.spaces.fbnet import fbnet
from nasmyth.spaces.fbnetv3 import fbnetv3
from nasmyth.spaces.graph_networks import graph_networks
from nasmyth.spaces.images import images
from nasmyth.spaces.lowformer import lowformer
from nasmyth.spaces.mixers import mixers
from nasmyth.spaces.nas_bench_graph import nas_bench_graph
from nasmyth.spaces.nasnet import nasnet
from nasmyth.spaces.nb101 import nb101
from nasmyth.spaces.nb201 import nb201
from nasmyth.spaces.ofa import ofa
from nasmyth.spaces.proxyless import proxyless
from nasmyth.spaces.recurrent import recurrent
from nasmyth.spaces.registry import spaces
from nasmyth.spaces.resnet_rs import resnet_rs
from nasmyth.spaces.sequence_convolutions import sequence_convolutions
from nasmyth.spaces.simplenet import simplenet
from nasmyth.spaces.single_path import single_path
from nasmyth.spaces.tabular import tables
from nasmyth.spaces.texts import texts
from nasmyth.spaces.uvit import uvit
from nasmyth.spaces.vanillanet import vanillanet
from nasmyth.spaces.vit import vit
from nasmyth.spaces.vovnet import vovnet
from nasmyth.spaces.wide_attention import wide_attention

__all__ = [
    "as_vit",
    "autoformer",
    "darts",
    "einspace",
    "evonorm",
    "fbnet",
    "fbnetv3",
    "graph_networks",
    "images",
    "lowformer",
    "mixers",
    "nas_bench_graph",
    "nasnet",
    "nb101",
    "nb201",
    "ofa",
    "proxyless",
    "recurrent",
    "resnet_rs",
    "sequence_convolutions",
    "simplenet",
    "single_path",
    "spaces",
    "tables",
    "texts",
    "uvit",
    "vanillanet",
    "vit",
    "vovnet",
    "wide_attention",
]
