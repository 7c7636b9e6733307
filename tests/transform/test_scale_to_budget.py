"""A seed is made larger or smaller: within its budget, as near as one step allows, and still the same network elsewhere."""

import pytest
from core_toys import Tag

from nasmyth import BudgetError, Graph, NasmythError, blocks, build, chain, ops, parallel, repeat, residual, scale
from nasmyth.graph import Concat
from nasmyth.graph.rows import Row, rows, with_counts
from nasmyth.measure import activations, depth, effectiveness, entropy, latency, macs, memory, params
from nasmyth.transform.widths import widths, with_widths

IMAGES = (3, 16, 16)


def resnet(counts=(2, 1, 1), width=8):
    def stage(out, stride, count):
        return chain(blocks.basic_block(out, stride=stride), repeat(blocks.basic_block(out), count))

    stages = (stage(width * 2 ** (i + 1), 1 + (i > 0), count) for i, count in enumerate(counts))
    return chain(stem=blocks.conv_block(width), stages=chain(*stages), pool=ops.Mean("h w"), head=ops.Linear(10))


SEEDS = {
    "resnet": Graph.of(resnet(), IMAGES),
    "mobile": Graph.of(
        chain(blocks.conv_block(8), blocks.mbconv(8, se=0.25), blocks.mbconv(12, stride=2), blocks.mbconv(12, se=0.25),
              ops.Mean("h w"), ops.Linear(10)), IMAGES),
    "vit": Graph.of(chain(ops.Patchify(p=4, d=16), repeat(blocks.transformer(heads=2), 2), ops.Mean("l"), ops.Linear(9)),
                    IMAGES),
    "groups": Graph.of(chain(ops.Conv(16), repeat(residual(ops.GroupNorm(4), ops.Conv(16, groups=2)), 2), ops.Mean("h w"),
                             ops.Linear(5)), IMAGES),
    "dense": Graph.of(chain(ops.Conv(6), parallel(ops.Conv(4), ops.Conv(5), join=Concat()), ops.Conv(7), ops.Mean("h w"),
                            ops.Linear(3)), IMAGES),
    "mlp": Graph.of(chain(ops.Linear(12), repeat(residual(ops.LayerNorm(), ops.Linear(12)), 2), ops.Linear(3)), (7,)),
}  # fmt: skip


def sizes(graph):
    return [one.units for one in widths(graph)]


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0, 10.0])
def test_by_width_it_fills_the_budget_and_one_unit_more_of_all_breaks_it(seed, factor):
    bound = params <= factor * params(seed)
    scaled = scale(seed, bound, by="width")
    assert bound.satisfied(params(scaled)) and scaled.output == seed.output and scaled.inputs == seed.inputs
    assert [node.address for node in scaled.nodes] == [node.address for node in seed.nodes]
    if factor != 1.0:
        assert not bound.satisfied(params(with_widths(scaled, [n + 1 for n in sizes(scaled)])))
    ratios = [b / a for a, b in zip(sizes(seed), sizes(scaled), strict=True)]
    assert all(r >= 1 for r in ratios) if factor >= 1 else all(r <= 1 for r in ratios)
    assert all(abs(b - a * max(ratios)) <= a * 0.5 + 2 for a, b in zip(sizes(seed), sizes(scaled), strict=True))


@pytest.mark.parametrize("name", ["resnet", "mobile", "vit", "groups", "mlp"])
def test_by_depth_it_repeats_blocks_and_one_more_breaks_the_budget(name):
    seed = SEEDS[name]
    bound = macs <= 5 * macs(seed)
    scaled = scale(seed, bound, by="depth")
    found, counts = rows(scaled), [row.copies for row in rows(scaled)]
    assert [row.at for row in found] == [row.at for row in rows(seed)] and sum(counts) > sum(
        r.copies for r in rows(seed)
    )
    assert bound.satisfied(macs(scaled))
    assert not bound.satisfied(macs(with_counts(scaled, found, [c + 1 for c in counts])))


@pytest.mark.parametrize("seed", [SEEDS["resnet"], SEEDS["mobile"], SEEDS["vit"]], ids=["resnet", "mobile", "vit"])
def test_the_mix_has_the_most_entropy_of_what_is_effective(seed):
    bound = params <= 4 * params(seed)
    mixed = scale(seed, bound)
    assert bound.satisfied(params(mixed)) and effectiveness(mixed) <= 0.5
    for by in ("width", "depth"):
        other = scale(seed, bound, by=by)
        assert entropy(mixed) >= entropy(other) or effectiveness(other) > 0.5
    assert depth(mixed) >= depth(seed) and all(n >= 1 for n in sizes(mixed))


