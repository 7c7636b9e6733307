"""Where the layers of a network come from: which options of which holes were taken on the way to them.

Values are interned, so a layer cannot say which option it was: two edges of a cell may hold the same convolution. A template
can, that was filled with *marks* (`Space.template_of`): wherever an option stands it is wrapped in a `TakenOption`, which
wires as the option does. And where a hole was left open all its options stand side by side in a `OptionMix`, or, where it
says how often something repeats, in a `NestedOptions`. Both are combinators like any other; `follow` reads such a wiring
and tells every layer its origin. Nothing of this is there where a genome is decoded as usual.

    origins(space.template_of(genome), space.input)["body[0][0].n1.from0[1]"]
    # Origin(address="body[0][0].n1.from0[1]", place="body[0][0].n1.from0:3[1]", options=(("0->1", 3),))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nasmyth.errors import ShapeError
from nasmyth.graph.combine import Combine, Handle, Name, Parts, Reader
from nasmyth.graph.flat import MOST, Node, handed, infer, inferred, input_nodes, not_a_template, too_many_layers, unfold
from nasmyth.graph.graph import Graph
from nasmyth.graph.inputs import checked_inputs
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Block, Op, mac_count, param_count
from nasmyth.graph.signature import Shape
from nasmyth.record import Value, below

Option = tuple[str, Any]
"""The key of a hole, and what it was decided as."""


class Origin(NamedTuple):
    """Where a layer comes from.

    `place` is its address in the space: the same in all networks that have the layer, and in that of all options. It is the
    address in the network with the options taken on the way, each behind a colon.
    """

    address: str = ""
    place: str = ""
    options: tuple[Option, ...] = ()


class TakenOption(Combine):
    """What stands where a hole was decided: `body`, wired as if there was no mark."""

    body: Value
    options: tuple[tuple[str, Any], ...]
    step: str = ""
    """What of a place tells the option."""
    instead: bool = False
    """Whether the step stands in the place of the part's name, which depends on what else was taken."""

    def parts(self) -> Parts:
        return ((None, self.body),)

    def with_parts(self, parts: Any) -> TakenOption:
        return TakenOption.of((*parts, self.options, self.step, self.instead))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        return go(self.body, inputs, None)


class OptionMixture(Op):
    """The weighted sum of what options of one hole give. Weights belong to the hole, and to whoever mixes."""

    signature = "b ..., * -> b ..."
    key: str
    options: tuple[Any, ...]

    def _infer(self, *shapes: Shape) -> Shape:
        if len(set(shapes)) > 1:
            found = ", ".join(f"{option!r}: {shape}" for option, shape in zip(self.options, shapes, strict=True))
            raise ShapeError(
                f"the options of {self.key!r} give different shapes, and cannot be mixed: {found}; decide it"
            )
        return shapes[0]


@param_count.register(OptionMixture)
@mac_count.register(OptionMixture)
def _(op: OptionMixture, inputs: tuple[Shape, ...], output: Shape) -> int:
    return 0


class OptionMix(Combine):
    """Options of a hole that was left open, each on the same input, mixed."""

    key: str
    decisions: tuple[Any, ...]
    options: tuple[Combine, ...]

    def parts(self) -> Parts:
        return tuple([(f":{i}", option) for i, option in enumerate(self.options)])

    def with_parts(self, parts: Any) -> OptionMix:
        return type(self).of((self.key, self.decisions, tuple(parts)))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        made = tuple([go(option, inputs, name) for name, option in self.parts()])
        return go(OptionMixture(self.key, self.decisions), made, f"mix {self.key}")


class NestedOptions(OptionMix):
    """Options that are one wiring up to different lengths, such as so many copies: what they have in common is there once."""

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        once = _Once(go)
        made = tuple([option.wire(once, inputs) for option in self.options])
        return go(OptionMixture(self.key, self.decisions), made, f"mix {self.key}")


