"""Checkpoints of the module that a network was traced from.

Most weights have the names in the network that they have in the module. Some cannot: a bare parameter of a module
belongs to a layer here, and a matrix may lie the other way round. What they were called is in the network's history, so
that `network.load_state_dict(torch.load("theirs.pt"))` takes a checkpoint of the module as it is:

    {"trace": "ViT", "weights": {"cls_token": ["cls_token.weight", false], "pooler.bias": null}, "kept": ["rope.angles"]}

Names in the module lead to names here and whether the matrix is turned, or to nothing for what the answer does not need.
`kept` is what no checkpoint of the module holds, such as tables that it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from nasmyth.network.layers import Layers


def remember(network: Layers, module: nn.Module, held: dict[str, tuple[str, Tensor]]) -> None:
    """Write down what the weights of a network were called. held: by name here, the name there and the tensor as it is
    here."""
    theirs = {name: tensor.detach() for name, tensor in module.state_dict(keep_vars=True).items()}
    own = network.state_dict()
    table: dict[str, list[Any] | None] = {name: None for name in theirs if name not in own}
    for name, (there, tensor) in held.items():
        if there in table:
            table[there] = [name, is_turned(tensor, theirs[there])]
    given = {place[0] for place in table.values() if place}
    kept = [name for name in own if name not in given and name not in theirs]
    network.history = (*network.history, {"trace": type(module).__name__, "weights": table, "kept": kept})


def is_turned(tensor: Tensor, original: Tensor) -> bool:
    """Whether a matrix is seen with its axes exchanged."""
    if tensor.dim() != 2 or original.dim() != 2 or tensor.shape != original.shape[::-1] or 1 in tensor.shape:
        return False
    return tensor.stride() != original.stride() or tensor.shape != original.shape


def translate(network: Layers, state: dict[str, Any], prefix: str) -> None:
    """Before weights are loaded: those of the module's names under the names here. What has a name of ours stays."""
    own = network.state_dict()
    for event in network.history:
        if not isinstance(event, dict) or "trace" not in event:
            continue
        table = _places(event.get("weights"), own)
        if not any(prefix + there in state for there in table) and all(prefix + name in state for name in own):
            continue
        for there, (name, turned) in table.items():
            tensor = state.pop(prefix + there, None)
            if name in own and isinstance(tensor, Tensor):
                tensor = tensor.t() if turned and tensor.dim() == 2 else tensor
                fits = tensor.numel() == own[name].numel()
                state[prefix + name] = (
                    tensor.reshape(own[name].shape) if fits else tensor
                )  # torch says what does not fit
        for name in _names(event.get("kept")):
            if name in own:
                state.setdefault(prefix + name, own[name])


def _places(said: Any, own: dict[str, Tensor]) -> dict[str, tuple[str, bool]]:
    """What a history says of names that are not ours; a file may say anything."""
    found = {}
    for there, place in (said if isinstance(said, dict) else {}).items():
        if there not in own and (place is None or (isinstance(place, list) and list(map(type, place)) == [str, bool])):
            found[there] = (place[0], place[1]) if place else ("", False)
    return found


def _names(said: Any) -> list[str]:
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []
