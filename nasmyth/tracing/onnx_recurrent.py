"""Recurrent layers of ONNX (LSTM, GRU, RNN) as calls of PyTorch: weights with the gates in PyTorch's order, states,
layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.tracing.onnx_table import RECURRENT, attribute, operator, tensor

_PLAIN = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"],
}  # fmt: skip


def recurrent_weights(node: Any, arrays: dict[str, np.ndarray]) -> list[str]:
    """Gives a recurrent layer its weights, those of each direction apart."""
    names = [*node.takes[1:4], "", ""][:3]
    if not all(name in arrays for name in names[:2]) or (names[2] and names[2] not in arrays):
        raise TraceError(f"{node.title} computes its own weights; in a graph they are fixed")
    w, r, b = (np.array(arrays[name]) if name else None for name in names)
    assert w is not None and r is not None
    hidden, count = r.shape[-1] if r.ndim == 3 else -1, len(RECURRENT[node.kind])
    rows = count * hidden
    if (
        w.ndim != 3
        or w.shape[:2] != r.shape[:2]
        or w.shape[1] != rows
        or (b is not None and b.shape != (len(w), 2 * rows))
    ):
        raise TraceError(f"the file is malformed: the weights of {node.title} have the shapes {w.shape} and {r.shape}")
    gates = np.concatenate([np.arange(g * hidden, (g + 1) * hidden) for g in RECURRENT[node.kind]])
    for direction in range(len(w)):
        parts = {"weight_ih": w[direction][gates], "weight_hh": r[direction][gates]}
        if b is not None:
            parts |= {"bias_ih": b[direction][:rows][gates], "bias_hh": b[direction][rows:][gates]}
        for name, array in parts.items():
            node.hold(f"{name}_{direction}", torch.nn.Parameter(torch.from_numpy(array)))
    return [name for name in names if name]


@operator("LSTM", "GRU", "RNN")
def _recurrent(node: Any, x: Tensor, *rest: Any) -> Any:
    _, _, _, lengths, h, c, peepholes, *_ = (*rest, *[None] * 7)
    direction = attribute(node, "direction", "forward")
    both = direction == "bidirectional"
    plain = [kind.lower() for kind in _PLAIN[node.kind] * (1 + both)]
    kinds = [kind.decode().lower() for kind in attribute(node, "activations", [])]
    relu = node.kind == "RNN" and kinds == ["relu"] * (1 + both)
    odd = [name for name in ("clip", "input_forget") if attribute(node, name)]
    odd += ["activations"] * (bool(kinds) and kinds != plain and not relu)
    odd += ["peepholes"] * (peepholes is not None) + ["sequence_lens"] * _vary(lengths, x, node)
    odd += ["linear_before_reset=0"] * (node.kind == "GRU" and not attribute(node, "linear_before_reset", 0))
    if odd:
        raise TraceError(f"{node.title} uses {', '.join(odd)}, which PyTorch's {node.kind} has not")
    swapped = bool(attribute(node, "layout", 0))
    x = x.transpose(0, 1) if swapped else x
    x = x.flip(0) if direction == "reverse" else x
    hidden = attribute(node, "hidden_size")
    states = [_start(state, x, 1 + both, hidden, swapped) for state in ((h, c) if node.kind == "LSTM" else (h,))]
    weights = list(node.parameters())
    function: Any = {"LSTM": torch.lstm, "GRU": torch.gru, "RNN": torch.rnn_relu if relu else torch.rnn_tanh}[node.kind]
    given = states if node.kind == "LSTM" else states[0]
    y, *last = function(x, given, weights, len(weights) > 2 * (1 + both), 1, 0.0, False, both, False)
    y = y.flip(0) if direction == "reverse" else y
    y = y.reshape(*x.shape[:2], 1 + both, hidden)
    if swapped:
        return y.transpose(0, 1), *(state.transpose(0, 1) for state in last)
    return y.transpose(1, 2), *last


def _vary(lengths: Any, x: Tensor, node: Any) -> bool:
    """Whether examples are of different lengths."""
    if lengths is None:
        return False
    whole = x.shape[1 if attribute(node, "layout", 0) else 0]
    return isinstance(lengths, Tensor) or not bool((np.asarray(lengths) == whole).all())


def _start(state: Any, x: Tensor, directions: int, hidden: int, swapped: bool) -> Tensor:
    """The state before the first place: zeros if it is not given."""
    if state is None:
        return torch.zeros(directions, x.shape[1], hidden, dtype=x.dtype)
    state = tensor(state)
    return (state.transpose(0, 1) if swapped else state).expand(directions, x.shape[1], hidden)
