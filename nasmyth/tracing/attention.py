"""`nn.MultiheadAttention` as one node, `Attention`, where it looks at one sequence and nothing is masked.

Inside it is a dozen reshapes. They are one op if all that the module reads is one tensor and all that is read of it is one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from nasmyth import ops
from nasmyth.tracing.values import Draft, Flow, Held, Layout


class Group(NamedTuple):
    """The calls of one visit of a module: where it is, what it reads, and the node whose result is read."""

    path: str
    visit: str
    x: torch.fx.Node
    result: torch.fx.Node


def groups(
    graph: torch.fx.Graph, root: nn.Module, needed: set[torch.fx.Node], given: set[str]
) -> dict[torch.fx.Node, Group]:
    """The groups of a program by every node in them. `given`: placeholders that the module holds."""
    visits: dict[tuple[str, str], list[torch.fx.Node]] = {}
    for node in graph.nodes:
        for visit, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
            if kind is nn.MultiheadAttention or str(kind).rstrip("'>").endswith("activation.MultiheadAttention"):
                visits.setdefault((path.partition("@")[0], visit), []).append(node)
    found: dict[torch.fx.Node, Group] = {}
    for (path, visit), nodes in visits.items():
        inside = frozenset(node for node in nodes if node in needed)
        reads = {n for node in inside for n in node.all_input_nodes if n not in inside and n.name not in given}
        results = [node for node in inside if any(user in needed and user not in inside for user in node.users)]
        if len(reads) == 1 and len(results) == 1 and _is_plain(root.get_submodule(path)):
            group = Group(path, visit, reads.pop(), results[0])
            found.update(dict.fromkeys(inside, group))
    return found


def _is_plain(module: Any) -> bool:
    same = module._qkv_same_embed_dim and module.bias_k is None and not module.add_zero_attn
    return bool(same and (module.in_proj_bias is None) == (module.out_proj.bias is None))


def attention(reader: Any, group: Group, x: Any, layout: Layout) -> Flow | None:
    """One node for a group; None if the sequence is not where the module has it, or its weights are shared elsewhere."""
    module = reader.program.module.get_submodule(group.path)
    place = 0 if module.batch_first else 1
    if not isinstance(x, Flow) or len(x.layout.actual) != 3 or x.layout.axis != place or x.layout.share != 1:
        return None
    if layout != x.layout:
        return None
    sources = {
        "qkv.weight": ("in_proj_weight", module.in_proj_weight), "qkv.bias": ("in_proj_bias", module.in_proj_bias),
        "out.weight": ("out_proj.weight", module.out_proj.weight), "out.bias": ("out_proj.bias", module.out_proj.bias),
    }  # fmt: skip
    held = {
        own: Held(f"{group.path}.{name}".lstrip("."), tensor, True)
        for own, (name, tensor) in sources.items()
        if tensor is not None
    }
    if any(h.name in reader.apart for h in held.values()):
        return None
    op = ops.Attention(module.num_heads, "qkv.bias" in held)
    path = reader.program.module.path(group.path)
    draft = Draft(op, (x.draft,), layout.shape, path, group.visit, "attention", held, "")
    return Flow(reader.add(draft), layout)