def test_without_the_bound_on_effectiveness_it_is_deeper():
    seed = SEEDS["resnet"]
    bound = params <= 6 * params(seed)
    effective, free = scale(seed, bound, effectiveness=0.15), scale(seed, bound, effectiveness=1e9)
    assert depth(free) > depth(effective) and entropy(free) > entropy(effective) and effectiveness(effective) <= 0.15


def test_smaller_by_both():
    seed = Graph.of(resnet((4, 4, 4)), IMAGES)
    bound = [params <= 0.2 * params(seed), macs <= 0.1 * macs(seed)]
    small = scale(seed, bound)
    assert all(one.satisfied(one.measure(small)) for one in bound)
    assert depth(small) <= depth(seed) and max(sizes(small)) <= max(sizes(seed))


@pytest.mark.parametrize("measure", [params, macs, activations, memory], ids=str)
def test_any_budget_of_a_graph_will_do(measure):
    seed = SEEDS["mobile"]
    bound = measure <= 3 * measure(seed)
    assert 0.8 * bound.bound < measure(scale(seed, bound, by="width")) <= bound.bound


@pytest.mark.parametrize("name", SEEDS)
def test_what_comes_out_is_built_and_runs(name):
    import torch

    seed = SEEDS[name]
    by = "entropy" if rows(seed) else "width"
    scaled = scale(seed, params <= 2 * params(seed), by=by)
    assert Graph.from_json(scaled.to_json()) == scaled
    with torch.no_grad():
        assert build(scaled).eval()(torch.zeros(2, *seed.input)).shape == (2, *seed.output)


def test_repeating_blocks_is_what_repeat_makes():
    """As if it had been written so, addresses included; and back again."""
    deeper = with_counts(SEEDS["resnet"], rows(SEEDS["resnet"]), [5, 1, 3])
    written = Graph.of(resnet((5, 1, 3)), IMAGES)
    assert deeper == written and [n.address for n in deeper.nodes] == [n.address for n in written.nodes]
    assert with_counts(deeper, rows(deeper), [2, 1, 1]) == SEEDS["resnet"]


def test_what_stands_behind_is_counted_on():
    seed = SEEDS["mobile"]
    assert rows(seed) == (Row("", 1, 1), Row("", 3, 1))
    deeper = with_counts(seed, rows(seed), [3, 2])
    assert rows(deeper) == (Row("", 1, 3), Row("", 5, 2))
    assert deeper.nodes[-1].address == "[8]" and with_counts(deeper, rows(deeper), [1, 1]) == seed


def test_a_part_with_a_branch_around_it_is_no_block():
    inner = chain(ops.Conv(8), ops.BatchNorm())
    around = Graph.of(chain(ops.Conv(8), parallel(ops.Identity(), chain(inner, ops.Activation("relu")))), IMAGES)
    assert all(row.at == "" for row in rows(around))


def test_numbers_of_heads_and_groups_stay():
    big = scale(SEEDS["vit"], params <= 9 * params(SEEDS["vit"]), by="width")
    heads = [node.op.heads for node in big.nodes if "heads" in node.op.fields]
    assert heads == [2, 2]
    big = scale(SEEDS["groups"], params <= 9 * params(SEEDS["groups"]), by="width")
    assert {node.op.groups for node in big.nodes if "groups" in node.op.fields and node.address != "[0]"} == {2, 4}


def test_what_cannot_be_is_said():
    seed = SEEDS["resnet"]
    with pytest.raises(BudgetError, match="the smallest has params") as caught:
        scale(seed, params <= 10)
    assert caught.value.smallest > 10 and caught.value.binding == "params<=10"
    with pytest.raises(BudgetError):
        scale(seed, macs <= 10, by="depth")
    with pytest.raises(NasmythError, match="no block that could be repeated"):
        scale(SEEDS["dense"], params <= 1e6, by="depth")
    with pytest.raises(NasmythError, match="no width"):
        scale(Graph.of(chain(Tag(1), Tag(2)), IMAGES), params <= 1e6, by="width")
    with pytest.raises(NasmythError, match="bounds are from above"):
        scale(seed, params >= 1e6)
    with pytest.raises(NasmythError, match="bounds are from above"):
        scale(seed, latency("cpu") <= "8ms")
    with pytest.raises(NasmythError, match="'entropy', 'width' or 'depth'"):
        scale(seed, params <= 1e6, by="resolution")
    with pytest.raises(NasmythError, match="give a Graph"):
        scale("resnet", params <= 1e6)
    with pytest.raises(NasmythError, match="give a bound"):
        scale(seed, [])


def test_a_network_and_text_are_taken_as_well():
    network = build(SEEDS["dense"])
    assert params(scale(network, "params<=20k")) <= 20_000
