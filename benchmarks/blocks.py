"""Networks and blocks of the literature: does what each is known for show here, at a small scale?

    python benchmarks/blocks.py                               # all sections, half an hour of processor time
    python benchmarks/blocks.py --only vovnet --workers 1

Data: scikit-learn's 8x8 digits, split anew for each seed (719 to train on, 180 to choose the epoch by, 898 to test), and
synthetic images of 32x32 for OverLoCK, in which a mark far away decides what a bar means. Accuracies are those of the test
split, in percent; intervals are 95 % (Student's t), of differences between runs with the same seed where there are pairs.
Latencies are medians on one thread of ONNX Runtime. Every section prints its figure beside that of its baseline and says
whether the target is met; a target that is missed is a result, not an error.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

import block_trials as trials
import numpy as np
import torch
from block_trials import (
    Job,
    accuracy,
    cues,
    digits,
    mapped,
    merging,
    paired,
    seconds,
    shown,
    table,
    trained,
    verdict,
    widest,
)

from nasmyth import blocks, chain, ops, residual
from nasmyth.graph import Graph, mac_count
from nasmyth.measure import params, traffic
from nasmyth.network import Network, build
from nasmyth.spaces import resnet_rs, simplenet, vanillanet
from nasmyth.spaces.resnet_rs import scaled, text
from nasmyth.spaces.simplenet import PRINCIPLES, PUBLISHED
from nasmyth.train import SGD, AdamW, Recipe, Split, Task
from nasmyth.transform import merge

CONVNET = Recipe(optimizer=SGD(lr=0.1), batch=32, epochs=12)
STEADY = Recipe(optimizer=AdamW(lr=3e-3, weight_decay=0.05), batch=32, epochs=15)
DIGITS = (1, 8, 8)
EIGHTS = range(8, 400, 8)
"""Channels by which convolutions on a CPU are fast."""


def section_simplenet(seeds: int, budget: float = 50e3, samples: int = 15) -> None:
    """SimpleNet's template against random networks of its budget, and each of its principles without it."""
    space, data = simplenet(DIGITS, widths=tuple(range(1, 40))), (digits, {})

    def at_budget(**changes: Any) -> Graph:
        return widest(lambda w: space.decode({**PUBLISHED, **changes, "width": w}), budget, range(1, 40))

    without = {name: at_budget(**{name: other}) for name, (_, other) in PRINCIPLES.items()}
    found = table({"template": at_budget(), **without}, data, STEADY, range(seeds))
    narrowed = space.narrow(params <= budget, params >= 0.8 * budget)
    jobs = [Job(narrowed.decode(narrowed.sample(i)), data, STEADY, i % seeds) for i in range(samples)]
    random = mapped(accuracy, jobs)
    template = found["template"]
    print(
        f"  template {shown(template)} ({params(at_budget()):,.0f} parameters), random {shown(random)} ({samples} networks)"
    )
    for name, other in PRINCIPLES.items():
        gain = paired(template, found[name])
        print(
            f"  {name + '=' + str(other[1]):22} {statistics.mean(found[name]):.2f}; the principle brings "
            f"{shown(gain)} points"
        )
    gap = statistics.mean(template) - statistics.mean(random)
    verdict(f"template minus random average {gap:+.2f} points (at least 0)", gap >= 0)


