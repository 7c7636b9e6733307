"""Mixers of sequences: equal to plain loops, to PyTorch's own and to their common form; where two of them are one."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from nasmyth import Graph, blocks, chain, ops
from nasmyth.errors import SpaceError, TraceError
from nasmyth.graph.inputs import Spec
from nasmyth.network import build
from nasmyth.ops.recurrence import Recurrence, equivalent, recurrence
from nasmyth.testing.tensors import randomised

torch.set_num_threads(1)

MIXERS = [
    ops.LinearAttention(2),
    ops.LinearAttention(2, "identity", normalise=False),
    ops.GatedLinearAttention(2, rank=3),
    ops.GatedRecurrence(),
    ops.DiagonalStateSpace(4),
    ops.SelectiveStateSpace(4),
    ops.SelectiveStateSpace(3, rank=2, hold=True),
    ops.Attention(2, causal=True),
]
MASKED = [op for op in MIXERS if not isinstance(op, ops.DiagonalStateSpace)]


def made(op, length=70, d=8, batch=2, seed=0):
    """The module and inputs for it; longer than a chunk."""
    torch.manual_seed(seed)
    shapes = ((length, d),) * (2 if isinstance(op, ops.GatedRecurrence) else 1)
    return randomised(op.build(*shapes)), [torch.randn(batch, *shape) for shape in shapes]


# --- the common form ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", MIXERS, ids=repr)
@torch.no_grad()
def test_the_common_form_gives_what_the_module_gives(op):
    module, inputs = made(op)
    form = recurrence(module, *inputs)
    wanted = module(*inputs)
    torch.testing.assert_close(form.output(), wanted, rtol=1e-5, atol=1e-5)
    mixed = (form.mixing() @ form.u.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)
    torch.testing.assert_close(form.read(mixed), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("op", MASKED, ids=repr)
@torch.no_grad()
def test_what_is_masked_changes_nothing(op):
    """Neither the others' outputs, nor the state: what remains gives what it gives alone."""
    module, inputs = made(op, length=40)
    mask = torch.ones(2, 40)
    mask[:, [3, 4, 20, 39]] = 0
    mask[1, :10] = 0
    given = module(*inputs, mask)
    for i in range(2):
        left = mask[i] > 0
        alone = module(*(x[i : i + 1, left] for x in inputs))
        torch.testing.assert_close(given[i : i + 1, left], alone, rtol=1e-5, atol=1e-5)
    if not isinstance(op, ops.Attention):
        torch.testing.assert_close(recurrence(module, *inputs, mask).output(), given, rtol=1e-5, atol=1e-5)


def test_the_state_of_softmax_attention_grows_and_no_others():
    for op in MIXERS:
        module, inputs = made(op, length=5)
        form = recurrence(module, *inputs)
        assert form.grows == isinstance(op, ops.Attention)
    assert form.kept == tuple(2 * 8 * t for t in range(1, 6))


def test_matrices_that_are_not_diagonal():
    """A delta rule: A = 1 - k k, B = k writes over what is there under a key."""
    torch.manual_seed(0)
    keys = torch.eye(3)[torch.tensor([0, 1, 0])][None, :, None]
    a = torch.eye(3) - keys[..., :, None] * keys[..., None, :]
    form = Recurrence(
        a, keys, torch.ones(1, 3, 1, 3), torch.tensor([[[5.0], [7.0], [9.0]]]), torch.zeros(1), nn.Identity(), (3,) * 3
    )
    assert form.output().flatten().tolist() == [5, 12, 16]
    assert form.mixing()[0, 0].tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize("module, x", [
    (nn.GRU(3, 3), torch.zeros(1, 2, 3)), (ops.Attention(1).build((2, 3)), torch.zeros(1, 2, 3)),
], ids=["GRU", "Attention"])  # fmt: skip
def test_what_is_no_linear_recurrence_says_so(module, x):
    with pytest.raises(TraceError, match="recurrence"):
        recurrence(module, x)


# --- where two of them are one ------------------------------------------------------------------------------------


