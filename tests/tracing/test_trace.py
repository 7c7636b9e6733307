"""Modules that somebody wrote, as graphs: equal outputs, equal counts, stable keys, and errors that say where."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from trace_toys import FAMILIES, IMAGE, WORDS, ResNet, Tied, ViT, stir

import nasmyth
from nasmyth import Graph, Network, build, chain, ops, parallel, repeat, residual, trace
from nasmyth.errors import ShapeError, SpaceError, TraceError
from nasmyth.graph import joins
from nasmyth.measure import macs, params
from nasmyth.testing import check_op
from nasmyth.tracing import opaque


class Counting(TorchFunctionMode):
    """Multiplications of matrices, by the shapes of what PyTorch's functions are given: knows nothing of graphs."""

    def __init__(self):
        super().__init__()
        self.macs = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        if name == "linear":
            self.macs += out.numel() * args[1].shape[1]
        elif name in ("conv1d", "conv2d"):
            self.macs += out.numel() * args[1][0].numel()
        elif name == "conv_transpose2d":
            self.macs += args[0].numel() * args[1][0].numel()
        elif name in ("matmul", "__matmul__", "bmm"):
            self.macs += out.numel() * args[0].shape[-1]
        elif name == "addmm":
            self.macs += out.numel() * args[1].shape[1]
        elif name == "scaled_dot_product_attention":
            q, k, v = args[:3]
            self.macs += q.shape[:-1].numel() * k.shape[-2] * (q.shape[-1] + v.shape[-1])
        elif name == "multi_head_attention_forward":
            l, b, d = args[0].shape
            self.macs += b * (4 * l * d * d + 2 * l * l * d)
        elif name == "lstm":
            x, _, weights = args[:3]
            self.macs += x.shape[:2].numel() * sum(w.numel() for w in weights if w.dim() == 2)
        return out


@torch.no_grad()
def counted(module, x):
    """Parameters, and multiply-accumulates for one example."""
    with Counting() as mode:
        copy.deepcopy(module).eval()(x[:1].clone())
    return sum(p.numel() for p in module.parameters()), mode.macs


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda name: name.replace(" ", "-"))
def family(request):
    make, x = FAMILIES[request.param]
    torch.manual_seed(0)
    module = stir(make())
    return request.param, module, x, Network.of(module, x)


def test_outputs_equal_the_modules(family):
    _, module, x, network = family
    other = torch.cat((x, x.flip(-1), x.flip(1)))  # another batch, other numbers
    with torch.no_grad():
        ours, theirs = network(other.clone()), copy.deepcopy(module).eval()(other.clone())
    assert ours.shape == theirs.shape and (ours - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


def test_counts_equal_the_modules(family):
    _, module, x, network = family
    assert (params(network.graph), macs(network.graph)) == counted(module, x)
    assert sum(p.numel() for p in network.parameters()) == params(network.graph)


def test_module_is_left_as_it_was(family):
    _, module, x, _ = family
    state = {key: value.clone() for key, value in module.state_dict().items()}
    module.train()
    trace(module, x)
    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


def test_graph_survives_json_and_gradients_flow(family):
    _, _, x, network = family
    again = Graph.from_json(network.graph.to_json())
    assert again.key == network.graph.key and again.output == network.graph.output
    trained = build(again).train()  # fresh weights
    trained(x).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in trained.parameters())


def test_saved_and_loaded(family, tmp_path):
    _, _, x, network = family
    network.save(tmp_path / "net.safetensors")
    with torch.no_grad():
        assert torch.equal(Network.load(tmp_path / "net.safetensors")(x), network(x))


NOTHING_OPAQUE = ("resnet", "densenet", "mobilenet", "vit", "vit of modules", "unet")


@pytest.mark.parametrize("name", NOTHING_OPAQUE)
def test_usual_layers_are_ops_of_ours(name):
    make, x = FAMILIES[name]
    graph = trace(make(), x, unknown="refuse")
    assert opaque(graph) == []


def test_what_no_op_says_is_named_with_its_costs():
    make, x = FAMILIES["lstm"]
    graph = trace(make(), x)
    (lstm,) = opaque(graph)
    assert lstm.address == "lstm" and lstm.function == "aten.lstm.input" and "aten.lstm" in str(graph)
    module = make().lstm
    assert lstm.params == sum(p.numel() for p in module.parameters())
    assert lstm.macs == x.shape[1] * sum(p.numel() for p in module.parameters() if p.dim() == 2)
    with pytest.raises(
        TraceError,
        match=r"no op says exactly aten.lstm.input at lstm \(trace_toys.py, line \d+: states, \(last, _\) = self.lstm",
    ):
        trace(make(), x, unknown="refuse")