def section_resnet_rs(seeds: int) -> None:
    """ResNet-RS's rule against the best of depth, width and resolution, with little and with all data.

    The best is chosen on some seeds and judged on the others, then the other way round: else it would win by luck.
    """
    seeds = max(4, seeds - seeds % 2)
    space = resnet_rs(DIGITS, 10, (14, 26), (4, 8, 16), (8, 12, 16), stride=1)
    budgets = (0.6e6, 1.4e6, 2.2e6)
    grid = {text(g): (g, space.decode(g)) for g in space.enumerate() if space.decode(g).costs.macs <= max(budgets)}
    regimes = {"100 examples, 60 epochs": (True, {"few": 100}, 60), "719 examples, 10 epochs": (False, {}, 10)}
    for name, (overfits, settings, epochs) in regimes.items():
        recipe = Recipe(optimizer=SGD(lr=0.05), batch=32 if epochs == 10 else 25, epochs=epochs)
        graphs = {key: graph for key, (_, graph) in grid.items()}
        found = table(graphs, (digits, settings), recipe, range(seeds))
        halves = [range(0, seeds, 2), range(1, seeds, 2)]
        gaps = []
        for budget in budgets:
            mine = text(scaled(space, budget, overfits))
            allowed = [key for key, graph in graphs.items() if graph.costs.macs <= budget]
            best = [max(allowed, key=lambda key, h=half: _mean(found[key], h)) for half in halves]
            front = [found[key][i] for key, half in zip(best, reversed(halves), strict=True) for i in half]
            ours = [found[mine][i] for half in reversed(halves) for i in half]
            gaps.append(statistics.mean(paired(ours, front)))
            print(f"  {name}, {budget / 1e6:.1f}M MACs: {mine} {statistics.mean(ours):.2f}; front ({' | '.join(best)}) "
                  f"{statistics.mean(front):.2f}; rule minus front {shown(paired(ours, front))}")  # fmt: skip
        verdict(f"{name}: at worst {min(gaps):+.2f} points from the front (within 0.5)", min(gaps) >= -0.5)


def _mean(values: Sequence[float], rows: Iterable[int]) -> float:
    return statistics.mean(values[i] for i in rows)


def section_vanillanet(seeds: int) -> None:
    """Six layers that were trained as twelve, against six that were trained as six."""
    small = {"input": DIGITS, "classes": 10, "widths": (16,), "patch": 1}
    genome = {"depth": 6, "series": 2, "width": 16}
    deep, plain = (vanillanet(**small, form=form).decode(genome) for form in ("deep", "plain"))
    recipe, data = CONVNET.replace(epochs=25, optimizer=SGD(lr=0.05)), (digits, {})
    merged = mapped(merging, [Job(deep, data, recipe, seed) for seed in range(seeds)])
    direct = table({"direct": plain}, data, recipe, range(seeds))["direct"]
    gain, gap = paired([a for a, _ in merged], direct), max(g for _, g in merged)
    print(
        f"  merged {shown([a for a, _ in merged])}, trained directly {shown(direct)}; difference {shown(gain)} points"
    )
    verdict(f"merged equals unmerged to {gap:.1e} (1e-5)", gap <= 1e-5)
    verdict(f"merged no worse than direct: {statistics.mean(gain):+.2f} points", statistics.mean(gain) >= 0)
    one = merge(build(deep))
    times = seconds(build(deep), one, merge(build(plain)))
    print(
        "  latency: "
        + ", ".join(f"{n} {t * 1e6:.0f} us" for n, t in zip(("twelve", "merged", "six"), times, strict=True))
    )
    same = one.graph.key == merge(build(plain)).graph.key
    verdict(f"merged is the network of six layers, and takes {times[1] / times[2]:.2f} of its time (1)", same)


