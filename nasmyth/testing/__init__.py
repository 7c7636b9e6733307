"""The conformance suites: what everything of a kind has to keep to. Call them on your own things, too.

    check_op(Conv(8), (3, 9, 9))                # raises AssertionError, which names the law that is broken
    check_block(mbconv(8), (4, 8, 8))
    check_space(space)
    check_networks(space)                       # builds some of them and runs them forward
    check_measure(params, graph, bigger_graph)
    check_strategy(Evolution(population=8), space)
    check_domain(Films(), (films, labels))      # a little data of its kind

A suite is a file, and is loaded when it is used: those of spaces, measures and strategies need no torch. A file of ops or
blocks lists examples for them, `EXAMPLES = [(Conv(8), (3, 9, 9)), ...]`: a value, then the shape of each input without the
batch. The tests run the suites over the examples of all that is registered.
"""

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.testing.blocks import check_block
    from nasmyth.testing.domains import check_domain
    from nasmyth.testing.example import examples
    from nasmyth.testing.laws import law
    from nasmyth.testing.measures import check_measure
    from nasmyth.testing.networks import check_networks
    from nasmyth.testing.onnx import check_onnx
    from nasmyth.testing.ops import check_op
    from nasmyth.testing.spaces import check_space
    from nasmyth.testing.strategies import check_strategy
    from nasmyth.testing.tensors import randomised
    from nasmyth.testing.values import check_value
    from nasmyth.testing.wired import Wired, can_be_built

__all__ = [
    "Wired",
    "can_be_built",
    "check_block",
    "check_domain",
    "check_measure",
    "check_networks",
    "check_onnx",
    "check_op",
    "check_space",
    "check_strategy",
    "check_value",
    "examples",
    "law",
    "randomised",
]

__getattr__, __dir__ = contents(
    __name__,
    {
        "blocks": ("check_block",),
        "domains": ("check_domain",),
        "example": ("examples",),
        "laws": ("law",),
        "measures": ("check_measure",),
        "networks": ("check_networks",),
        "onnx": ("check_onnx",),
        "ops": ("check_op",),
        "spaces": ("check_space",),
        "strategies": ("check_strategy",),
        "tensors": ("randomised",),
        "values": ("check_value",),
        "wired": ("Wired", "can_be_built"),
    },
)
