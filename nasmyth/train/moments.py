"""What an optimizer keeps of each parameter, by the parameter's name; and the state of anything else that a step keeps.

Names, not positions, so that moments can be followed wherever a network is changed, and another process finds them.
"""

from __future__ import annotations

import copy
from collections import defaultdict
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
    """Give an optimizer copies of moments, laid out in memory as its own are. Raises DataError where they are none of its own:
    its kernels trust them blindly."""
    own = {names[p]: (p, group) for group in optimizer.param_groups for p in group["params"] if p in names}
    for name, kept in found.items():
        if name not in own:
            raise DataError(f"moments of {name!r}, which this optimizer does not train: give those of its parameters")
        parameter, group = own[name]
        expected = _after_a_step(optimizer, group, parameter)
        if _told(kept) != _told(expected):
            raise DataError(
                f"moments of {name!r} are {_told(kept)}, and {type(optimizer).__name__} keeps {_told(expected)}"
            )
        for key, value in kept.items():
            held = expected.get(key)
            expected[key] = held.copy_(value) if isinstance(held, Tensor) else value
        optimizer.state[parameter] = expected
    for name, (parameter, group) in own.items() if found else ():
        if name not in found:
            begun = _after_a_step(optimizer, group, parameter)
            if "step" not in begun:  # SGD has momentum of all parameters or of none: none yet is zero
                optimizer.state[parameter] = begun


def _after_a_step(optimizer: torch.optim.Optimizer, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
    """What an optimizer keeps of a parameter after its first step, found by taking one with a parameter like it."""
    like = nn.Parameter(torch.zeros_like(parameter))
    like.grad = torch.zeros_like(parameter)
    probe = copy.copy(optimizer)
    probe.state = defaultdict(dict)
    probe.param_groups = [{**group, "params": [like]}]
    probe.step()
    return dict(probe.state[like])


def _told(kept: Mapping[str, Any]) -> dict[str, str]:
    """Keys with the type and shape of what they hold; what holds nothing is not there."""
    told = {}
    for key, value in kept.items():
        if value is not None:
            told[str(key)] = (
                f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            )
    return dict(sorted(told.items()))


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
