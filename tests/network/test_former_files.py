"""Files of earlier versions: other names of ops, and of what a network calls its own."""

import json

import pytest
import torch
from safetensors import torch as safetensors

from nasmyth import Graph, chain, ops, parallel
from nasmyth.errors import ExportError
from nasmyth.network import Network, build
from nasmyth.network.save import FORMAT, header


def as_written_before(network, format, ops=(), weights=()):
    """The file of a network as an earlier version wrote it: names of classes and of weights exchanged, the key of that time."""
    data = network.to_bytes()
    document = json.loads(header(data)["__metadata__"]["nasmyth"])
    text = json.dumps(document["graph"])
    for now, before in ops:
        text = text.replace(f'"$": "{now}"', f'"$": "{before}"')
    document |= {"graph": json.loads(text), "format": format}
    if ops:
        document["key"] = "5" * 20  # of the name at that time
    names = dict(weights)
    tensors = {names.get(name, name): tensor for name, tensor in safetensors.load(data).items()}
    return safetensors.save(tensors, {"nasmyth": json.dumps(document)})


def test_ops_that_had_other_names_are_read():
    gate = parallel(skip=ops.Identity(), weigh=chain(ops.Mean("h w"), ops.Linear(3)), join=ops.Multiply())
    network = build(
        Graph.of(chain(gate=gate, shift=ops.ShiftPixel(), act=ops.DecayingActivation(), flat=ops.Flatten()), (3, 4, 4))
    )
    before = as_written_before(
        network, 2, [("Multiply", "Gate"), ("ShiftPixel", "Nudge"), ("DecayingActivation", "Fading")]
    )
    assert b"Gate" in before and b"Multiply" not in before
    read = Network.from_bytes(before)
    assert read.graph == network.graph
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(read(x), network.eval()(x))


def test_a_key_that_differs_for_another_reason_is_refused():
    network = build(Graph.of(chain(act=ops.Activation(), head=ops.Linear(2)), (3,)))
    with pytest.raises(ExportError, match="definition or a default of one of its ops has changed"):
        Network.from_bytes(as_written_before(network, 2, [("Linear", "Linear")]))


def test_a_part_called_layer_is_found_in_a_file_from_before_networks_had_that_method():
    network = build(Graph.of(chain(layer=ops.Linear(2), head=ops.Linear(3)), (4,)))
    names = [("layer_.weight", "layer.weight"), ("layer_.bias", "layer.bias")]
    read = Network.from_bytes(as_written_before(network, 2, weights=names))
    assert torch.equal(read.layer("layer").weight, network.layer("layer").weight)
    assert FORMAT == 3
