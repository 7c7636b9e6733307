"""What an optimizer keeps of each parameter, by the parameter's name; and the state of anything else that a step keeps.

Names, not positions, so that moments can be followed wherever a network is changed, and another process finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError

Moments = dict[str, dict[str, Any]]


def moments(optimizer: torch.optim.Optimizer, names: Mapping[nn.Parameter, str]) -> Moments:
    """{parameter: {"momentum_buffer": tensor}}: the optimizer's own tensors, not copies."""
    return {names[p]: dict(kept) for p, kept in optimizer.state.items() if isinstance(p, nn.Parameter) and p in names}


def load_moments(optimizer: torch.optim.Optimizer, names: Mapping[nn.Parameter, str], found: Mapping[str, Any]) -> None:
    """Give an optimizer copies of moments, laid out in memory as its parameters are. Raises DataError where they do not fit."""
    own = {names[p]: p for group in optimizer.param_groups for p in group["params"] if p in names}
    for name, kept in found.items():
        if name not in own:
            raise DataError(f"moments of {name!r}, which this optimizer does not train: give those of its parameters")
        parameter = own[name]
        optimizer.state[parameter] = {key: _placed(name, key, value, parameter) for key, value in kept.items()}


def _placed(name: str, key: str, value: Any, parameter: Tensor) -> Any:
    if not isinstance(value, Tensor):
        return value
    if value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    if value.numel() == 1:
        return value.detach().clone()
    raise DataError(
        f"{key} of {name!r} has shape {tuple(value.shape)}, and the parameter {tuple(parameter.shape)}: give moments of its shape"
    )


def names_of(network: nn.Module) -> dict[nn.Parameter, str]:
    """The name of each parameter."""
    return {p: name for name, p in network.named_parameters()}


# --- what a step keeps ----------------------------------------------------------------------------------------------


def kept_by(part: Any, names: Mapping[nn.Parameter, str]) -> Any:
    """The state of an optimizer (by names), of a generator, or of anything with `state_dict()`, as copies."""
    if isinstance(part, torch.optim.Optimizer):
        strange = sum(p not in names for group in part.param_groups for p in group["params"])
        if not strange:
            return {"moments": copied(moments(part, names)), "rates": [group["lr"] for group in part.param_groups]}
    if isinstance(part, torch.Generator):
        return {"generator": part.get_state()}
    if not callable(getattr(part, "state_dict", None)):
        raise DataError(
            f"a step keeps a {type(part).__name__}, which has no state_dict(): keep optimizers, modules, generators, "
            "streams of batches, or things with state_dict() and load_state_dict(state)"
        )
    return copied(part.state_dict())


def restore(part: Any, state: Any, names: Mapping[nn.Parameter, str]) -> None:
    """The inverse of `kept_by`."""
    if isinstance(part, torch.Generator):
        part.set_state(state["generator"])
    elif isinstance(part, torch.optim.Optimizer) and "moments" in state:
        load_moments(part, names, state["moments"])
        for group, rate in zip(part.param_groups, state["rates"], strict=True):
            group["lr"] = rate
    else:
        part.load_state_dict(copied(state))


def copied(tree: Any) -> Any:
    """Dicts, lists and tuples of tensors and plain values, every tensor a copy of its own."""
    if isinstance(tree, Tensor):
        return tree.detach().clone()
    if isinstance(tree, Mapping):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(copied(value) for value in tree)
    return tree
