"""Recurrent layers: long short-term memory and gated recurrent units, along a sequence or a place at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.op_axes import OpAxes, by_sentence, op_axes
from nasmyth.graph.signature import Shape


def _even(layer: Any) -> None:
    if layer.bidirectional is True and type(layer.out) is int and layer.out % 2:
        raise SpaceError(
            f"{layer!r}: half of the {layer.out} features come from each direction; write out={layer.out + 1}, or leave "
            "out bidirectional=True"
        )


def _weights(gates: int) -> Callable[[Any], dict[str, str]]:
    """The axes of the cells' weights: gates one below the other, as PyTorch has them."""

    def of(layer: Any) -> dict[str, str]:
        units = "units" if layer.bidirectional else "out"
        axes = {"weight_ih": f"({gates} {units}) d", "weight_hh": f"({gates} {units}) {units}"}
        axes |= {f"bias_{of}": f"({gates} {units})" for of in ("ih", "hh")}
        cells = ("ahead", "back") if layer.bidirectional else ("ahead",)
        return {f"{cell}.{name}": axis for cell in cells for name, axis in axes.items()}

    return of


@op("b l d, mask?: b l -> b l out", check=_even, weights=_weights(4), ordered="l", mixes="l d")
class LSTM(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; gates, their order and their two biases as in PyTorch).

        i, f, o = sigmoid(W x + U h + b);  g = tanh(W x + U h + b);  c' = f c + i g;  h' = o tanh(c')

    It starts from zeros and gives h at every place. bidirectional: half of `out` is read from the start, half from the
    end. Places that the graph's input `mask` leaves out leave the state as it is, and answer with it. `step` takes a
    sequence a place at a time.
    """

    def __init__(self, d: int, out: int, bidirectional: bool = False) -> None:
        super().__init__()
        units = out // (1 + bidirectional)
        self.ahead = nn.LSTMCell(d, units)
        self.back = nn.LSTMCell(d, units) if bidirectional else None

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        found = self.read(self.ahead, x, mask)
        if self.back is None:
            return found
        back = self.read(self.back, x.flip(1), None if mask is None else mask.flip(1))
        return torch.cat((found, back.flip(1)), 2)

    @staticmethod
    def read(cell: nn.LSTMCell, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """The states of one direction. What is left out is moved behind all that is read, where it changes nothing."""
        if mask is not None:
            seen = mask > 0
            before = seen.to(torch.int64).cumsum(1)
            behind = before[:, -1:] + (~seen).to(torch.int64).cumsum(1)
            place = (torch.where(seen, before, behind) - 1).unsqueeze(2)
            x = torch.zeros_like(x).scatter(1, place.expand_as(x), x)
        zeros = x.new_zeros(1, x.shape[0], cell.hidden_size)
        weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
        states = torch.lstm(x, [zeros, zeros], weights, True, 1, 0.0, False, False, True)[0]
        if mask is None:
            return states
        last = (before - 1).unsqueeze(2)
        kept = states.gather(1, last.clamp(min=0).expand(-1, -1, states.shape[2]))
        return kept * (last >= 0).to(kept.dtype)

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        if self.back is not None:
            raise ValueError("LSTM(bidirectional=True) reads from the end too, so it cannot take a place at a time; "
                             "leave out bidirectional=True")  # fmt: skip
        like = self.ahead.weight_hh
        zeros = like.new_zeros(batch, like.shape[1])
        return zeros, zeros

    def step(
        self, state: tuple[torch.Tensor, ...], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        after = self.ahead(x, state)
        if mask is not None:
            after = tuple(torch.where((mask > 0).unsqueeze(1), new, old) for new, old in zip(after, state, strict=True))
        return after[0], after


@op("b l d, mask?: b l -> b l out", check=_even, weights=_weights(3), ordered="l", mixes="l d")
class GRU(nn.Module):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078; the reset gate behind the product, as in PyTorch).

        r, z = sigmoid(W x + b + U h + b');  n = tanh(W x + b + r (U h + b'));  h' = (1 - z) n + z h

    It starts from zeros and gives h at every place. bidirectional: half of `out` is read from the start, half from the
    end. Places that the graph's input `mask` leaves out leave the state as it is, and answer with it. `step` takes a
    sequence a place at a time.
    """

    def __init__(self, d: int, out: int, bidirectional: bool = False) -> None:
        super().__init__()
        units = out // (1 + bidirectional)
        self.ahead = nn.GRUCell(d, units)
        self.back = nn.GRUCell(d, units) if bidirectional else None

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        found = self.read(self.ahead, x, mask)
        if self.back is None:
            return found
        back = self.read(self.back, x.flip(1), None if mask is None else mask.flip(1))
        return torch.cat((found, back.flip(1)), 2)

    @staticmethod
    def read(cell: nn.GRUCell, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """The states of one direction. What is left out is moved behind all that is read, where it changes nothing."""
        if mask is not None:
            seen = mask > 0
            before = seen.to(torch.int64).cumsum(1)
            behind = before[:, -1:] + (~seen).to(torch.int64).cumsum(1)
            place = (torch.where(seen, before, behind) - 1).unsqueeze(2)
            x = torch.zeros_like(x).scatter(1, place.expand_as(x), x)
        weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
        zeros = x.new_zeros(1, x.shape[0], cell.hidden_size)
        states = torch.gru(x, zeros, weights, True, 1, 0.0, False, False, True)[0]
        if mask is None:
            return states
        last = (before - 1).unsqueeze(2)
        kept = states.gather(1, last.clamp(min=0).expand(-1, -1, states.shape[2]))
        return kept * (last >= 0).to(kept.dtype)

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        if self.back is not None:
            raise ValueError("GRU(bidirectional=True) reads from the end too, so it cannot take a place at a time; "
                             "leave out bidirectional=True")  # fmt: skip
        like = self.ahead.weight_hh
        return (like.new_zeros(batch, like.shape[1]),)

    def step(
        self, state: tuple[torch.Tensor, ...], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        h = self.ahead(x, state[0])
        if mask is not None:
            h = torch.where((mask > 0).unsqueeze(1), h, state[0])
        return h, (h,)


GATES = {LSTM: 4, GRU: 3}


def _params(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Of each direction and gate: two matrices and two biases."""
    units = output[1] // (1 + layer.bidirectional)
    return GATES[type(layer)] * output[1] * (inputs[0][1] + units + 2)


def _macs(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The products of both matrices at each place."""
    units = output[1] // (1 + layer.bidirectional)
    return GATES[type(layer)] * output[0] * output[1] * (inputs[0][1] + units)


def _states(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The state, and the cell of an LSTM."""
    return 0 if layer.bidirectional else output[1] * (2 if isinstance(layer, LSTM) else 1)


def _fan_ins(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """What a gate sums: the input and the state before."""
    return (float(inputs[0][1] + output[1] // (1 + layer.bidirectional)),)


def _axes(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """Both directions have the same units."""
    sentence = "b l d, b l" if len(inputs) > 1 else "b l d"
    return by_sentence(layer, inputs, output, f"{sentence} -> b l {'out=(2 units)' if layer.bidirectional else 'out'}")


for _layer in GATES:
    param_count.register(_layer, _params)
    mac_count.register(_layer, _macs)
    state_count.register(_layer, _states)
    fan_ins.register(_layer, _fan_ins)
    op_axes.register(_layer, _axes)


EXAMPLES = [
    (LSTM(4), (5, 3)),
    (LSTM(6, bidirectional=True), (5, 3)),
    (LSTM(4, bidirectional=True), (5, 3), (5,)),
    (GRU(4), (5, 3)),
    (GRU(6, bidirectional=True), (5, 3)),
    (GRU(3), (5, 3), (5,)),
]
