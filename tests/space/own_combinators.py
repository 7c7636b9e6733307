"""Combinators of somebody else's: nothing in the package knows of them."""

from nasmyth.graph import Add
from nasmyth.graph.combine import Combine, row, split_row
from nasmyth.record import Value, is_open


class Dense(Combine):
    """Each part on the sum of the input and all parts before it."""

    items: tuple[Value, ...]

    def parts(self):
        return row(self.items)

    def with_parts(self, parts):
        return Dense(split_row(self.items, parts)[0])

    def wire(self, go, inputs):
        made = [inputs[0]]
        for i, item in enumerate(self.items):
            read = go(Add(), tuple(made), f"sum{i}") if i else made[0]
            made.append(go(item, (read,), i))
        return made[-1]


class Sandwich(Combine):
    """The same bread, with one set of weights, on both sides. Its parts are its fields."""

    bread: Value
    inside: Value

    def wire(self, go, inputs):
        inner = go(self.inside, (go(self.bread, inputs, "bread"),), "inside")
        return go(self.bread, (inner,), "bread")


class Ladder(Combine):
    """So many rungs, each added to the one before it."""

    rung: Value
    rungs: object

    @property
    def unsettled(self):
        return is_open(self.rungs)

    def parts(self):
        return (("rungs", self.rungs),) if self.unsettled else tuple((f"rung{i}", self.rung) for i in range(self.rungs))

    def with_parts(self, parts):
        return Ladder(self.rung, parts[0]) if self.unsettled else Climbed(tuple(parts))

    def wire(self, go, inputs):
        return Climbed((self.rung,) * self.rungs).wire(go, inputs)


class Climbed(Combine):
    """The rungs of a ladder, each on its own."""

    items: tuple[Value, ...]

    def parts(self):
        return row(self.items, lambda i: f"rung{i}")

    def with_parts(self, parts):
        return Climbed(split_row(self.items, parts)[0])

    def wire(self, go, inputs):
        x = inputs[0]
        for i, item in enumerate(self.items):
            x = go(Add(), (x, go(item, (x,), f"rung{i}")), f"add{i}")
        return x


class Backwards(Combine):
    """Two parts, the second of which is wired first."""

    late: Value
    early: Value

    def wire(self, go, inputs):
        return go(self.late, (go(self.early, inputs, "early"),), "late")