def same_projections(one, other):
    for name in ("qkv", "out"):
        getattr(other, name).load_state_dict(getattr(one, name).state_dict())


@pytest.mark.parametrize("features", ["identity", "elu"])
@pytest.mark.parametrize("forgets", [False, True])
@torch.no_grad()
def test_gated_linear_attention_is_linear_attention_where_it_forgets_nothing(features, forgets):
    plain, (x,) = made(ops.LinearAttention(2, features, normalise=False))
    gated, _ = made(ops.GatedLinearAttention(2))
    same_projections(plain, gated)
    plain.qkv.weight[:8] /= 2  # queries are divided by the root of k in one of them
    plain.qkv.bias[:8] /= 2
    if not forgets:
        gated.widen.weight.zero_()
        gated.widen.bias.fill_(100.0)
    answer = equivalent(recurrence(plain, x), recurrence(gated, x))
    assert bool(answer) == (features == "identity" and not forgets), answer
    assert ("A differs" in answer.remarks) == forgets


@torch.no_grad()
def test_normalised_attention_is_the_plain_one_divided():
    """Their states differ by the divisor, and so do A and B."""
    module, (x,) = made(ops.LinearAttention(2), length=9)
    form = recurrence(module, x)
    module.normalise = False
    plain = recurrence(module, x)
    assert "A differs" in equivalent(form, plain).remarks and "C differs" not in equivalent(form, plain).remarks
    ratio = plain.mixing() / plain.mixing().sum(-1, keepdim=True)
    torch.testing.assert_close(form.mixing(), ratio)


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("held", [True, False])
@torch.no_grad()
def test_a_selective_state_space_is_a_gated_recurrence_under_these_conditions(one, unit, constant, alone, held):
    """One number a feature, A = -1, B = C = 1, D = 0, the input held for a step (Gu & Dao 2023, arXiv:2312.00752, theorem 1;
    Sieber 2024, arXiv:2405.15731, section 4): exp(-softplus(g)) is the sigmoid of -g, so that what is forgotten and what is
    taken add up to 1. Under no fewer."""
    d = 4
    torch.manual_seed(1)
    space = randomised(ops.SelectiveStateSpace(1 if one else 2, rank=d, hold=held).build((12, d)))
    if unit:
        space.log_rate.zero_()
    if alone:
        space.skip.zero_()
    x = torch.randn(2, 12, d)
    form = recurrence(space, x)
    if constant:  # a projection without a bias has no such B and C
        form = replace(form, b=form.b / space.enter(x)[:, :, None], c=torch.ones_like(form.c))
    gate = space.widen(space.narrow(x))
    gated = recurrence(ops.GatedRecurrence().build((12, d), (12, d)), gate, x)
    assert bool(equivalent(form, gated)) == (one and unit and constant and alone and held)


def test_forms_of_other_sizes_are_not_one():
    module, inputs = made(ops.DiagonalStateSpace(), length=6)
    shorter = recurrence(module, inputs[0][:, :5])
    answer = equivalent(recurrence(module, *inputs), shorter)
    assert not answer and "(2, 6, 8) and (2, 5, 8)" in answer.remarks[0]
    assert equivalent(shorter, shorter) and equivalent(shorter, shorter).remarks == ()


# --- each mixer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", MIXERS[:-1], ids=repr)
@torch.no_grad()
def test_long_sequences_in_single_precision(op):
    """4,096 places: the whole at once, and a place at a time in double precision."""
    module, inputs = made(op, length=4096, batch=1)
    whole = module(*inputs)
    assert whole.isfinite().all()
    module, inputs = module.double(), [x.double() for x in inputs]
    state, outputs = module.initial_state(1), []
    for place in range(4096):
        y, state = module.step(state, *(x[:, place] for x in inputs))
        outputs.append(y)
    exact = torch.stack(outputs, 1)
    assert (whole - exact).abs().max() <= 1e-5 * exact.abs().max().clamp(min=1)