def section_vovnet(seeds: int) -> None:
    """One-shot aggregation against a dense block of as many parameters: what is moved, how long it takes, what it
    learns."""
    pairs = []
    for channels, size, layers in ((64, 56, 6), (128, 28, 12), (256, 14, 24), (512, 7, 16)):
        dense, shape = blocks.densenet_block(32, layers), (channels, size, size)
        out = channels + 32 * layers
        one = widest(
            lambda w, s=shape, n=out: Graph.of(blocks.one_shot_aggregation(n, w), s),
            params(Graph.of(dense, shape)),
            EIGHTS,
        )
        pairs.append((one, Graph.of(dense, shape)))
    _compare("the four dense blocks of DenseNet-121", *zip(*pairs, strict=True))
    dense = Graph.of(_of_blocks(blocks.densenet_block(8, 5), blocks.densenet_block(16, 5)), DIGITS)
    osa = widest(lambda w: Graph.of(_of_blocks(*_aggregations(56, 136, w)), DIGITS), params(dense), range(2, 80, 2))
    _compare("networks for digits", [osa], [dense])
    found = table({"osa": osa, "dense": dense}, (digits, {}), CONVNET, range(seeds))
    gain = paired(found["osa"], found["dense"])
    print(
        f"  digits: aggregation {shown(found['osa'])}, dense {shown(found['dense'])}; difference {shown(gain)} points"
    )
    verdict(f"accuracy {statistics.mean(gain):+.2f} points (at least -0.5)", statistics.mean(gain) >= -0.5)


def _aggregations(first: int, second: int, width: int) -> list[Any]:
    return [blocks.one_shot_aggregation(out, width * times) for out, times in ((first, 1), (second, 2))]


def _of_blocks(first: Any, second: Any) -> Any:
    return chain(blocks.conv_block(16), first, ops.MaxPool(2, 2), second, ops.BatchNorm(), blocks.image_head(10))


def _compare(what: str, osa: Sequence[Graph], dense: Sequence[Graph]) -> None:
    moved, weights = ([[of(graph) for graph in part] for part in (osa, dense)] for of in (traffic, params))
    taken = list(zip(*(seconds(a, b) for a, b in zip(osa, dense, strict=True)), strict=True))
    for a, b in zip(osa, dense, strict=True):
        print(
            f"  {what}, {'x'.join(map(str, a.input))}: {params(a):,.0f} against {params(b):,.0f} parameters, "
            f"{a.costs.macs / b.costs.macs:.2f} of the MACs, {traffic(a) / 1e6:.2f} against {traffic(b) / 1e6:.2f} MB moved"
        )
    print("  latency in ms: " + ", ".join(f"{a * 1e3:.2f} against {b * 1e3:.2f}" for a, b in zip(*taken, strict=True)))
    for name, (ours, theirs) in (("traffic", moved), ("latency", taken)):
        share = sum(ours) / sum(theirs)
        verdict(
            f"{name} {share:.2f} with {sum(weights[0]) / sum(weights[1]):.2f} of the parameters (at most 0.7)",
            share <= 0.7,
        )


def section_overlock(seeds: int) -> None:
    """Where a distant mark decides: OverLoCK against plain ConvNets of as many parameters, and beyond what it was
    trained on."""
    shape = (1, 32, 32)
    lock = Graph.of(
        blocks.overlock(2, (8, 12, 16, 24), (1, 1, 1, 1), (1, 1), (2, 2), (5, 5, 5, 3), 3, 4, 2, 2, 48, 2), shape
    )
    pyramid = widest(lambda w: Graph.of(_pyramid(w), shape), params(lock))
    local = widest(lambda w: Graph.of(_local(w), shape), params(lock))
    recipe = STEADY.replace(epochs=8)
    found = table({"overlock": lock, "pyramid": pyramid, "local": local}, (cues, {}), recipe, range(seeds))
    for name, graph in (("overlock", lock), ("pyramid", pyramid), ("local", local)):
        print(f"  {name:9} {shown(found[name])} %, {params(graph):,.0f} parameters, {graph.costs.macs / 1e6:.2f}M MACs")
    for name, what in (
        ("pyramid", "a plain ConvNet that halves the image as often"),
        ("local", "one that halves it twice"),
    ):
        gain = paired(found["overlock"], found[name])
        verdict(f"{shown(gain)} points above {what} (at least 10)", statistics.mean(gain) >= 10)
    network, task = trained(Job(lock, (cues, {}), recipe, 0))
    larger = cues(100, count=800, size=40)
    seen, unseen = (100 * _accuracy_at(network, task, part) for part in (task.test, larger.test))
    print(f"  one of them on images of 40x40, which it has not seen: {unseen:.1f} %, on 32x32 {seen:.1f} %")
    mix = next(m for m in network.modules() if isinstance(m, ops.ContMix.module))
    with torch.no_grad():
        sums = torch.cat([k.sum(-1).flatten() for k in mix.kernels(*_inputs_of(network, mix, task))])
    verdict(f"kernels sum to one within {float((sums - 1).abs().max()):.1e}", bool((sums - 1).abs().max() < 1e-5))