class _Once:
    """Puts the same part on the same inputs under the same name once."""

    def __init__(self, go: Reader) -> None:
        self.go, self.shape, self.made = go, go.shape, dict[Any, Handle]()

    def __call__(self, part: Any, inputs: tuple[Handle, ...], name: Name) -> Handle:
        token = (part, tuple(map(id, inputs)), name)
        if token not in self.made:
            self.made[token] = (self.go(part, inputs, name), inputs)  # the inputs are kept, so that their ids are
        return self.made[token][0]


# --- reading it ---------------------------------------------------------------------------------------------------

Apply = Callable[[Op, tuple[Handle, ...], Origin], Handle]


def follow(
    template: Any,
    inputs: tuple[Handle, ...],
    apply: Apply,
    shape: Callable[[Handle], Shape],
    named: Mapping[str, Handle] | None = None,
) -> Handle:
    """What comes out of a template without holes: `apply(op, inputs, origin)` carries out one layer, whatever flows; `shape`
    tells what flows without the batch. Identities let everything pass. named: inputs that layers read by name."""
    return _Follower(apply, shape, named or {}, Origin()).put(template, inputs, Origin())


class _Follower:
    """Reads a wiring down to its layers, and knows where it is."""

    def __init__(self, apply: Apply, shape: Callable[[Handle], Shape], named: Mapping[str, Handle], at: Origin) -> None:
        self.apply, self.shape, self.named, self.at = apply, shape, named, at

    def __call__(self, part: Any, inputs: tuple[Handle, ...], name: Name) -> Handle:
        within: Name = name
        if isinstance(name, str) and name.startswith(":"):  # an option, which has a mark of its own
            within = None
        elif isinstance(part, TakenOption) and part.instead:
            within = (name.rpartition(".")[0] if isinstance(name, str) else "") or None
        at = self.at._replace(address=below(self.at.address, name), place=below(self.at.place, within))
        return self.put(part, inputs, at)

    def put(self, part: Any, inputs: tuple[Handle, ...], at: Origin) -> Handle:
        while isinstance(part, TakenOption):
            at = at._replace(place=at.place + part.step, options=at.options + part.options)
            part = part.body
        if isinstance(part, Identity):
            return inputs[0]
        if isinstance(part, Combine):
            return part.wire(_Follower(self.apply, self.shape, self.named, at), inputs)
        if not isinstance(part, (Op, Block)):
            raise not_a_template(part, at.address)
        every = (*inputs, *handed(part, len(inputs), self.named)) if self.named else inputs
        if isinstance(part, Op):
            return self.apply(part, every, at)
        return self.put(unfold(part, tuple(map(self.shape, every)), at.address), inputs, at)


def origins(template: Any, input: Any) -> dict[str, Origin]:
    """The origin of every layer of a marked template, by its address in the network."""
    found: dict[str, Origin] = {}

    def apply(op: Op, read: tuple[Shape, ...], at: Origin) -> Shape:
        found[at.address] = at
        return inferred(op, read)

    inputs = checked_inputs(input)
    follow(template, (inputs.shape,), apply, lambda shape: shape, dict(inputs.named))
    return found


def supergraph(template: Any, input: Any) -> Graph:
    """The graph of all options of a marked template: its layers are known by their places, and mixed by `OptionMixture`."""
    inputs = checked_inputs(input)
    nodes = input_nodes(inputs)

    def apply(op: Op, read: tuple[int, ...], at: Origin) -> int:
        if len(nodes) > MOST:
            raise too_many_layers(at.place)
        nodes.append(Node(op, read, infer(op, tuple(nodes[i].shape for i in read), at.place), at.place))
        return len(nodes) - 1

    named = {name: i for i, (name, _) in enumerate(inputs.named)}
    last = follow(template, (0,), apply, lambda i: nodes[i].shape, named)
    if last < len(inputs) or last != len(nodes) - 1:
        nodes.append(Node(Identity(), (last,), nodes[last].shape, "output"))
    return Graph(tuple(nodes))