@torch.no_grad()
def test_linear_attention_is_a_weighted_mean():
    module, (x,) = made(ops.LinearAttention(2), length=100)
    q, k, v = module.heads_of(x, None)
    weights = torch.einsum("blhk,bmhk->bhlm", q, k).tril()
    mean = torch.einsum("bhlm,bmhk->blhk", weights / weights.sum(-1, keepdim=True), v[..., :-1])
    torch.testing.assert_close(module(x), module.out(mean.flatten(2)), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_diagonal_state_space_is_a_convolution_in_complex_numbers():
    module, (x,) = made(ops.DiagonalStateSpace(5), length=150)
    a = torch.complex(-module.log_rate.exp(), module.frequency)
    move = torch.exp(a * module.log_step.exp()[:, None])
    c = torch.complex(*module.output) * (move - 1) / a
    kernel = 2 * (c[..., None] * move[..., None] ** torch.arange(150)).sum(1).real
    wanted = torch.fft.irfft(torch.fft.rfft(kernel, 300) * torch.fft.rfft(x.transpose(1, 2), 300))[..., :150]
    torch.testing.assert_close(module(x), wanted.transpose(1, 2) + module.skip * x, rtol=1e-4, atol=1e-4)


def test_gradients_of_a_scan_are_those_of_a_loop():
    for length in (1, 2, 5, 8, 13):
        module, (gate, x) = made(ops.GatedRecurrence(), length=length, d=3)
        given = [part.requires_grad_() for part in (gate, x)]
        wanted, h = [], torch.zeros(2, 3)
        for g, v in zip(gate.unbind(1), x.unbind(1), strict=True):
            h = h + torch.sigmoid(g) * (v - h)
            wanted.append(h)
        weights = torch.randn(2, length, 3)
        both = [torch.autograd.grad((y * weights).sum(), given) for y in (module(gate, x), torch.stack(wanted, 1))]
        for ours, theirs in zip(*both, strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("op", [ops.GatedRecurrence(), ops.SelectiveStateSpace(2)], ids=repr)
def test_second_derivatives_of_a_scan(op):
    module, given = made(op, length=5, d=2)
    given = [part.double().requires_grad_() for part in given]
    assert torch.autograd.gradgradcheck(module.double(), given, fast_mode=True)


def test_fields_that_cannot_be():
    with pytest.raises(SpaceError, match="features is one of elu, relu, identity"):
        ops.LinearAttention(features="exp")
    with pytest.raises(SpaceError, match="features='elu' are positive, or normalise=False"):
        ops.LinearAttention(features="identity")
    with pytest.raises(SpaceError, match="state must be at least 1"):
        ops.SelectiveStateSpace(state=0)
    with pytest.raises(SpaceError, match="rank must be at least 1"):
        ops.SelectiveStateSpace(rank=0)
    with pytest.raises(SpaceError, match="rank must be at least 1"):
        ops.GatedLinearAttention(rank=0)
    with pytest.raises(ValueError, match="causal=True"):
        ops.SequenceDepthwiseConv(causal=False).build((4, 3)).initial_state(1)


@pytest.mark.parametrize("mixer", [blocks.mamba(state=4), blocks.min_gru(6), ops.LinearAttention(2)], ids=repr)
@torch.no_grad()
def test_a_network_of_them_takes_places_one_by_one(mixer):
    network = build(
        Graph.of(chain(ops.Linear(6), blocks.transformer(mixer=mixer), ops.Linear(2)), (9, 3)), seed=0
    ).eval()
    x = torch.randn(2, 9, 3)
    state, outputs = network.initial_state(2), []
    for place in range(9):
        y, state = network.step(state, x[:, place])
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, 1), network(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_mask_reaches_what_is_in_a_block():
    inputs = {"x": Spec((6, 4)), "mask": Spec((6,))}
    network = build(Graph.of(blocks.mamba(state=3), inputs), seed=0).eval()
    x, mask = torch.randn(1, 6, 4), torch.tensor([[1.0, 1, 1, 0, 0, 0]])
    changed = x.clone()
    changed[:, 3:] += 1
    torch.testing.assert_close(network(x, mask)[:, :3], network(changed, mask)[:, :3])
    assert not torch.allclose(network(x, mask)[:, :3], network(x, 1 - mask)[:, :3])
