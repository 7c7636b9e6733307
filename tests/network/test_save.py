import json
import os
import struct

import pytest
import torch
from nets import classifier, pictures, rows, sampled, stir, tiny
from safetensors.torch import load_file, save_file

from nasmyth.errors import ExportError
from nasmyth.measure.footprint import state_bytes
from nasmyth.network import Network, build
from nasmyth.network.save import FORMAT, header


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def rewritten(data, change):
    """The file with its description changed."""
    found = header(data)
    document = json.loads(found["__metadata__"]["nasmyth"])
    document = change(document) or document
    found["__metadata__"]["nasmyth"] = json.dumps(document)
    text = json.dumps(found).encode()
    payload = data[8 + struct.unpack("<Q", data[:8])[0] :]
    return struct.pack("<Q", len(text)) + text + payload


@pytest.mark.parametrize("domain", ["images", "tables"])
def test_what_is_saved_is_what_is_loaded(domain, tmp_path):
    for network in sampled(domain, 3):
        network.history = ({"what": "made", "seed": 1}, {"what": "trained", "epochs": 3})
        network.save(tmp_path / "net.safetensors")
        again = Network.load(tmp_path / "net.safetensors")
        assert same(again.state_dict(), network.state_dict())
        assert again.graph == network.graph and again.history == network.history
        assert again.inputs is network.inputs and again.outputs is network.outputs
        raw = pictures(4) if domain == "images" else rows(4)
        a, b = network.predict(raw), again.predict(raw)
        assert torch.equal(a.values, b.values) if a.labels is None else torch.equal(a.probabilities, b.probabilities)
        assert not again.training
        assert os.listdir(tmp_path) == ["net.safetensors"]


def test_equal_networks_give_equal_bytes():
    assert {classifier().to_bytes() for _ in range(5)} == {classifier().to_bytes()}
    assert Network.from_bytes(classifier().to_bytes()).to_bytes() == classifier().to_bytes()


def test_any_reader_of_safetensors_reads_the_weights(tmp_path):
    network = classifier()
    network.save(tmp_path / "net.st")
    assert same(load_file(tmp_path / "net.st"), dict(network.state_dict()))


def test_types_and_tied_weights_survive():
    network = stir(build(tiny(tied=True))).half()
    again = Network.from_bytes(network.to_bytes())
    assert same(again.state_dict(), network.state_dict()) and again.stem[0].weight.dtype == torch.float16
    network = build(tiny())
    network.again[0][0].weight = network.again[1][0].weight  # tied by hand, and not by the graph
    assert same(Network.from_bytes(network.to_bytes()).state_dict(), network.state_dict())


def test_a_loaded_network_can_be_trained():
    network = Network.from_bytes(classifier().to_bytes()).train()
    network(torch.randn(2, 1, 12, 12)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("domain", ["images", "tables"])
def test_size_is_told_by_the_graph(domain):
    for network in [*sampled(domain, 4), stir(build(tiny(tied=True)))]:
        data = network.to_bytes()
        assert state_bytes(network.graph) == len(data) - 8 - struct.unpack("<Q", data[:8])[0]


DATA = classifier().to_bytes()


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "not a safetensors file"),
        (b"hello, world, this is a text", "not a safetensors file"),
        (b"PK\x03\x04" + b"x" * 100, "never loaded"),
        (b"\x80\x02}q\x00.", "never loaded"),
        (DATA[:100], "truncated"),
        (DATA[:-1], "truncated or damaged"),
        (DATA + b"more", "truncated or damaged"),
        (struct.pack("<Q", 20) + b'{"a": 1' + b" " * 20, "header is not JSON"),
        (rewritten(DATA, lambda d: d.update(format=FORMAT + 1)), "newer Nasmyth.*upgrade"),
        (rewritten(DATA, lambda d: d.update(format="x")), "newer Nasmyth|damaged"),
        (rewritten(DATA, lambda d: [1]), "damaged"),
        (rewritten(DATA, lambda d: d.pop("format") and None), "damaged"),
        (rewritten(DATA, lambda d: d.pop("graph") and None), "lacks 'graph'"),
        (rewritten(DATA, lambda d: d.update(history=3)), "history"),
        (rewritten(DATA, lambda d: d["graph"]["nodes"][0][0].update({"$": "NoSuchOp"})), "NoSuchOp"),
        (
            rewritten(DATA, lambda d: d["graph"]["nodes"].pop() and None),
            "definition or a default of one of its ops has changed",
        ),
        (rewritten(DATA, lambda d: d["graph"]["nodes"][0].__setitem__(1, [7])), "cannot be built"),
        (rewritten(DATA, lambda d: d.update(key="0" * 20)), "definition or a default of one of its ops has changed"),
        (rewritten(DATA, lambda d: d.update(key="0" * 20, outputs=None)), "has changed"),
    ],
)
def test_files_that_are_not_networks(data, message, tmp_path):
    file = tmp_path / "net.safetensors"
    file.write_bytes(data)
    with pytest.raises(ExportError, match=rf"net.safetensors: .*({message})"):
        Network.load(file)


def renamed(name, new):
    network = classifier()
    weights = dict(network.state_dict())
    weights[new] = weights.pop(name)
    return weights


def reshaped(name):
    weights = dict(classifier().state_dict())
    weights[name] = weights[name].flatten()[:3].clone()
    return weights


@pytest.mark.parametrize(
    "weights, message",
    [
        (renamed("stem.0.weight", "stem.7.weight"), "stem.0.weight is missing; stem.7.weight belongs to no layer"),
        (reshaped("stem.0.weight"), r"stem.0.weight has shape \(3,\) where \(6, 1, 3, 3\) is needed"),
        ({**classifier().state_dict(), "head.1.bias": torch.ones(4, dtype=torch.int64)}, "is torch.int64 where"),
        ({}, "is missing; .* and 1. more"),
    ],
)
def test_weights_that_do_not_match_the_graph(weights, message, tmp_path):
    save_file(weights, tmp_path / "x", header(DATA)["__metadata__"])
    with pytest.raises(ExportError, match=message):
        Network.load(tmp_path / "x")


def test_weights_without_a_graph(tmp_path):
    save_file({"a": torch.ones(3)}, tmp_path / "x")
    with pytest.raises(ExportError, match="not one that Nasmyth wrote"):
        Network.load(tmp_path / "x")


def test_places_that_cannot_be_written_or_read(tmp_path):
    network = classifier()
    with pytest.raises(ExportError, match="there is no folder"):
        network.save(tmp_path / "no" / "net.safetensors")
    with pytest.raises(ExportError, match="it is a folder"):
        network.save(tmp_path)
    with pytest.raises(ExportError, match="cannot read .*No such file"):
        Network.load(tmp_path / "none.safetensors")
    with pytest.raises(ExportError, match="Is a directory"):
        Network.load(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "net.safetensors"
    classifier().save(file)
    before = file.read_bytes()

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(ExportError, match="No space left on device"):
        classifier(seed=5).save(file)
    monkeypatch.undo()
    assert file.read_bytes() == before and os.listdir(tmp_path) == ["net.safetensors"]