def _pyramid(width: int) -> Any:
    conv = blocks.conv_block
    stages = [part for i in range(4) for part in (conv((i + 1) * width, 3, 2), conv((i + 1) * width))]
    return chain(*stages, blocks.image_head(2))


def _local(width: int) -> Any:
    conv = blocks.conv_block
    return chain(conv(width, 3, 2), conv(2 * width, 3, 2), conv(3 * width), conv(3 * width), blocks.image_head(2))


@torch.inference_mode()
def _accuracy_at(network: Network, task: Task, part: Split) -> float:
    """Of images of any size, prepared as those of the task."""
    x = part.x.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (task.inputs.mean, task.inputs.std))
    return float((network.eval()((x - mean) / std).argmax(1) == part.y).float().mean())


def _inputs_of(network: Network, layer: torch.nn.Module, task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """What a layer takes for some images: the queries and the context of a ContMix."""
    taken: list[Any] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: taken.extend(inputs))
    _accuracy_at(network, task, dataclasses.replace(task.test, x=task.test.x[:8], y=task.test.y[:8]))
    hook.remove()
    return taken[1].clone(), taken[2].clone()


def section_lowformer(seeds: int) -> None:
    """Slim attention against attention at full resolution and width: how long it takes, what it learns."""
    for c in (64, 128, 256):
        slim, full = (Graph.of(part, (c, 28, 28)) for part in (blocks.slim_attention(), _standard(28, c // 32)))
        times = seconds(slim, full)
        print(f"  {c}x28x28: slim {times[0] * 1e3:.2f} ms, standard {times[1] * 1e3:.2f} ms, "
              f"{times[1] / times[0]:.2f} times as "
              f"fast with {slim.costs.macs / full.costs.macs:.2f} of the MACs")  # fmt: skip
        if c == 128:
            verdict(
                f"slim attention is {times[1] / times[0]:.2f} times as fast (at least 1.5)", times[1] >= 1.5 * times[0]
            )
    for what, data, shape, epochs in (("digits at 14x14", digits, DIGITS, 15), ("cues at 16x16", cues, (1, 32, 32), 8)):
        size = 14 if shape == DIGITS else 16
        parts = {"slim": blocks.slim_attention(heads=2), "standard": _standard(size, 2), "none": None}
        graphs = {name: Graph.of(_attending(part, size, len(data(0).classes)), shape) for name, part in parts.items()}
        found = table(graphs, (data, {}), STEADY.replace(epochs=epochs), range(seeds))
        gain = paired(found["slim"], found["standard"])
        print(f"  {what}: " + ", ".join(f"{name} {shown(values)}" for name, values in found.items()))
        verdict(f"slim minus standard {shown(gain)} points (at least -0.5)", statistics.mean(gain) >= -0.5)


def _standard(h: int, heads: int) -> Any:
    return chain(ops.ToSequence(), ops.Attention(heads), ops.ToImage(h))


def _attending(attention: Any, size: int, classes: int) -> Any:
    """Convolutions to `size` pixels, attention or none of it, and more convolutions."""
    conv, enlarge = blocks.conv_block, ops.Resize(2 * size)
    mixed = [residual(ops.GroupNorm(1), attention)] if attention is not None else []
    return chain(enlarge, conv(12, 3, 2), conv(24), *mixed, conv(24, 3, 2), conv(32), blocks.image_head(classes))


def section_latency(seeds: int, count: int = 100) -> None:
    """LowFormer's premise: of random blocks, a model of measured latencies foretells the order better than MACs do."""
    from scipy.stats import kendalltau

    graphs = [Graph.of(*_random_block(seed)) for seed in range(count)]
    taken = np.array([min(seconds(graph, rounds=2)) for graph in graphs])
    facts, order = np.array([_facts(graph) for graph in graphs]), np.random.default_rng(0).permutation(count)
    foretold = np.empty(count)
    for fold in np.array_split(order, 5):  # each block by a model that has not seen it
        rest = np.setdiff1d(order, fold)
        foretold[fold] = facts[fold] @ _fitted(facts[rest], taken[rest])
    by_macs, by_model = kendalltau([g.costs.macs for g in graphs], taken)[0], kendalltau(foretold, taken)[0]
    draws = np.random.default_rng(1).integers(0, count, (1000, count))
    gains = [
        kendalltau(foretold[d], taken[d])[0] - kendalltau(facts[d, 0] + facts[d, 1] + facts[d, 2], taken[d])[0]
        for d in draws
    ]
    low, high = np.percentile(gains, [2.5, 97.5])
    print(
        f"  {count} blocks, Kendall's tau with the measured latency: MACs {by_macs:.3f}, traffic "
        f"{kendalltau([traffic(g) for g in graphs], taken)[0]:.3f}, model {by_model:.3f}"
    )
    verdict(
        f"the model ranks better than MACs: {by_model - by_macs:+.3f} [{low:+.3f}, {high:+.3f}]", by_model > by_macs
    )


def _random_block(seed: int) -> tuple[Any, tuple[int, int, int]]:
    rng = np.random.default_rng(seed)
    c, size = int(rng.choice([16, 32, 64, 96, 128])), int(rng.choice([7, 14, 28, 56]))
    kinds = (
        blocks.conv_block(c),
        blocks.conv_block(2 * c, 1),
        blocks.separable_conv(c),
        blocks.basic_block(c),
        blocks.bottleneck_block(c),
        blocks.mbconv(c, 4),
        blocks.mbconv(c, 6, 5),
        blocks.fused_mbconv(c, 4),
        blocks.convnext(),
        blocks.one_shot_aggregation(c),
        blocks.densenet_block(16, 4),
        blocks.slim_attention(heads=2),
        blocks.overlock_base(7, 2),
    )
    return kinds[rng.integers(len(kinds))], (c, size, size)


def _facts(graph: Graph) -> list[float]:
    """What the time is made of: MACs of full and of depthwise convolutions and of attention, bytes, layers."""
    macs = dict.fromkeys(("full", "depthwise", "attention"), 0)
    for node in graph.nodes[1:]:
        kind = {"DepthwiseConv": "depthwise", "PixelAttention": "attention"}.get(type(node.op).__name__, "full")
        macs[kind] += mac_count(node.op, tuple(graph.nodes[i].shape for i in node.inputs), node.shape) or 0
    return [*(n / 1e6 for n in macs.values()), traffic(graph) / 1e6, len(graph.nodes) / 10, 1.0]


def _fitted(facts: Any, taken: Any) -> Any:
    """Seconds for each fact, none below 0, by least squares of the relative errors."""
    from scipy.optimize import nnls

    return nnls(facts / taken[:, None], np.ones(len(taken)))[0]


SECTIONS = {name.removeprefix("section_"): f for name, f in dict(globals()).items() if name.startswith("section_")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section; may be given several times")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="trainings at once")
    args = parser.parse_args()
    torch.set_num_threads(1)
    trials.workers = args.workers
    for name in args.only or SECTIONS:
        start = time.perf_counter()
        print(f"{name}: {SECTIONS[name].__doc__.splitlines()[0]}")
        SECTIONS[name](args.seeds)
        print(f"  ({time.perf_counter() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
