"""Mixers of sequences as one linear recurrence: does the form give what they give, when are two of them one, what is kept.

First, networks of one block that learn to recall: 8 pairs of a key and a value come, then a key, and its value is wanted (400
steps of 64 sequences). Each has one mixer of width 32. recall: the share of 1,000 new sequences answered rightly. form: the
largest difference between the trained mixer and its recurrence, a place at a time in single precision, relative to
the largest number that comes out where that is above 1. kept: numbers that a mixer keeps for a sequence after 1 and after 17
places.

Second, conditions under which one mixer is another (Sieber 2024, arXiv:2405.15731, section 4): all of them, and all but one,
for mixers with random weights. equal: in how many seeds `equivalent` says so.

Targets: form at most 1e-5 in all; equal in all seeds where all conditions hold, in none where one is dropped; softmax attention
keeps more and more, the others do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, blocks, chain, ops, residual
from nasmyth.graph.inputs import Spec
from nasmyth.network import build
from nasmyth.ops.recurrence import Recurrence, equivalent, recurrence
from nasmyth.testing.tensors import randomised
from operators_of import spread

PAIRS, CODES, WIDTH = 8, 16, 32

MIXERS: list[tuple[str, Any, Any]] = [
    ("softmax attention", ops.Attention(2, causal=True), ops.Attention),
    ("linear attention", ops.LinearAttention(2), ops.LinearAttention),
    ("gated linear attention", ops.GatedLinearAttention(2), ops.GatedLinearAttention),
    ("selective state space", ops.SelectiveStateSpace(16, rank=2), ops.SelectiveStateSpace),
    ("diagonal state space", ops.DiagonalStateSpace(8), ops.DiagonalStateSpace),
    ("minGRU", blocks.min_gru(WIDTH), ops.GatedRecurrence),
]
"""What stands in the place of attention, and the op in it that is a recurrence."""


def table(seeds: range) -> Iterator[str]:
    yield f"{'':<24} {'recall':>14} {'form':>8} {'kept':>14}"
    for name, mixer, op in MIXERS:
        found = [_trained(mixer, op, seed) for seed in seeds]
        recall = spread([one[0] for one in found])
        kept = " / ".join(f"{n:,}" for n in found[0][2])
        yield f"{name:<24} {recall:>14} {max(one[1] for one in found):>8.0e} {kept:>14}"
    for title, conditions, pair in PAIRS_OF_MIXERS:
        yield f"\n{title}"
        for dropped in (None, *conditions):
            answers = [equivalent(*pair(seed, dropped)) for seed in seeds]
            gaps = [answer.gap for answer in answers]
            what = f"without: {dropped}" if dropped else "all conditions"
            yield f"{what:<44} equal in {sum(map(bool, answers))} of {len(answers)}, gap {min(gaps):.0e} to {max(gaps):.0e}"


# --- recall -------------------------------------------------------------------------------------------------------


def _sequences(n: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    keys = torch.rand(n, CODES, generator=chance).argsort(1)[:, :PAIRS]
    values = torch.randint(CODES, (n, PAIRS), generator=chance)
    asked = torch.randint(PAIRS, (n, 1), generator=chance)
    pairs = torch.stack((keys, values + CODES), 2).flatten(1)
    return torch.cat((pairs, keys.gather(1, asked)), 1), values.gather(1, asked)[:, 0]


def _trained(mixer: Any, op: Any, seed: int, steps: int = 400) -> tuple[float, float, tuple[int, int]]:
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    template = chain(
        embed=ops.Embedding(2 * CODES, WIDTH),
        last=residual(ops.SequenceDepthwiseConv(2)),  # a value knows its key
        block=blocks.transformer(mixer=mixer, feedforward=blocks.mlp(2)),
        head=chain(ops.LayerNorm(), ops.Linear(CODES)),
    )
    network = build(Graph.of(template, {"x": Spec((2 * PAIRS + 1,), "int")}), seed=seed)
    adam = torch.optim.AdamW(network.parameters(), lr=5e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, total_steps=steps)
    for _ in range(steps):
        x, wanted = _sequences(64, chance)
        adam.zero_grad()
        F.cross_entropy(network(x)[:, -1], wanted).backward()
        adam.step()
        rate.step()
    seen: list[tuple[Any, ...]] = []
    (module,) = (m for m in network.modules() if isinstance(m, op.module))
    module.register_forward_hook(lambda module, given, output: seen.append((given, output)))
    x, wanted = _sequences(1000, chance)
    with torch.no_grad():
        recall = (network.eval()(x)[:, -1].argmax(1) == wanted).float().mean().item()
        given, output = seen[0]
        form = recurrence(module, *given)
        gap = (form.output() - output).abs().max() / output.abs().max().clamp(min=1)
    return recall, gap.item(), (form.kept[0], form.kept[-1])


# --- conditions ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def _space_and_gru(seed: int, dropped: str | None) -> tuple[Recurrence, Recurrence]:
    torch.manual_seed(seed)
    n = 2 if dropped == "one number a feature" else 1
    space: Any = randomised(ops.SelectiveStateSpace(n, rank=6, hold=dropped != "held for a step").build((16, 6)))
    if dropped != "A = -1":
        space.log_rate.zero_()
    if dropped != "D = 0":
        space.skip.zero_()
    x = torch.randn(2, 16, 6)
    form = recurrence(space, x)
    if dropped != "B = C = 1":
        form = replace(form, b=form.b / space.enter(x)[:, :, None], c=torch.ones_like(form.c))
    gate = space.widen(space.narrow(x))
    if dropped == "the same gate":
        gate = gate + 0.1
    return form, recurrence(ops.GatedRecurrence().build((16, 6), (16, 6)), gate, x)


@torch.no_grad()
def _attention_and_gated(seed: int, dropped: str | None) -> tuple[Recurrence, Recurrence]:
    torch.manual_seed(seed)
    features = "elu" if dropped == "no feature map" else "identity"
    plain: Any = randomised(ops.LinearAttention(2, features, normalise=False).build((16, 8)))
    gated: Any = randomised(ops.GatedLinearAttention(2).build((16, 8)))
    gated.qkv.load_state_dict(plain.qkv.state_dict())
    if dropped != "queries divided by the root of k":
        plain.qkv.weight[:8] /= 2
        plain.qkv.bias[:8] /= 2
    if dropped != "gates of 1":
        gated.widen.weight.zero_()
        gated.widen.bias.fill_(100)
    x = torch.randn(2, 16, 8)
    return recurrence(plain, x), recurrence(gated, x)


@torch.no_grad()
def _spaces(seed: int, dropped: str | None) -> tuple[Recurrence, Recurrence]:
    """The selective one on an input that says nothing of steps, B and C has those of a fixed one."""
    torch.manual_seed(seed)
    fixed: Any = randomised(ops.DiagonalStateSpace(3).build((16, 6)))
    chosen: Any = randomised(ops.SelectiveStateSpace(3, rank=1, hold=dropped != "held for a step").build((16, 6)))
    if dropped != "no frequencies":
        fixed.frequency.zero_()
    chosen.log_rate.copy_(fixed.log_rate.T)
    chosen.skip.copy_(fixed.skip)
    if dropped != "fixed steps":
        chosen.widen.weight.zero_()
    chosen.widen.bias.copy_(torch.log(torch.expm1(fixed.log_step.exp())))
    x = torch.randn(2, 16, 6)
    form = recurrence(chosen, x)
    if dropped != "B and C that do not see the input":
        b, c = form.b / chosen.enter(x)[:, :, None], 2 * fixed.output[0].expand_as(form.c)
        form = replace(form, b=b, c=c)
    return form, recurrence(fixed, x)


PAIRS_OF_MIXERS: list[tuple[str, tuple[str, ...], Any]] = [
    (
        "A selective state space is a gated recurrence (minGRU)",
        ("one number a feature", "A = -1", "B = C = 1", "D = 0", "held for a step", "the same gate"),
        _space_and_gru,
    ),
    (
        "Gated linear attention is linear attention without a divisor",
        ("gates of 1", "no feature map", "queries divided by the root of k"),
        _attention_and_gated,
    ),
    (
        "A selective state space is a diagonal one",
        ("no frequencies", "fixed steps", "B and C that do not see the input", "held for a step"),
        _spaces,
    ),
]
