"""What every input and every answer can do, whatever it is: what reads, trains, scores and reports asks these alone.

A new kind of input or answer is a frozen value that says: what it is stored as (`encode`, `validate`), what a network sees of
it (`spec`, `module`), and for an answer what is lost (`loss`), what is scored (`meter`) and what chance would score.

Positions that do not count (padding, nodes of another split) are marked in the answer: IGNORED for classes, NaN for values.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.stored import Rows
from nasmyth.graph.inputs import Inputs, checked_inputs
from nasmyth.graph.signature import Shape
from nasmyth.record import Value

if TYPE_CHECKING:
    from nasmyth.forms.metric import Metric

IGNORED = -100
"""The index of a class that does not count: what PyTorch's losses ignore."""


class InputForm(Value, abstract=True):
    """What raw input is, and how it becomes what a network sees."""

    @property
    def shape(self) -> Shape:
        """What the network sees first: the shape of one example, without the batch."""
        raise NotImplementedError

    @property
    def spec(self) -> Inputs:
        """All that the network sees: what a graph for it takes."""
        return checked_inputs(self.shape)

    @property
    def codes(self) -> bool:
        """Whether what the network sees first is whole numbers, as an embedding takes them."""
        return self.spec[0].dtype != "float"

    @property
    def mixes(self) -> bool:
        """Whether two examples can be added in shares, as the network sees them: all of it is amounts."""
        return all(entry.dtype == "float" for entry in self.spec)

    @property
    def unseen(self) -> Self:
        """How it is prepared, without what training has merely seen."""
        return self

    def encode(self, raw: Any) -> Any:
        """Raw input in stored form. Raises DataError."""
        raise NotImplementedError

    def held(self, raw: Any) -> Any:
        """`encode`, held to what training saw: another scale is refused, or said."""
        return self.encode(raw)

    def module(self) -> nn.Module:
        """Stored input to what the network is called with: a tensor, or a tuple of them."""
        raise NotImplementedError

    def validate(self, stored: Any, what: str) -> None:
        """Raise DataError unless this is what `encode` makes."""
        raise NotImplementedError

    def show(self, stored: Any, places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """For each of some examples what a report shows of it: a picture, texts in columns (`shown_columns`), or nothing.

        places: which position of each the answer is about; () for the whole of it.
        """
        return [{} for _ in places]

    @property
    def shown_columns(self) -> list[str]:
        return []

    @property
    def numbers(self) -> int:
        """How many numbers the network sees of one example."""
        return sum(math.prod(entry.shape) for entry in self.spec)


class AnswerForm(Value, abstract=True):
    """What a network's answer means, what is lost by a wrong one, and how good answers are."""

    kind: ClassVar[str]
    """ "classification" or "regression"."""
    objective: ClassVar[str]
    """The score that says which network is better."""
    direction: ClassVar[str]
    """ "max" or "min", of that score."""

    @property
    def size(self) -> int:
        """How many outputs the network needs, for each position that is answered."""
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        """What the network has to give for one example."""
        return (*getattr(self, "positions", ()), self.size)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty for values."""
        return ()

    @property
    def unlabelled(self) -> AnswerForm:
        """As far as it matters to what is learned."""
        return self

    def check_output(self, pred: Any, who: str = "the answer") -> None:
        """Raise DataError unless a network's output has the size that is needed."""
        if not isinstance(pred, Tensor) or tuple(pred.shape[1:]) != self.shape:
            wanted = ", ".join(map(str, ("N", *self.shape)))
            got = tuple(pred.shape) if isinstance(pred, Tensor) else type(pred).__name__
            raise DataError(
                f"the network answers with shape {got}, and {who} needs ({wanted}): end the network with Linear({self.size})"
            )

    if TYPE_CHECKING:

        @property
        def names(self) -> tuple[str, ...]:
            """The classes, or the names of the values."""

    def encode(self, raw: Any) -> Any:
        """Raw targets in stored form. Raises DataError."""
        raise NotImplementedError

    def module(self) -> nn.Module:
        """The network's output to the answer."""
        raise NotImplementedError

    def loss(self, pred: Any, target: Any, smoothing: float = 0.0) -> Tensor:
        """The mean loss over what counts in a batch, a scalar."""
        raise NotImplementedError

    def meter(self) -> Any:
        """Scores gathered over batches: `update(pred, y)`, then `compute()`.

        Where `metric` knows others, it takes the names of those that are to be told as well: `meter(("auroc",))`.
        """
        raise NotImplementedError

    def metric(self, name: str) -> Metric | None:
        """How a score that is asked for by name is computed; None for what is no score of these answers, or not known here.

        Raises DataError for a class that there is not.
        """
        return None

    def gather(self, metric: Metric, pred: Any, y: Any) -> Tensor:
        """What the metric needs to know of each answer that counts, M k."""
        raise NotImplementedError

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless this is what `encode` makes."""
        raise NotImplementedError

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        """Raise DataError if nothing could be learned from these targets."""
        raise NotImplementedError

    def varied(self, y: Any, count: int) -> Tensor:
        """The places of so many examples, or a few more, from which something could be learned."""
        raise NotImplementedError

    def counted(self, y: Any) -> int:
        """How many answers count."""
        raise NotImplementedError

    def chance(self, train: Any, y: Any) -> dict[str, Any]:
        """What is scored without looking at the input; see `nasmyth.train.chance`.

        Where `metric` knows others, it takes the name of the score that is meant.
        """
        raise NotImplementedError

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        """The same of answers that do not look at the input."""
        raise NotImplementedError

    def doubt(self, train: Any) -> str:
        """Why the usual objective says little of such targets, and what says more; empty where nothing speaks against it."""
        return ""

    def each(self, raw: Any, y: Any) -> Tensor:
        """One number for each answer that counts: 1 or 0 for right or wrong, or a squared error."""
        raise NotImplementedError

    def picture(self, raw: Any, y: Any) -> dict[str, Any]:
        """What a report draws, as plain data."""
        raise NotImplementedError

    def worst(self, raw: Any, y: Any) -> tuple[Tensor, int]:
        """Places in the flat row of answers, the worst first, and how many are wrong at all."""
        raise NotImplementedError

    def said(self, raw: Any, y: Any, place: int) -> dict[str, Any]:
        """One answer as plain data."""
        raise NotImplementedError


def stored_as(stored: Any, what: str, shape: Shape, *dtypes: Any) -> None:
    """Raise DataError unless this is a tensor, or rows, of examples of that shape and one of these types."""
    fine = isinstance(stored, (Tensor, Rows)) and tuple(stored.shape[1:]) == tuple(shape) and stored.dtype in dtypes
    if not fine:
        got = f"shape {tuple(stored.shape[1:])} and type {stored.dtype}" if hasattr(stored, "dtype") else "another kind"
        raise DataError(
            f"{what}: inputs of {got}, expected {tuple(shape)} and {dtypes[0]}; make them with inputs.encode(raw)"
        )
