"""Networks that somebody else wrote, as graphs: any `nn.Module`, any ONNX file.

    graph = nasmyth.trace(module, torch.randn(1, 3, 224, 224))      # the architecture
    network = nasmyth.Network.of(module, torch.randn(1, 3, 224, 224))   # with the module's weights, and equal to it
    nasmyth.tracing.opaque(graph)                                   # what no op of ours says exactly

torch.export writes down which functions of PyTorch the module calls (`capture`). Each becomes an op of ours that computes
just the same, or stays what it is (`reader`, `layers`, `products`, `moves`, `sums`, `writing`); then nodes get addresses, and learn
which of them share weights (`wire`). An ONNX file is read into a module first (`onnx`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.tracing.entry import UnsupportedOperator, network_of, opaque, trace

__all__ = ["UnsupportedOperator", "network_of", "opaque", "trace"]

__getattr__, __dir__ = contents(__name__, {"entry": ("UnsupportedOperator", "network_of", "opaque", "trace")})
