"""Sparse mixtures of experts: many feed-forward layers, of which each place of a sequence passes a few."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import active_params, mac_count, op, param_count
from nasmyth.graph.signature import Shape

ROUTINGS = ("places", "experts")
ACTIVATIONS = ("gelu", "relu", "silu")


def _sound(mixture: Any) -> None:
    """Refuse settings that do not go together; what is still a hole is left alone."""
    experts, k, capacity = mixture.experts, mixture.k, mixture.capacity
    for name in ("experts", "k", "hidden"):
        value = getattr(mixture, name)
        if type(value) is int and value < 1:
            raise SpaceError(f"{mixture!r}: {name}={value}, and it must be at least 1")
    if type(experts) is int and type(k) is int and k > experts:
        raise SpaceError(f"{mixture!r}: {k} of {experts} experts cannot be chosen: write k={experts} or experts={k}")
    if isinstance(capacity, (int, float)) and not 0 < capacity < math.inf:
        raise SpaceError(
            f"{mixture!r}: capacity={capacity}, and it is above 0 and finite: write capacity=1.25, or None to drop nothing"
        )
    for name, known in (("routing", ROUTINGS), ("activation", ACTIVATIONS)):
        value = getattr(mixture, name)
        if isinstance(value, str) and value not in known:
            raise SpaceError(f"{mixture!r}: {name}={value!r}, and it is one of {', '.join(map(repr, known))}")
    if mixture.given is True and mixture.routing == "experts":
        raise SpaceError(f"{mixture!r}: where experts choose, no place is given one: write routing='places'")
    if type(experts) is int and any(
        type(n) is not int or n < 1 for n in (*mixture.older, experts - sum(mixture.older))
    ):
        raise SpaceError(
            f"{mixture!r}: older={mixture.older} leaves {experts - sum(mixture.older)} of {experts} experts; each "
            f"generation has one at least: write experts={sum(mixture.older) + 1}"
        )


def _weights(mixture: Any) -> dict[str, str]:
    sizes = [*map(str, mixture.older), str(mixture.experts - sum(mixture.older))] if mixture.older else ["experts"]
    said = {"gate": "{} d", "up": "{} hidden d", "down": "{} d hidden"}
    return {f"{name}.{i}": axes.format(n) for name, axes in said.items() for i, n in enumerate(sizes)}


def _drops(mixture: Any) -> bool:
    """Whether there can be places that an expert does not take."""
    capacity = mixture.capacity or (1.0 if mixture.routing == "experts" else math.inf)
    return bool(capacity * mixture.k < mixture.experts)


def _ordered(mixture: Any) -> str:
    first_come = _drops(mixture) and mixture.routing == "places"
    return " ".join(["l"] * first_come + ["experts"] * mixture.given)


@op(
    "b l d, expert?: b l -> b l d",
    check=_sound,
    weights=_weights,
    ordered=_ordered,
    mixes=lambda mixture: "l d" if _drops(mixture) else "d",
)
class MixtureOfExperts(nn.Module):
    """`experts` layers down(act(up x)) of `hidden` features without biases; each place passes the k that a gate chooses.

    y = sum of g_i E_i(x) over the chosen i, with p = softmax(W x). k > 1: g is p divided by its sum over the chosen, which is
    the softmax over the k largest logits (Shazeer 2017, arXiv:1701.06538, eqs. 2-5, without noise). k = 1: g = p, so that the
    gate has a gradient (Switch, Fedus 2021, arXiv:2101.03961, eq. 2).

    capacity: each example has room for capacity * l * k / experts places in each expert, rounded up. They are taken in the
    order of the places, so that none loses its room to a later one; who finds none passes nothing there. None: nothing is
    dropped. Room is counted in an example by itself, in training as in evaluation, where the papers count in a batch: so
    no example depends on the others. Without drops it costs what the active experts do; with a capacity, what all room does.
    routing="experts": each expert takes the places that want it most, as many as it has room for (capacity 1 if not
    given), with g = p (Zhou 2022, arXiv:2202.09368, section 3.2); for sequences that are seen whole.
    given: the graph's input `expert` is the number of an expert of each place, which is one of its k for certain, as with
    a language whose expert is known (Zheng 2024, arXiv:2410.10626); the gate chooses the others and the g.
    older: how many of the experts were there before the last ones, by generation; each has weights of its own, which can be
    held (Lifelong-MoE, Chen 2023, arXiv:2305.12281).

    What it adds to the loss in training: `balance` times experts * sum of f_i P_i, where f is the share of choices and P the
    mean of p (Fedus 2021, eq. 4), which experts that choose do not need; and `z_loss` times the mean square of the logits'
    logsumexp (ST-MoE, Zoph 2022, arXiv:2202.08906, eq. 5). It puts it on the list `auxiliary_losses`, where it is
    given one (`train/auxiliary.py`). Exported programs without drops compute all experts, since their shapes may not
    depend on numbers.
    """

    auxiliary_losses: list[torch.Tensor] | None = None

    def __init__(
        self,
        d: int,
        experts: int = 8,
        k: int = 2,
        hidden: int = 64,
        capacity: float | None = None,
        routing: str = "places",
        activation: str = "gelu",
        balance: float = 0.01,
        z_loss: float = 0.001,
        given: bool = False,
        older: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.experts, self.k, self.capacity, self.routing, self.given = experts, k, capacity, routing, given
        self.balance, self.z_loss = balance, z_loss
        self.act = getattr(F, activation)
        sizes = (*older, experts - sum(older))
        self.gate = nn.ParameterList(self.uniform(n, d, fan_in=d) for n in sizes)
        self.up = nn.ParameterList(self.uniform(n, hidden, d, fan_in=d) for n in sizes)
        self.down = nn.ParameterList(self.uniform(n, d, hidden, fan_in=hidden) for n in sizes)

    @staticmethod
    def uniform(*shape: int, fan_in: int) -> torch.Tensor:
        """First weights as those of `nn.Linear`."""
        return (torch.rand(shape) * 2 - 1) / math.sqrt(fan_in)

    @staticmethod
    def joined(generations: nn.ParameterList) -> torch.Tensor:
        """The weights of all generations."""
        return generations[0] if len(generations) == 1 else torch.cat(tuple(generations))

    def forward(self, x: torch.Tensor, expert: torch.Tensor | None = None) -> torch.Tensor:
        logits = F.linear(x, self.joined(self.gate))
        scores = logits.softmax(-1)
        if self.routing == "experts":
            self.charge(logits, scores)
            return self.chosen_by_experts(x, scores)
        wanted = scores
        if self.given:
            if expert is None:
                raise ValueError(
                    "given=True reads the graph's input `expert`: Graph.of(..., input={'x': ..., 'expert': ...})"
                )
            codes = expert.round().long().clamp(0, self.experts - 1)
            wanted = scores + 2 * F.one_hot(codes, self.experts)  # more than any score
        best = wanted.topk(self.k, -1).indices
        gates = scores.gather(-1, best)
        if self.k > 1:
            gates = gates / gates.sum(-1, keepdim=True)
        self.charge(logits, scores, best)
        if self.capacity is not None:
            return self.with_capacity(x, best, gates, self.capacity)
        return self.all_experts(x, best, gates) if torch.compiler.is_exporting() else self.dropless(x, best, gates)

    def dropless(self, x: torch.Tensor, best: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        """Places sorted by expert, a product for each expert. A loop over experts: their shares have different lengths."""
        choices = best.flatten()
        order = choices.argsort(stable=True)
        places, sizes = order // self.k, choices.bincount(minlength=self.experts).tolist()
        passed = self.by_expert(x.flatten(0, 1).index_select(0, places), sizes)
        passed = passed * gates.flatten().index_select(0, order).unsqueeze(1)
        return torch.zeros_like(x).flatten(0, 1).index_add(0, places, passed).view_as(x)

    def by_expert(self, rows: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        """What experts make of rows that lie in their order, so many for each."""
        up = [matrix for generation in self.up for matrix in generation.unbind()]
        down = [matrix for generation in self.down for matrix in generation.unbind()]
        shares = zip(rows.split(sizes), up, down, strict=True)
        return torch.cat([F.linear(self.act(F.linear(share, widen)), narrow) for share, widen, narrow in shares])

    def all_experts(self, x: torch.Tensor, best: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        """The same with every expert at every place, those that were not chosen times 0."""
        weights = torch.zeros(*x.shape[:2], self.experts, dtype=x.dtype, device=x.device).scatter(-1, best, gates)
        up, down = self.joined(self.up), self.joined(self.down)
        middle = self.act(F.linear(x, up.flatten(0, 1))).unflatten(-1, (self.experts, -1)) * weights.unsqueeze(-1)
        return F.linear(middle.flatten(2), down.transpose(0, 1).flatten(1))

    def with_capacity(self, x: torch.Tensor, best: torch.Tensor, gates: torch.Tensor, capacity: float) -> torch.Tensor:
        """Each expert has a row of slots; a place takes the next one, or the one behind all, where nothing is computed."""
        b, l = x.shape[:2]
        room, choices = self.room(l, capacity), best.flatten(1)
        taken = F.one_hot(choices, self.experts)
        slot = (taken.cumsum(1) * taken).sum(-1) - 1
        slots = self.experts * room
        slot = torch.where(slot < room, choices * room + slot, slots)
        places = torch.arange(l, device=x.device).repeat_interleave(self.k).expand(b, -1)
        source = torch.full((b, slots + 1), l, dtype=places.dtype, device=x.device).scatter(1, slot, places)
        passed = F.pad(self.passed(F.pad(x, (0, 0, 0, 1)), source[:, :-1]), (0, 0, 0, 1))
        return (self.rows(passed, slot).unflatten(1, (l, self.k)) * gates.unsqueeze(-1)).sum(2)

    def chosen_by_experts(self, x: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Each expert takes the places whose scores are the highest."""
        l, d = x.shape[1:]
        gates, places = scores.transpose(1, 2).topk(self.room(l, self.capacity or 1.0), -1)
        passed = self.passed(x, places.flatten(1)) * gates.flatten(1).unsqueeze(-1)
        return torch.zeros_like(x).scatter_add(1, places.flatten(1).unsqueeze(-1).expand(-1, -1, d), passed)

    def room(self, length: int, capacity: float) -> int:
        """How many places of an example fit into an expert."""
        return min(length, math.ceil(capacity * length * self.k / self.experts))

    def passed(self, x: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """What the experts make of the rows at these places; the slots (b, experts * room) are in the order of experts."""
        rows = self.rows(x, source).unflatten(1, (self.experts, -1)).transpose(0, 1)
        made = self.by_equal_shares(rows.flatten(1, 2))
        return made.unflatten(1, (x.shape[0], -1)).transpose(0, 1).flatten(1, 2)

    def by_equal_shares(self, rows: torch.Tensor) -> torch.Tensor:
        """The same where each expert has as many: experts rows d."""
        up, down = self.joined(self.up).transpose(1, 2), self.joined(self.down).transpose(1, 2)
        return torch.bmm(self.act(torch.bmm(rows, up)), down)

    @staticmethod
    def rows(x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The rows of each example at these places of its own."""
        first = torch.arange(x.shape[0], device=x.device).unsqueeze(1) * x.shape[1]
        return x.flatten(0, 1).index_select(0, (first + places).flatten()).unflatten(0, (x.shape[0], -1))

    def charge(self, logits: torch.Tensor, scores: torch.Tensor, best: torch.Tensor | None = None) -> None:
        """Tell what it adds to the loss, where somebody listens."""
        if not self.training or self.auxiliary_losses is None:
            return
        loss = self.z_loss * logits.logsumexp(-1).square().mean()
        if best is not None:
            shares = F.one_hot(best.flatten(), self.experts).to(scores.dtype).mean(0)
            loss = loss + self.balance * self.experts * (shares * scores.flatten(0, 1).mean(0)).sum()
        self.auxiliary_losses.append(loss)

    def extra_repr(self) -> str:
        return f"experts={self.experts}, k={self.k}, capacity={self.capacity}, routing={self.routing}"


@param_count.register(MixtureOfExperts)
def _(mixture: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(mixture.experts * output[-1] * (1 + 2 * mixture.hidden))


@active_params.register(MixtureOfExperts)
def _(mixture: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The gate, and the experts that a place passes: on average, where these choose."""
    return int(output[-1] * (mixture.experts + 2 * mixture.k * mixture.hidden))


@mac_count.register(MixtureOfExperts)
def _(mixture: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The gate, and two products for each place and choice, or for all the room that there is."""
    length, d = output
    passed = length * mixture.k
    if mixture.routing == "experts" or mixture.capacity is not None:
        room = math.ceil((mixture.capacity or 1.0) * length * mixture.k / mixture.experts)
        passed = mixture.experts * min(length, room)
    return int(length * d * mixture.experts + 2 * passed * d * mixture.hidden)


@fan_ins.register(MixtureOfExperts)
def _(mixture: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(output[-1]), float(mixture.hidden))


EXAMPLES = [
    (MixtureOfExperts(experts=4, k=2, hidden=3), (5, 6)),
    (MixtureOfExperts(experts=3, k=1, hidden=4, activation="relu"), (4, 2)),
    (MixtureOfExperts(experts=1, k=1, hidden=2), (3, 4)),
    (MixtureOfExperts(experts=4, k=2, hidden=3, capacity=0.75), (6, 4)),
    (MixtureOfExperts(experts=3, k=2, hidden=3, capacity=1.5), (4, 5)),
    (MixtureOfExperts(experts=4, k=1, hidden=3, routing="experts"), (6, 4)),
    (MixtureOfExperts(experts=3, k=2, hidden=3, given=True), (5, 4), (5,)),
    (MixtureOfExperts(experts=5, k=2, hidden=3, older=(2, 1)), (4, 3)),
]
