"""Answers that point: at places of the input, or at items beside words. What can be said varies with what comes in."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape

CELLS = {"lstm": 4, "gru": 3}
"""Recurrent cells, and how many matrices each has of a kind."""


def _can_point(pointer: Any) -> None:
    if isinstance(pointer.cell, str) and pointer.cell not in CELLS:
        raise SpaceError(f"{pointer!r}: cell is one of {', '.join(CELLS)}{nearest(pointer.cell, CELLS)}")
    if type(pointer.hidden) is int and pointer.hidden < 1:
        raise SpaceError(f"{pointer!r}: hidden must be at least 1, such as hidden=64")
    if type(pointer.extra) is int and pointer.extra < 0:
        raise SpaceError(f"{pointer!r}: extra is 0, or how many places are learned: extra=1 for one that says 'end'")


def _pointer_weights(pointer: Any) -> dict[str, str]:
    matrices = CELLS[pointer.cell]
    weights = {
        "first": "d",
        "start.weight": "hidden s",
        "start.bias": "hidden",
        "cell.weight_ih": f"({matrices} hidden) d",
        "cell.weight_hh": f"({matrices} hidden) hidden",
        "cell.bias_ih": f"({matrices} hidden)",
        "cell.bias_hh": f"({matrices} hidden)",
        "key.weight": "hidden d",
        "query.weight": "hidden hidden",
        "score.weight": "1 hidden",
    }
    return {**weights, "learned": "extra d"} if pointer.extra else weights


@op(
    "b l d, b s, targets: b m, mask?: b l -> b m l+extra",
    check=_can_point,
    weights=_pointer_weights,
    ordered="m",
    mixes="l",
)
class Pointer(nn.Module):
    """A decoder that answers m times by pointing at one of the l places that come in: logits, m l (Vinyals 2015,
    arXiv:1506.03134, eq. 3).

        h_t = cell(x at the place last pointed at, h_t-1)        u_tj = v tanh(K x_j + Q h_t)

    b l d are the places, "b s" what the decoder starts from, such as their mean: h_0 = S s. The graph's input `targets` says
    how often it points. What it holds is read in training alone, where the next step is told the right place whatever was
    found (teacher forcing); a negative target is not known, and the decoder's own choice goes on there, as it does everywhere
    in evaluation. No weight depends on l or m: the same weights point into inputs of any length. As answers these are
    `Classes(places, positions=(m,))`, IGNORED where nothing is pointed at.

    extra: so many learned places behind those of the input; one of them may mean "the answer ends here".
    once: no place of the input is pointed at twice (Bello 2017, arXiv:1611.09940).
    cell: "lstm", or "gru", which needs less.
    Places that the graph's input `mask` leaves out are not pointed at: their score is -10,000, so that a loss stays finite.

    The paper's decoder starts from an encoder's last state; here from anything. Steps wait for each other: it is a loop.
    """

    def __init__(
        self, d: int, s: int, hidden: int = 64, extra: int = 0, once: bool = False, cell: str = "lstm"
    ) -> None:
        super().__init__()
        self.once = once
        self.first = nn.Parameter(torch.randn(d) * 0.1)
        if extra:
            self.learned = nn.Parameter(torch.randn(extra, d))
        self.start = nn.Linear(s, hidden)
        self.cell = nn.LSTMCell(d, hidden) if cell == "lstm" else nn.GRUCell(d, hidden)
        self.key = nn.Linear(d, hidden, bias=False)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(
        self, x: torch.Tensor, start: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        free = torch.ones_like(x[:, :, 0], dtype=torch.bool) if mask is None else mask > 0
        if hasattr(self, "learned"):
            learned = self.learned.expand(x.shape[0], -1, -1)
            x, free = torch.cat((x, learned), 1), torch.cat((free, torch.ones_like(learned[:, :, 0]) > 0), 1)
        told = targets.round().long() if targets.is_floating_point() else targets.long()
        if self.training:
            self.refuse(told, free)
        keys, places = self.key(x), torch.arange(x.shape[1], device=x.device)
        keeps = places >= x.shape[1] - (self.learned.shape[0] if hasattr(self, "learned") else 0)
        h, fed, found = self.start(start), self.first.repeat(x.shape[0], 1), []
        memory = torch.zeros_like(h)
        for t in range(targets.shape[1]):
            if isinstance(self.cell, nn.LSTMCell):
                h, memory = self.cell(fed, (h, memory))
            else:
                h = self.cell(fed, h)
            scores = self.score(torch.tanh(keys + self.query(h).unsqueeze(1))).squeeze(2)
            scores = scores.masked_fill(~free, -1e4)
            found.append(scores)
            place = scores.argmax(1)
            if self.training:
                place = torch.where(told[:, t] < 0, place, told[:, t])
            fed = x.gather(1, place[:, None, None].expand(-1, 1, x.shape[2])).squeeze(1)
            if self.once:
                free = free & ((places != place.unsqueeze(1)) | keeps)
        return torch.stack(found, 1)

    def refuse(self, told: torch.Tensor, free: torch.Tensor) -> None:
        """Raise ValueError for targets that cannot be pointed at."""
        if told.numel() and int(told.max()) >= free.shape[1]:
            raise ValueError(
                f"a target is {int(told.max())}, and there are {free.shape[1]} places to point at, from 0 on; give the number "
                "of a place, or a negative one where nothing is known"
            )
        pointed = (F.one_hot(told.clamp(min=0), free.shape[1]) * (told >= 0).unsqueeze(2)).sum(1)
        if bool((pointed * ~free).any()):
            place = int((pointed * ~free).any(0).nonzero()[0])
            raise ValueError(
                f"a target is {place}, a place that the mask leaves out there; show it, or give -1 for the target"
            )
        own = pointed[:, : free.shape[1] - (self.learned.shape[0] if hasattr(self, "learned") else 0)]
        if self.once and bool((own > 1).any()):
            place = int((own > 1).any(0).nonzero()[0])
            raise ValueError(
                f"place {place} is twice a target of one answer, and once=True points at it once; use once=False"
            )


@op(
    "b l d, b n k, mentioned: b n -> b l words+n",
    weights={"word.weight": "words d", "word.bias": "words", "item.weight": "k d", "relate.weight": "k k"},
    mixes="n",
)
class WordsAndItems(nn.Module):
    """One softmax over a vocabulary of words and the items of a catalogue: logits, l (words + n), the words first
    (RecInDial, Wang 2022, arXiv:2110.07477, section 3.3).

        word w:  W_w h + c_w                 item j:  e_j P h / sqrt(k) + e_j R mean(e_i: i mentioned) / sqrt(k)

    b l d is what a text is understood as, b n k the items, such as what `MessagePassing` has found of a knowledge graph. The
    graph's input `mentioned`, above 0 for items that were spoken of, raises those that are related to them at all places;
    where nothing was mentioned, what is said decides alone. Items have no weights of their own: others may be
    pointed at later. The paper adds its bias to the logits of words as well.
    """

    def __init__(self, d: int, k: int, words: int) -> None:
        super().__init__()
        self.word = nn.Linear(d, words)
        self.item = nn.Linear(d, k, bias=False)
        self.relate = nn.Linear(k, k, bias=False)

    def forward(self, x: torch.Tensor, items: torch.Tensor, mentioned: torch.Tensor) -> torch.Tensor:
        spoken = (mentioned > 0).to(x.dtype).unsqueeze(1)
        mean = (spoken @ items) / spoken.sum(2, keepdim=True).clamp(min=1.0)
        asked = self.item(x) + self.relate(mean)
        scores = asked @ items.transpose(1, 2) / items.shape[2] ** 0.5
        return torch.cat((self.word(x), scores), 2)


@param_count.register(Pointer)
def _(pointer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, s, hidden, matrices = inputs[0][1], inputs[1][0], pointer.hidden, CELLS[pointer.cell]
    cell = matrices * hidden * (d + hidden + 2)
    return int(d * (1 + pointer.extra) + hidden * (s + 1) + cell + hidden * (d + hidden + 1))


@mac_count.register(Pointer)
def _(pointer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The start and the keys once; at each step the cell, a query and a score for each place."""
    (m, places), d, s, hidden = output, inputs[0][1], inputs[1][0], pointer.hidden
    step = CELLS[pointer.cell] * hidden * (d + hidden) + hidden * hidden + places * hidden
    return int(s * hidden + places * d * hidden + m * step)


@fan_ins.register(Pointer)
def _(pointer: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """What a score is the sum of."""
    return (float(pointer.hidden),)


@param_count.register(WordsAndItems)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, k = inputs[0][1], inputs[1][1]
    return int(layer.words * (d + 1) + k * d + k * k)


@mac_count.register(WordsAndItems)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Words, and items by their vectors, at each place; the mean of what is mentioned, and what it is related to."""
    (length, d), (n, k) = inputs[0], inputs[1]
    return int(length * (d * layer.words + d * k + n * k) + n * k + k * k)


EXAMPLES = [
    (Pointer(hidden=4), (5, 3), (2,), (4,)),
    (Pointer(hidden=3, extra=1, once=True, cell="gru"), (4, 2), (3,), (5,)),
    (Pointer(hidden=3, extra=2), (4, 2), (3,), (3,), (4,)),
    (WordsAndItems(3), (4, 5), (6, 2), (6,)),
]
