"""What tracing checks and says: weights without use, inputs like the example, wrong arguments, names and checkpoints."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits, load_iris
from torch import nn
from trace_toys import FAMILIES, IMAGE, WORDS, ResNet, Tied, stir

from nasmyth import Graph, Network, build, chain, ops, trace
from nasmyth.errors import DataError, ExportError, NasmythError, NasmythWarning, TraceError
from nasmyth.forms import Classes, Values
from nasmyth.forms.fitting import fit_image_input, fit_table_input
from nasmyth.tracing.comparing import difference, inputs_like


class Gives(nn.Module):
    """Whatever a function makes of the input."""

    def __init__(self, function):
        super().__init__()
        self.function, self.linear = function, nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(self.function(x))


def same(network, module, x):
    with torch.no_grad():
        ours, theirs = network(x.clone()), module.eval()(x.clone())
    return difference(ours, theirs) <= 1e-5


# --- weights without use ------------------------------------------------------------------------------------------------


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.tied, self.aside = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
        self.tied.weight, self.scale = self.used.weight, nn.Parameter(torch.ones(2))

    def forward(self, x):
        self.aside(x)  # computed, and thrown away
        return self.used(x)


def test_weights_that_the_answer_never_uses_are_named():
    x = torch.randn(1, 4)
    message = r"does not depend on 4 of 6 weights, which are left out: scale, tied.bias, aside.weight, aside.bias$"
    for call in (trace, Network.of):
        with pytest.warns(NasmythWarning, match=message) as said:
            call(Unused(), x)
        assert said[0].filename == __file__ and len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace(Tied(), WORDS), trace(ResNet(), IMAGE)  # tied weights are used


def test_many_of_them_are_counted():
    module = Unused()
    module.more = nn.ModuleList(nn.Linear(1, 1) for _ in range(9))
    with pytest.warns(NasmythWarning, match=r"22 of 24 weights.* and 14 more"):
        trace(module, torch.randn(1, 4))


# --- inputs like the example --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function", [torch.log, torch.sqrt, torch.acosh, lambda x: 1 / x, lambda x: x**0.3, lambda x: x / x.sign()]
)
def test_functions_of_positive_numbers(function):
    x = torch.rand(1, 4) * 5 + 2.5
    module = Gives(function)
    assert same(Network.of(module, x), module, x)


def test_nan_is_equal_to_nan():
    module = Gives(torch.log)
    assert same(Network.of(module, torch.zeros(1, 4)), module, torch.randn(3, 4))  # a mean of infinities and NaN
    with pytest.raises(TraceError, match="NaN or infinite throughout"):
        Network.of(Gives(lambda x: x * float("nan")), torch.rand(1, 4))
    with pytest.raises(TraceError, match="random numbers"):  # numbers that tell nothing are replaced
        Network.of(Gives(lambda x: x + torch.rand_like(x)), torch.full((1, 4), float("nan")))
    a, nan, inf = 1.0, float("nan"), float("inf")
    ours = torch.tensor([[a, nan, inf]])
    assert difference(ours, ours.clone()) == 0
    for other in ([a, nan, -inf], [a, a, inf], [nan, nan, inf], [2 * a, nan, inf]):
        assert difference(torch.tensor([other]), ours) > 0.1


def test_inputs_keep_signs_and_types():
    for example in (
        torch.rand(2, 5) + 1,
        -torch.rand(2, 5).double(),
        torch.randn(1, 3, 4, 4),
        torch.randint(9, (2, 5)),
    ):
        x = inputs_like(example)
        assert (
            x.dtype == example.dtype
            and x.shape[1:] == example.shape[1:]
            and torch.equal(x[2] if x.is_floating_point() else x[0], example[0])
        )
        assert x.min() >= min(0, example[:1].min()) and x.max() <= max(0, example[:1].max())
    assert inputs_like(torch.zeros(1, 6)).unique().numel() > 6


def test_chance_and_what_goes_other_ways_are_told_apart():
    with pytest.raises(TraceError, match="another answer each time, since it draws random numbers"):
        Network.of(Gives(lambda x: x + torch.rand_like(x)), torch.rand(1, 4))

    class ByBatch(nn.Module):
        def forward(self, x):
            return x * (2.0 if x.shape[0] > 500 else 1.0)

    with pytest.raises(TraceError, match="more than its input, such as the size of the batch"):
        Network.of(ByBatch(), torch.rand(1, 4))


# --- wrong arguments ----------------------------------------------------------------------------------------------------

WRONG = [
    None,
    3,
    "nothing.onnx",
    "net.safetensors",
    b"x",
    object(),
    nn.Linear,
    [nn.Linear(2, 2)],
    lambda x: x,
    {},
    torch.zeros(3),
    "",
    ".",
]


@pytest.mark.parametrize("module", WRONG, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("call", [trace, Network.of])
def test_what_is_no_module_is_refused_in_a_sentence(call, module):
    with pytest.raises(TraceError) as error:
        call(module, torch.zeros(1, 4))
    assert len(str(error.value)) > 20


EXAMPLES = [None, "x", 3, [[1.0, 2.0], [3.0]], np.zeros((1, 4)), object(), torch.zeros(()), torch.zeros(1, 5),
    torch.zeros(0, 4),
            torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.complex64),
            torch.zeros(1, 4, device="meta"),
            torch.zeros(4), torch.zeros(1, 4).to_sparse(), torch.full((1, 4), float("nan")), (1, 4)]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{type(one).__name__}")
@pytest.mark.parametrize("call", [trace, Network.of])
def test_wrong_examples_end_in_a_sentence_or_do_not_matter(call, example):
    tensor = isinstance(example, torch.Tensor) and example.layout is torch.strided and example.shape[1:] == (4,)
    taken = (torch.float32, torch.int64) if call is trace else (torch.float32,)
    if tensor and example.dtype in taken and example.device.type == "cpu":
        assert call(Gives(torch.relu), example)  # its numbers do not matter
    else:
        with pytest.raises(TraceError) as error:
            call(Gives(torch.relu), example)
        assert len(str(error.value)) > 20


@pytest.mark.parametrize(
    "settings", [{"output": 1.5}, {"output": 9}, {"output": object()}, {"output": "x"}, {"unknown": None}]
)
def test_wrong_settings(settings):
    with pytest.raises(TraceError, match="there is no output|write unknown="):
        trace(Gives(torch.relu), torch.zeros(1, 4), **settings)


# --- names of weights and checkpoints -----------------------------------------------------------------------------------


class Norm(nn.BatchNorm2d):
    """A norm that acts, as in timm."""

    def __init__(self, c):
        super().__init__(c)
        self.drop, self.act = nn.Identity(), nn.ReLU()

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


class Projection(nn.Linear):
    """A linear map with something around it, which has the name of a method of networks."""

    def forward(self, x):
        shape = x.shape
        return torch.sin(super().forward(x.reshape(-1, shape[-1]).contiguous())).view(*shape[:-1], -1) * 1.5


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.bn1 = nn.Conv2d(3, 8, 3, padding=1), Norm(8)
        self.attention = nn.ModuleDict({"query": nn.Linear(8, 8), "key": nn.Linear(8, 8), "graph": Projection(8, 8)})
        self.export = nn.Linear(8, 5)

    def forward(self, x):
        x = self.bn1(self.stem(x)).flatten(2).transpose(1, 2)
        x = (
            self.attention["graph"](x)
            + F.softmax(self.attention["query"](x) @ self.attention["key"](x).transpose(1, 2), -1) @ x
        )
        return F.linear(x.mean(1), self.export.weight, self.export.bias)  # called from outside


def test_names_are_kept_where_layers_do_more_or_are_called_like_methods():
    module = stir(Named())
    network = Network.of(module, IMAGE[:, :, :8, :8])
    theirs = set(module.state_dict())
    assert set(network.state_dict()) ^ theirs == {f"export{_}.{kind}" for _ in ("", "_") for kind in ("weight", "bias")}
    addresses = [node.address for node in network.graph.nodes]
    assert "bn1" in addresses and "bn1_act" in addresses and not any("_self" in one for one in network.state_dict())


CHECKPOINTS = ["resnet", "densenet", "mobilenet", "vit", "vit of modules", "unet", "lstm", "windows"]


@pytest.mark.parametrize("name", [name for name in FAMILIES if name in CHECKPOINTS])
def test_checkpoints_of_the_module_load(name):
    make, x = FAMILIES[name]
    network, other = Network.of(stir(make()), x), stir(make())
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    assert not same(network, other, x)
    for twin in (
        network,
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        Network.from_bytes(network.to_bytes()),
    ):
        assert twin.load_state_dict(other.state_dict()) == ([], [])
        assert same(twin, other, x)
        assert twin.load_state_dict(twin.state_dict()) == ([], []) and same(twin, other, x)  # and its own
    assert network.pipeline().load_state_dict({f"network.{k}": v for k, v in other.state_dict().items()})


def test_checkpoints_with_turned_matrices_tables_and_weights_without_use():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix, self.bias = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4))
            self.token, self.extra = nn.Parameter(torch.randn(1, 1, 4)), nn.Linear(2, 2)
            self.register_buffer("table", torch.randn(4), persistent=False)

        def forward(self, x):
            return torch.addmm(self.bias, x, self.matrix) * self.table + self.token[:, 0].expand(x.shape[0], -1)

    torch.manual_seed(0)
    module, other, x = Turned(), Turned(), torch.randn(3, 4)
    other.table = module.table
    with pytest.warns(NasmythWarning, match="extra.weight"):
        network = Network.of(module, x)
    assert not {"matrix.weight", "matrix"} & set(network.state_dict())
    assert same(network, module, x) and not same(network, other, x)
    network.load_state_dict(other.state_dict())
    assert same(network, other, x)
    with pytest.raises(RuntimeError, match="size mismatch|Missing"):
        network.load_state_dict({**other.state_dict(), "matrix": torch.zeros(3, 3)})
    with pytest.raises(RuntimeError, match="Missing"):
        network.load_state_dict({})
    with pytest.raises(RuntimeError, match="Unexpected"):
        network.load_state_dict({**other.state_dict(), "more": torch.zeros(3)})


@pytest.mark.parametrize("event",
    [{"trace": 1, "weights": 3}, {"trace": "", "weights": {"a": 3, "b": ["x"], "c": ["[0].weight", False]}, "kept": 4},
                                   {"trace": "", "kept": [1, None, "x"]}, "trace", 3])  # fmt: skip
def test_a_history_from_anyone_does_no_harm(event):
    network = Network(Graph.of(chain(ops.Linear(2)), (3,)), history=(event,))
    state = network.state_dict()
    assert network.load_state_dict(state) == ([], [])


def test_files_that_were_written_with_older_names_are_read():
    from safetensors.torch import load, save

    from nasmyth.network.save import header

    network = build(Graph.of(chain(inner=chain(key=ops.Linear(3), graph=ops.Linear(2)), key=ops.Linear(2)), (4,)))
    assert set(network.state_dict()) >= {"inner.key.weight", "inner.graph.weight", "key_.weight"}
    data = network.to_bytes()
    document = json.loads(header(data)["__metadata__"]["nasmyth"])
    document["format"] = 1
    older = {
        k.replace("inner.key", "inner.key_").replace("inner.graph", "inner.graph_"): v for k, v in load(data).items()
    }
    again = Network.from_bytes(save(older, {"nasmyth": json.dumps(document)}))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in network.state_dict().items())


def test_names_of_a_model_of_transformers_are_kept():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    module = transformers.BertForSequenceClassification(config).eval()
    words = torch.randint(1, 50, (1, 9))
    network = Network.of(module, words)
    assert network.state_dict().keys() == module.state_dict().keys()
    other = transformers.BertForSequenceClassification(config).eval()
    network.load_state_dict(other.state_dict())
    with torch.no_grad():
        assert (network(words) - other(words).logits).abs().max() < 1e-5


# --- there and back -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("default")
def test_a_mobilevit_is_written_to_onnx(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.MobileViTConfig(
        image_size=32,
        hidden_sizes=[16, 24, 32],
        neck_hidden_sizes=[8, 8, 16, 16, 24, 24, 32],
        num_labels=3,
        num_hidden_layers=2,
    )
    torch.manual_seed(0)
    network = Network.of(stir(transformers.MobileViTForImageClassification(config)), torch.randn(1, 3, 32, 32))
    assert network.export(tmp_path / "net.onnx").difference < 1e-5


class Windows(nn.Module):
    """Attention in every row of patches, as timm's MobileViT has it: two axes before the sequence."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 2)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 3)).permute(3, 0, 1, 4, 2, 5)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(2, 3).flatten(3)).mean((1, 2))