def test_opaque_ops_obey_the_laws_of_ops():
    """Those that tracing makes, on the shapes that they were traced for."""
    for name in ("lstm", "windows"):
        make, x = FAMILIES[name]
        graph = trace(make(), x)
        seen = set()
        for node in graph.nodes[1:]:
            if isinstance(node.op, ops.Opaque) and node.op not in seen:
                seen.add(node.op)
                check_op(node.op, *(graph.nodes[i].shape for i in node.inputs), onnx=False)
        assert seen


def test_weights_keep_their_names_where_layers_are_ours():
    module = ResNet()
    network = Network.of(module, torch.randn(1, 3, 32, 32))
    theirs = module.state_dict()
    assert network.state_dict().keys() == theirs.keys()
    assert network.graph.nodes[1].address == "stem[0]" and "layers[0].down[1]" in {
        n.address for n in network.graph.nodes
    }
    with torch.no_grad():
        next(network.parameters()).zero_()  # weights are copies
    assert bool(next(module.parameters()).any())


# --- keys -------------------------------------------------------------------------------------------------------------


def test_equal_programs_have_equal_keys():
    class Renamed(nn.Module):
        """The same as `Sequential` below, written otherwise."""

        def __init__(self):
            super().__init__()
            self.head, self.begin = nn.Linear(4, 2), nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x):
            y = F.relu(self.begin(x))
            unused = y.sum()
            return self.head(torch.roll(y, 1, 2).mean(dim=(2, 3))) if unused is not None else x

    class Roll(nn.Module):
        def forward(self, x):
            return x.roll(shifts=(1,), dims=(2,))

    parts = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), Roll(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    one, other = trace(Renamed(), IMAGE), trace(nn.Sequential(*parts), IMAGE[:1])
    assert one.key == other.key and len(opaque(one)) == 1
    parts[2] = nn.Identity()
    assert trace(nn.Sequential(*parts), IMAGE).key != one.key


def test_key_is_that_of_the_template_it_was_built_from():
    block = chain(ops.Conv(6), ops.BatchNorm(), ops.Activation("relu"), ops.DepthwiseConv(5), ops.BatchNorm())
    squeeze = chain(ops.Mean("h w"), ops.Linear(3), ops.Activation("silu"), ops.Linear(6), ops.Activation("sigmoid"))
    template = chain(
        stem=ops.Conv(6, stride=2, bias=True), body=repeat(residual(block), 2), tied=repeat(ops.Conv(6), 2, tied=True),
        gate=parallel(ops.Identity(), squeeze, join=ops.Multiply()),
        wide=parallel(ops.Conv(4, 1), ops.AvgPool(3, 1), join=ops.Concat()),
        three=parallel(ops.Identity(), ops.Conv(10, 1), ops.Conv(10, 3)), up=ops.Upsample(2), pool=ops.MaxPool(),
        tokens=ops.ToSequence(), norm=ops.LayerNorm(), drop=ops.Dropout(0.2), mean=ops.Mean("l"), head=ops.Linear(3),
    )  # fmt: skip
    graph = Graph.of(template, (3, 16, 16))
    network = build(graph)
    assert trace(network, IMAGE).key == graph.key
    assert trace(nn.Sequential(network), IMAGE).key == graph.key


def test_key_is_the_same_in_another_process():
    program = (
        "import sys; sys.path.insert(0, 'tests/tracing')\n"
        "from trace_toys import FAMILIES; import nasmyth\n"
        "make, x = FAMILIES['windows']; print(nasmyth.trace(make(), x).key)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    make, x = FAMILIES["windows"]
    assert done.stdout.strip() == trace(make(), x).key, done.stderr


# --- weights that are shared --------------------------------------------------------------------------------------------


def test_a_module_used_twice_is_two_nodes_of_one_address():
    graph = trace(Tied(), WORDS)
    assert [n.address for n in graph.nodes].count("body") == 2 and [n.address for n in graph.nodes].count("norm") == 2


def test_a_weight_that_two_layers_share_is_a_node_of_its_own():
    graph = trace(Tied(), WORDS)
    (weight,) = [n for n in graph.nodes if isinstance(n.op, ops.Weight)]
    assert weight.shape == (11, 6) and params(graph) == sum(p.numel() for p in Tied().parameters())


def test_a_layer_used_at_several_sizes():
    class Pyramid(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Conv1d(3, 3, 3, padding=1)
            self.image = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            y = self.image(x) + F.interpolate(self.image(F.avg_pool2d(x, 2)), scale_factor=2.0)
            row = y[:, :, 0]
            return self.line(row).mean(-1) + self.line(row[:, :, :7]).mean(-1)

    module = stir(Pyramid())
    network = Network.of(module, IMAGE)
    assert (params(network.graph), macs(network.graph)) == counted(module, torch.zeros(1, *network.graph.input))
    assert [n.address for n in network.graph.nodes].count("image") == 2


def test_writing_in_place_is_followed():
    class Writes(nn.Module):
        def forward(self, x):
            y = x * 2
            y[:, 0] = 1.0
            z = y.view(y.shape[0], -1)
            z.relu_()
            y += x
            return y.flatten(1), F.relu_(x)

    x = torch.randn(3, 4, 5)
    network = Network.of(Writes(), x, output="0")
    with torch.no_grad():
        assert torch.equal(network(x), Writes()(x.clone())[0])


# --- several outputs, whole numbers, positions of the batch
# ----------------------------------------------------------------


class Many(nn.Module):
    def forward(self, x):
        return {"hidden": [x, x * 2], "logits": x.mean(-1), "cache": object(), "none": None}


def test_one_of_several_outputs_is_chosen_and_said():
    x = torch.randn(2, 3, 4)
    with pytest.warns(
        UserWarning, match=r"hidden.0 \(3, 4\), hidden.1 \(3, 4\), logits \(3,\); the graph ends with logits"
    ):
        assert trace(Many(), x).output == (3,)
    assert trace(Many(), x, output="hidden.1").output == (3, 4) == trace(Many(), x, output=1).output
    with pytest.raises(TraceError, match="no output 'loss'; the module gives hidden.0"):
        trace(Many(), x, output="loss")


def test_the_batch_may_be_elsewhere_inside():
    class Second(nn.Module):
        """Sequence first, as recurrent layers and old transformers want it."""

        def __init__(self):
            super().__init__()
            self.gru, self.attention = nn.GRU(4, 6), nn.MultiheadAttention(6, 2)
            self.linear = nn.Linear(6, 3)

        def forward(self, x):
            y, last = self.gru(x.transpose(0, 1))
            y = y + self.attention(y, y, y, need_weights=False)[0]
            y = self.linear(y.reshape(-1, 6)).view(x.shape[1], -1, 3)
            return y.permute(1, 0, 2) + last[0][:, None, :3]

    x = torch.randn(2, 5, 4)
    module = stir(Second())
    network = Network.of(module, x)
    kinds = [type(n.op) for n in network.graph.nodes]
    assert (
        ops.Attention in kinds
        and ops.Linear in kinds
        and [o.function for o in opaque(network.graph)].count("aten.gru.input") == 1
    )
    gru = sum(p.numel() for p in module.gru.parameters() if p.dim() == 2)
    assert macs(network.graph) == 5 * gru + 5 * 4 * 36 + 2 * 25 * 6 + 5 * 6 * 3


def test_a_batch_of_any_size():
    network = Network.of(stir(ViT()), IMAGE)
    with torch.no_grad():
        alone = network(IMAGE[:1])
        assert torch.allclose(network(IMAGE.repeat(3, 1, 1, 1))[:1], alone, atol=1e-5)


def test_other_sizes_are_refused():
    graph = trace(FAMILIES["windows"][0](), FAMILIES["windows"][1])
    node = next(n for n in graph.nodes if isinstance(n.op, ops.Opaque))
    with pytest.raises(ShapeError, match="was traced for .* trace the network again"):
        node.op.infer((8, 8, 8))


# --- what cannot be a graph
# -------------------------------------------------------------------------------------------------


class Branches(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Selects(nn.Module):
    def forward(self, x):
        return x[x > 0].sum() + x


class Reads(nn.Module):
    def forward(self, x):
        return x * int(x.argmax())


class AddsUp(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(1))

    def forward(self, x):
        self.total.add_(1)
        return x * self.total


class Mixes(nn.Module):
    def forward(self, x):
        return (x @ x.transpose(0, 1)) @ x


class BatchLast(nn.Module):
    def forward(self, x):
        return torch.sin(x).movedim(0, -1)


class Gives(nn.Module):
    """Whatever a function makes of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    "module, message",
    [
        (Branches(), r"Branches looks at the values .* \(test_trace.py, line \d+: if x.sum\(\) > 0:\)\. .*torch.where"),
        (Selects(), r"size of a tensor depends on the values in it \(test_trace.py, line \d+: return x\[x > 0\]"),
        (Reads(), r"looks at the values .*test_trace.py, line \d+: return x \* int"),
        (AddsUp(), r"forward changes 'total', which the module holds \(test_trace.py, line \d+: self.total.add_"),
        (Mixes(), r"every example beside every other \(test_trace.py, line \d+: return \(x @ x"),
        (BatchLast(), r"\(4, 1\), in which the batch is not the first axis"),
        (Gives(lambda x: x.long()), r"gives no tensor of real numbers but a tensor \(4,\)"),
        (Gives(lambda x: None), r"gives no tensor of real numbers but no tensor"),
        (Gives(lambda x: x), r"gives back its input"),
        (Gives(lambda x: torch.ones(3)), r"\(3,\), in which the batch is not the first axis"),
        (Gives(lambda x: F.relu(x).sum()), r"\(\), in which the batch is not the first axis"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_cannot_be_a_graph_is_refused_and_told_where(module, message):
    with pytest.raises(TraceError, match=message):
        trace(module, torch.randn(2, 4))


def test_wrong_arguments():
    class Two(nn.Module):
        def forward(self, x, mask):
            return x * mask

    with pytest.raises(TraceError, match=r"cannot be called with the example alone.*wrap the module"):
        trace(Two(), IMAGE)
    with pytest.raises(TraceError, match="A graph has one input"):
        trace(Two(), (IMAGE, IMAGE))
    with pytest.raises(TraceError, match="an example is needed"):
        trace(ResNet())
    with pytest.raises(TraceError, match="neither an nn.Module nor"):
        trace(3, IMAGE)
    with pytest.raises(TraceError, match="write unknown='opaque'"):
        trace(ResNet(), IMAGE, unknown="ignore")


def test_chance_is_noticed():
    module = Gives(lambda x: x + torch.rand_like(x))
    assert "rand_like" in str(trace(module, IMAGE))
    with pytest.raises(TraceError, match="random numbers"):
        Network.of(module, IMAGE)


# --- models of transformers
# ---------------------------------------------------------------------------------------------------


SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def hugging(name):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    made = {
        "bert": lambda: transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=60, **SMALL)),
        "vit": lambda: transformers.ViTForImageClassification(
            transformers.ViTConfig(image_size=16, patch_size=4, **SMALL)
        ),
        "resnet": lambda: transformers.ResNetForImageClassification(
            transformers.ResNetConfig(embedding_size=8, hidden_sizes=[16, 32], depths=[1, 2])
        ),
        "gpt2": lambda: transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=60, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
        ),
    }
    return made[name]()


@pytest.mark.parametrize("name, x", [("bert", WORDS), ("vit", IMAGE), ("resnet", IMAGE), ("gpt2", WORDS)])
def test_models_of_transformers(name, x):
    module = hugging(name)
    network = Network.of(module, x, output="logits")  # equal to 1e-5, or it raises
    assert (params(network.graph), macs(network.graph)) == counted(module, x)
    assert network.graph.output[-1] == {"bert": 2, "vit": 2, "resnet": 2, "gpt2": 60}[name]


def test_public_names():
    assert nasmyth.trace is nasmyth.tracing.trace and math.isfinite(macs(trace(ResNet(), IMAGE)))
    assert joins.Add().commutative


@pytest.mark.parametrize(
    "target", ["load_library", "aten.from_file.default", "aten.nothing.default", "classes.load_library"]
)
def test_a_graph_from_anyone_calls_operators_only(target):
    """Also where the call is an argument of another."""
    takes, gives = (((3, 4), 0, 1, ""),), ((3, 4), 0, 1)
    good = ops.Opaque("aten.add.Tensor", (("self", "input 0"), ("other", "input 0")), takes, gives)
    written = json.dumps(Graph.of(good, (3, 4)).to_json())
    assert Graph.from_json(json.loads(written)).key == Graph.of(good, (3, 4)).key
    with pytest.raises(SpaceError, match="is no operator of PyTorch"):
        Graph.from_json(json.loads(written.replace("aten.add.Tensor", target)))
    with pytest.raises(SpaceError, match="is no operator of PyTorch"):
        ops.Opaque(
            "aten.add.Tensor", (("self", "input 0"), ("other", (f"call {target}", ("path", "x.so")))), takes, gives
        )
