"""Scores that need no training: their laws on all kinds of networks, and brute force on tiny ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import nasmyth
from nasmyth.domains import read
from nasmyth.errors import CandidateError
from nasmyth.graph import Graph, chain, residual
from nasmyth.measure import Candidate, evaluate, find
from nasmyth.measure.files import FILES
from nasmyth.measure.scores.attention_rank import attention_ranks
from nasmyth.measure.scores.boundaries import boundaries
from nasmyth.measure.scores.layer_gradients import by_example, by_one_weight, by_part, told
from nasmyth.measure.scores.passes import EXAMPLES
from nasmyth.ops import (
    Activation,
    Attention,
    BatchNorm,
    Conv,
    DepthwiseConv,
    Flatten,
    LayerNorm,
    Linear,
    Mean,
    Patchify,
    RectConv,
    RMSNorm,
)
from nasmyth.spaces import spaces
from nasmyth.testing import check_measure
from nasmyth.train import Recipe

torch.set_num_threads(1)
OF_OTHERS = ("scores.aggregate", "scores.reduced")
"""Made of other scores; they have tests of their own."""
KEPT = {file: names for file, names in FILES.items() if file.startswith("scores.") and file not in OF_OTHERS}
BRIEF = Recipe(epochs=2)
"""For a score that trains."""
SCORES = sorted(name for names in KEPT.values() for name in names)


def cell_network(width: int = 4) -> Graph:
    """Residual, with batch norms, a stride, a depthwise and a rectangular convolution."""
    body = (Activation("relu"), Conv(width), BatchNorm())
    tail = (Conv(2 * width, stride=2), BatchNorm(), Activation("relu"), DepthwiseConv(), RectConv(2 * width, 1, 3))
    return Graph.of(
        chain(Conv(width), BatchNorm(), residual(*body), *tail, Activation("gelu"), Mean("h w"), Linear(10)), (1, 8, 8)
    )


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


@pytest.fixture(scope="module")
def images(digits):
    return Candidate(cell_network(), task=digits, recipe=BRIEF)


# --- laws ---------------------------------------------------------------------------------------------------------------


def held_or_refused(name: str, candidate: Candidate) -> None:
    """The laws hold, or the score says by its name that it is not for such networks."""
    told = evaluate(candidate.again(), [name])
    if told.error is None:
        check_measure(find(name), candidate)
    else:
        assert isinstance(told.error, (CandidateError, nasmyth.errors.DataError)) and name.split("_", maxsplit=1)[
            0
        ] in str(told.error)


@pytest.mark.parametrize("name", SCORES)
def test_laws_on_images(name, images):
    held_or_refused(name, images)


@pytest.mark.parametrize("name", SCORES)
def test_laws_on_tables(name):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120), "c": rng.choice(["u", "v"], 120)})
    task = read(frame.assign(y=rng.choice(["p", "q"], 120)), "y")
    space = nasmyth.domains.domain_for(task).space(task)
    held_or_refused(name, Candidate(space.decode(space.sample(seed=1)), task=task, recipe=BRIEF))


@pytest.mark.parametrize("name", SCORES)
def test_laws_on_vision_transformers(name, digits):
    layers = (Patchify(p=2, d=8), residual(Attention(heads=2)), residual(Linear(16), Activation("gelu"), Linear(8)))
    graph = Graph.of(chain(*layers, Mean("l"), Linear(10)), (1, 8, 8))
    held_or_refused(name, Candidate(graph, task=digits, recipe=BRIEF))


def graph_task():
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 30, (2, 80))
    known = {"x": rng.random((30, 6), dtype=np.float32), "edge_index": edges, "y": rng.integers(0, 3, 30)}
    masks = rng.permutation(30)
    return {
        **known,
        **{
            f"{part}_mask": np.isin(np.arange(30), rows)
            for part, rows in zip(("train", "val", "test"), (masks[:15], masks[15:22], masks[22:]), strict=True)
        },
    }


@pytest.mark.parametrize("name", SCORES)
def test_laws_on_networks_of_graphs(name, tmp_path):
    np.savez(tmp_path / "g.npz", **graph_task())
    task = read(tmp_path / "g.npz")
    space = nasmyth.domains.domain_for(task).space(task)
    held_or_refused(name, Candidate(space.decode(space.sample(seed=3)), task=task, recipe=BRIEF))


def test_all_of_them_share_one_forward_pass_of_data_and_one_of_noise(images, monkeypatch):
    from nasmyth.measure.needs import needs

    candidate, passes = images.again(), []
    monkeypatch.setattr(nasmyth.network.Network, "forward", _counted(nasmyth.network.Network.forward, passes))
    together = (
        "naswot swap jacov epe grad_norm snip fisher zico vkdnw expressivity progressivity trainability ntk_condition"
    )
    told = evaluate(candidate, together.split())
    assert (
        told.error is None and len(passes) == 2 and {"forward", "backward", "jacobian", "ntk"} <= set(candidate.seconds)
    )
    assert needs.get("forward").price < needs.get("training").price


def _counted(forward, passes):
    def counting(self, *given):
        passes.append(1)
        return forward(self, *given)

    return counting


# --- brute force ----------------------------------------------------------------------------------------------------------


def made(candidate, name):
    return evaluate(candidate, [name]).require()[name]


@pytest.fixture
def norm_free(digits):
    """Without batch norms, so that examples do not see each other."""
    layers = (Conv(4), Activation("relu"), Conv(6, stride=2, groups=2), Activation("relu"), Flatten(), Linear(10))
    return Candidate(Graph.of(chain(*layers), (1, 8, 8)), task=digits)


def test_naswot_counts_what_two_examples_switch_alike(norm_free):
    forward = norm_free["forward"]
    codes = torch.cat([call.x.flatten(1) > 0 for call in forward.gates], 1)
    alike = [[int((a == b).sum()) for b in codes] for a in codes]
    assert made(norm_free, "naswot") == pytest.approx(float(torch.tensor(alike).double().slogdet()[1]))


def test_swap_counts_different_patterns(norm_free):
    codes = torch.cat([call.x.flatten(1) > 0 for call in norm_free["forward"].gates], 1)
    assert made(norm_free, "swap") == len({tuple(column.tolist()) for column in codes.T})


def test_gradients_are_those_of_training(norm_free, digits):
    network, batch, labels = norm_free["network"], norm_free["batch"][:EXAMPLES], norm_free["labels"][:EXAMPLES]
    digits.loss(network(batch), labels).backward()
    weights = [network.layer(f"[{i}]").weight for i in (0, 2, 5)]
    assert made(norm_free, "grad_norm") == pytest.approx(sum(float(w.grad.norm()) for w in weights), rel=1e-5)
    assert made(norm_free, "snip") == pytest.approx(
        sum(float((w.grad * w.detach()).abs().sum()) for w in weights), rel=1e-5
    )
    assert made(norm_free, "plain") == pytest.approx(
        sum(float((w.grad * w.detach()).sum()) for w in weights), rel=1e-4, abs=1e-6
    )


def test_grasp_is_the_change_of_the_flow_of_gradients(norm_free, digits):
    """- w H g is how fast |g|^2 / 2 falls as all weights shrink: told by a difference."""
    network = norm_free["network"].double()
    batch, labels = norm_free["batch"][:EXAMPLES].double(), norm_free["labels"][:EXAMPLES]
    weights = [network.layer(f"[{i}]").weight for i in (0, 2, 5)]

    def flow(scale):
        tensors = {
            f"{i}.weight": (w.detach() * scale).requires_grad_() for i, w in zip((0, 2, 5), weights, strict=True)
        }
        loss = digits.loss(torch.func.functional_call(network, tensors, (batch,)), labels)
        return float(sum(g.square().sum() for g in torch.autograd.grad(loss, list(tensors.values()))) / 2)

    slope = (flow(1 + 1e-5) - flow(1 - 1e-5)) / 2e-5
    assert made(Candidate(norm_free.graph, task=digits), "grasp") == pytest.approx(-slope, rel=1e-3)


def test_jacobian_covariance_of_each_example_alone(norm_free):
    rows = []
    for x in norm_free["batch"][:EXAMPLES]:
        x = x[None].clone().requires_grad_()
        norm_free["network"](x).sum().backward()
        rows.append(x.grad.flatten().double())
    values = np.linalg.eigvalsh(np.corrcoef(torch.stack(rows).numpy())) + 1e-5
    assert made(norm_free, "jacov") == pytest.approx(-float((np.log(values) + 1 / values).sum()), rel=1e-4)


def test_synflow_of_linear_layers_is_the_sum_over_paths(digits):
    graph = Graph.of(chain(Flatten(), Linear(7, bias=False), Linear(10, bias=False)), (1, 8, 8))
    candidate = Candidate(graph, task=digits)
    a, b = (w.detach().abs().double() for w in candidate["network"].parameters())
    assert made(candidate, "synflow") == pytest.approx(math.log(2 * float((b @ a).sum())))


def test_synflow_of_many_layers_is_a_number(digits):
    graph = Graph.of(chain(Conv(32), *(Conv(32) for _ in range(60)), Mean("h w"), Linear(10)), (1, 8, 8))
    found = made(Candidate(graph, task=digits), "synflow")
    assert 100 < found < 700  # e^89 is the end of float32


@pytest.mark.parametrize("norm", [LayerNorm(), RMSNorm()], ids=repr)
def test_synflow_goes_through_norms_of_an_example(digits, norm):
    """As if they were not there: what flows would sum to nothing behind one."""
    layers = (Patchify(p=2, d=8), Linear(8), Mean("l"), Linear(10))
    with_norm = Graph.of(chain(*layers[:2], norm, *layers[2:]), (1, 8, 8))
    without = Candidate(Graph.of(chain(*layers), (1, 8, 8)), task=digits)
    candidate, network = Candidate(with_norm, task=digits), without["network"]
    weights = [
        w
        for w in candidate["network"].parameters()
        if not any(w is one for one in candidate["network"].layer("[2]").parameters())
    ]
    with torch.no_grad():
        for mine, theirs in zip(weights, network.parameters(), strict=True):
            mine.copy_(theirs)
    assert made(candidate, "synflow") == pytest.approx(made(without, "synflow"))


LAYERS = (Conv(4, 3, 2), Conv(4, 2, 2), Conv(4, 4), Conv(4, groups=2), Conv(6, dilation=2), DepthwiseConv(), Linear(5))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_gradients_of_each_example(layer, digits):
    """By the whole weight, by one number of it, and of parts of the batch: as when each example is differentiated alone."""
    layers = (
        (Flatten(), Linear(8), layer) if isinstance(layer, Linear) else (Conv(4), layer, Activation("tanh"), Flatten())
    )
    candidate = Candidate(Graph.of(chain(*layers, Linear(10)), (1, 8, 8)), task=digits)
    forward = candidate["forward"]
    call = next(one for one in forward.layers if one.module is candidate["network"].layer(f"[{layers.index(layer)}]"))
    (gradient,) = torch.autograd.grad(forward.output.sum(), call.y, retain_graph=True)
    alone = []
    for x in forward.inputs[0]:
        out = candidate["network"](x[None].detach()).sum()
        alone.append(torch.autograd.grad(out, call.module.weight)[0].flatten())
    alone = torch.stack(alone)
    torch.testing.assert_close(by_example(call, gradient), alone, rtol=1e-4, atol=1e-5)
    for place in (0, alone.shape[1] // 2, alone.shape[1] - 1):
        torch.testing.assert_close(by_one_weight(call, gradient, place), alone[:, place], rtol=1e-4, atol=1e-5)
    parts = torch.stack([part.sum(0) for part in alone.tensor_split(4)])
    torch.testing.assert_close(by_part(call, gradient, 4), parts, rtol=1e-4, atol=1e-4)


def test_the_tangent_kernel(norm_free):
    each = []
    for x in norm_free["batch"][:EXAMPLES]:
        out = norm_free["network"](x[None]).sum()
        weights = [norm_free["network"].layer(f"[{i}]").weight for i in (0, 2, 5)]
        each.append(torch.cat([g.flatten() for g in torch.autograd.grad(out, weights)]))
    each = torch.stack(each).double()
    torch.testing.assert_close(norm_free["ntk"], each @ each.T, rtol=1e-4, atol=1e-4)
    values = torch.linalg.eigvalsh(each @ each.T)
    assert made(norm_free, "ntk_condition") == pytest.approx(float(values[-1] / values[0]), rel=1e-2)


def test_fisher_information_is_that_of_all_classes(norm_free):
    """The mean over many random directions is the sum over classes, weighted by their chance."""
    forward, call = norm_free["forward"], told(norm_free["forward"])[1]
    chance = forward.output.detach().softmax(-1)
    exact = torch.zeros(forward.rows)
    for c in range(10):
        (g,) = torch.autograd.grad(forward.output.log_softmax(-1)[:, c].sum(), call.y, retain_graph=True)
        exact += chance[:, c] * by_one_weight(call, g, 3).square()
    generator, found = torch.Generator().manual_seed(0), torch.zeros(forward.rows)
    for _ in range(2000):
        root = chance.sqrt() * (torch.randint(0, 2, chance.shape, generator=generator) * 2.0 - 1.0)
        toward = root - chance * root.sum(-1, keepdim=True)
        (g,) = torch.autograd.grad(forward.output, call.y, toward, retain_graph=True)
        found += by_one_weight(call, g, 3).square() / 2000
    assert float(found.sum()) == pytest.approx(float(exact.sum()), rel=0.1)


def test_a_circle_keeps_its_length_where_nothing_bends(digits):
    candidate = Candidate(Graph.of(chain(Flatten(), Linear(64, bias=False)), (1, 8, 8)), task=None)
    network = candidate["network"]
    with torch.no_grad():
        next(network.parameters()).copy_(3 * torch.linalg.qr(torch.randn(64, 64))[0])
    assert made(Candidate.of(network), "length_distortion") == pytest.approx(3.0, rel=1e-4)


def test_regions_of_one_unit():
    """A line from -1 to 1 crosses the bend of one unit once, so that it meets two regions."""
    network = Candidate(Graph.of(chain(Linear(1), Activation("relu"), Linear(1)), (1,)))["network"]
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(1.0 if weight.ndim > 1 else 0.0)
    one = Candidate(network.graph, made={"network": network, "batch": torch.tensor([[-1.0], [1.0]])})
    assert made(one, "linear_regions") == 2.0


def test_attention_that_sees_all_alike_has_rank_one(digits):
    graph = Graph.of(chain(Patchify(p=2, d=8), Attention(heads=2), Mean("l"), Linear(10)), (1, 8, 8))
    network = Candidate(graph, task=digits)["network"]
    batch = torch.randn(4, 1, 8, 8)
    (free,) = attention_ranks(network, batch)
    (alike,) = attention_ranks(network, torch.ones(4, 1, 8, 8))
    assert alike == 1.0 < free <= 16


def test_expressivity_is_the_entropy_of_principal_components():
    from nasmyth.measure.scores.az_nas import entropy

    even = torch.randn(50_000, 8, generator=torch.Generator().manual_seed(0))
    assert entropy(even) == pytest.approx(math.log(8), abs=1e-3)
    assert entropy(even[:, :1] * torch.ones(1, 8)) == pytest.approx(0.0, abs=1e-6)


def test_an_orthogonal_block_is_most_trainable(digits):
    """2 - s - 1/s is 0 at s = 1, and less for a block that multiplies by three."""
    graph = Graph.of(chain(Conv(8), Conv(8, kernel=1), Activation("relu"), Conv(8), Mean("h w"), Linear(10)), (1, 8, 8))
    found = []
    for scale in (1.0, 3.0):
        candidate = Candidate(graph, task=digits)
        with torch.no_grad():
            turned = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))[0]
            candidate["network"].layer("[1]").weight.copy_(scale * turned[:, :, None, None])
        ends = [candidate["forward"].values[i] for i in boundaries(graph)]
        assert len(ends) == 3
        found.append(made(candidate, "trainability"))
    assert found[0] > found[1]


def test_blocks_end_where_everything_passes():
    graph = cell_network()
    ends = [graph.nodes[i].address for i in boundaries(graph)]
    assert len(ends) == 5 and all(len(graph.nodes[i].shape) == 3 for i in boundaries(graph))


# --- bad input ------------------------------------------------------------------------------------------------------------


def test_without_activations_it_says_so(digits):
    graph = Graph.of(chain(Conv(4), Mean("h w"), Linear(10)), (1, 8, 8))
    for name in ("naswot", "swap", "linear_regions"):
        error = evaluate(Candidate(graph, task=digits), [name]).error
        assert isinstance(error, CandidateError) and name in str(error) and "no activation" in str(error)


def test_a_batch_of_one_is_refused_by_those_who_compare(images):
    alone = images.again(made={"batch": images["batch"][:1], "labels": images["labels"][:1]})
    for name in ("naswot", "jacov", "epe", "swap", "ntk_condition", "vkdnw", "zico"):
        error = evaluate(
            alone.again(graph=Graph.of(chain(Conv(4), Activation(), Flatten(), Linear(10)), (1, 8, 8))), [name]
        ).error
        assert isinstance(error, CandidateError) and name in str(error) and "batch has 1" in str(error)


def test_a_score_of_labels_without_a_task_is_refused_before_anything_is_made():
    candidate = Candidate(cell_network())
    with pytest.raises(nasmyth.errors.DataError, match="needs data"):
        evaluate(candidate, ["naswot"])
    assert not candidate.seconds


def test_scores_of_a_saved_network_are_those_of_its_weights(digits, images):
    network = images.again()["network"]
    assert made(Candidate.of(network, digits), "synflow") == made(images.again(), "synflow")


def test_float32_ranks_as_float64_does(digits):
    """All scores but SynFlow, which says so, are computed in float32: the difference is far below that between networks."""
    named = spaces.get("nb201")
    space = named(input=(1, 8, 8), width=4, cells=1)
    for name in ("naswot", "jacov", "grad_norm", "expressivity", "vkdnw"):
        narrow, wide = [], []
        for seed in range(6):
            candidate = Candidate(space.decode(space.sample(seed=seed)), task=digits)
            narrow.append(made(candidate, name))
            twin = candidate.again(
                made={"network": candidate.again()["network"].double(), "batch": candidate["batch"].double()}
            )
            wide.append(made(twin, name))
        assert np.abs(np.subtract(narrow, wide)).max() < 0.02 * np.std(wide), name


def test_a_network_without_gradient_is_refused_by_name():
    graph = Graph.of(chain(Flatten(), Activation("relu")), (4,))
    error = evaluate(Candidate(graph), ["synflow"]).error
    assert isinstance(error, CandidateError)