@pytest.mark.filterwarnings("default")
def test_attention_with_several_axes_of_heads_is_written_to_onnx(tmp_path):
    x = torch.randn(1, 4, 5, 6)
    module = stir(Windows())
    network = Network.of(module, x)
    assert any(isinstance(node.op, ops.DotProductAttention) for node in network.graph.nodes)
    network.export(tmp_path / "net.onnx")
    assert same(Network.of(tmp_path / "net.onnx"), module, torch.randn(3, 4, 5, 6))


def test_what_onnx_cannot_say_is_told_in_words(tmp_path):
    network = Network.of(Gives(torch.linalg.matrix_exp), torch.randn(1, 4, 4))
    with pytest.raises(ExportError, match=r"PyTorch's exporter to ONNX cannot say this network \(.*matrix_exp.*\.pt2"):
        network.export(tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("default")
def test_words_are_exported_with_words_as_examples(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    network = Network.of(transformers.GPT2LMHeadModel(config), torch.randint(20, (1, 5)))
    network.export(tmp_path / "net.onnx")


def networks():
    """Networks of each kind, with raw input for them: gray images without an axis of channels, a table, plain numbers."""
    digits, iris = load_digits(), load_iris(as_frame=True)
    gray = np.clip(digits.images[:40] * 16, 0, 255).astype(np.uint8)
    gray = np.kron(gray, np.ones((1, 4, 4), np.uint8))[:, 2:30, 2:30]
    layers = (ops.Conv(6, stride=2), ops.Activation("relu"), ops.Mean("h w"), ops.Linear(10))
    names = tuple(map(str, range(10)))
    yield "images", build(Graph.of(chain(*layers), (1, 28, 28)), 0, fit_image_input(gray), Classes(names)), gray
    table = iris.data.assign(kind=["small", "large"] * 75)
    template = chain(ops.Linear(8), ops.Activation("relu"), ops.Linear(2))
    values = Values(("width", "label"), (3.0, 5.0), (2.0, 1.0))
    yield "table", build(Graph.of(template, (5,)), 0, fit_table_input(table), values), table
    yield "plain", build(Graph.of(chain(ops.Flatten(), ops.Linear(3)), (28, 28)), 0), torch.randn(4, 28, 28)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind, network, raw", list(networks()), ids=lambda one: one if isinstance(one, str) else "")
def test_exports_of_our_own_are_read_back(kind, network, raw, tmp_path):
    network.eval().export(tmp_path / "net.onnx")
    again = Network.of(tmp_path / "net.onnx")
    assert again.inputs is network.inputs and again.outputs is network.outputs
    assert again.graph.key == network.graph.key == trace(tmp_path / "net.onnx").key
    assert again.state_dict().keys() == network.state_dict().keys()
    ours, theirs = network.predict(raw), again.predict(raw)
    assert ours.names == theirs.names and ours.labels == theirs.labels
    a, b = (one.values if one.labels is None else one.probabilities for one in (ours, theirs))
    assert (a - b).abs().max() <= 1e-5
    if kind != "plain":
        with pytest.raises(DataError):
            again.predict("digits")
    again.export(tmp_path / "again.onnx")  # and once more


@pytest.mark.filterwarnings("default")
def test_a_damaged_file_of_our_own_is_refused(tmp_path):
    import onnx

    _, network, _ = next(networks())
    network.eval().export(tmp_path / "net.onnx")
    good = onnx.load(tmp_path / "net.onnx")
    for key, value in (("nasmyth.core", "[3, null]"), ("nasmyth.core", '["a", "b"]'), ("nasmyth.core", "{"),
        ("inputs", '{"$": "Conv"}'),
                       ("inputs", "[]"), ("outputs", "3"), ("inputs", '{"$": "ImageInput"}')):  # fmt: skip
        model = onnx.ModelProto()
        model.CopyFrom(good)
        for prop in model.metadata_props:
            prop.value = value if prop.key == key else prop.value
        onnx.save(model, tmp_path / "bad.onnx")
        with pytest.raises(NasmythError, match="damaged"):
            Network.of(tmp_path / "bad.onnx")


def test_a_file_of_our_own_that_cannot_be_parsed_is_refused(tmp_path):
    network = build(Graph.of(chain(ops.Linear(3)), (2,)))
    network.export(tmp_path / "net.onnx")
    data = (tmp_path / "net.onnx").read_bytes()
    (tmp_path / "net.onnx").write_bytes(b"\xff" + data[1:])
    with pytest.raises(TraceError, match="cut short, or of another kind"):
        Network.of(tmp_path / "net.onnx")
