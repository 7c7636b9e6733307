"""A domain: a kind of data, and how to learn from it. `read` turns any source into a task.

    source --reader--> Raw --domain--> Task

A reader knows a kind of source (a file, a folder, a Dataset) and decides nothing. A domain knows a kind of data
(images, tables) and decides what is to be learned. Either can be added alone: one file, and its line in
`sources/__init__.py` or `domains/__init__.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from nasmyth.domains.labels import Settled
from nasmyth.domains.sizing import fitting, meets
from nasmyth.domains.sources import Options, Raw, load
from nasmyth.domains.sources.raw import several
from nasmyth.domains.starts import Family, Sized, Start, portfolio
from nasmyth.errors import BudgetError, DataError
from nasmyth.registry import Registry, instance
from nasmyth.train import is_task

if TYPE_CHECKING:
    from nasmyth.forms.form import InputForm
    from nasmyth.measure import Constraint
    from nasmyth.network import Network
    from nasmyth.space import Genome, Space
    from nasmyth.train import Recipe
    from nasmyth.train.task import Task


class Domain(ABC):
    """A kind of data. Register an instance of a subclass in `domains`."""

    name: str
    about: str
    """What data it takes, in one line."""
    kinds: tuple[str, ...] = ()
    """The hand-designed networks that its portfolio may name."""

    @abstractmethod
    def accepts(self, raw: Raw) -> bool:
        """Whether this is the kind of data. No two domains may accept the same."""

    @abstractmethod
    def suits(self, task: Task) -> bool:
        """Whether a task, made here or by hand, is one of this domain."""

    @abstractmethod
    def task(self, raw: Raw, options: Options) -> Task:
        """Infer what is to be learned; fit the preprocessing on the training split alone. Raises DataError."""

    @abstractmethod
    def space(self, task: Task) -> Space:
        """The default space: from a thousand parameters to ten million and more."""

    @abstractmethod
    def plain(self, task: Task, width: int) -> Genome:
        """A plain hand-designed network of this width, as a genome of the space: the baseline of a design."""

    @abstractmethod
    def recipe(self, task: Task) -> Recipe:
        """How its networks are trained."""

    def recipe_space(self, task: Task) -> Recipe:
        """The recipe with holes around it, for a search of architecture and recipe: `Space(..., recipe=...)`. The first
        decision of each hole is the domain's own."""
        from nasmyth.train.recipe_space import recipe_space

        return recipe_space(self.recipe(task), smoothed=bool(task.classes))

    def adapted(self, network: Network, task: Task) -> tuple[Genome, str]:
        """Decisions of `recipe_space` that a network says, which was trained for some epochs by the first ones; and why.

        May read the training and validation splits. What the data does not say before anything is trained can be asked
        here; see `Vision`, which asks whether images may be mirrored.
        """
        return {}, ""

    def baseline(self, task: Task, under: Iterable[Constraint] = ()) -> Genome:
        """The widest plain network within the upper bounds on all that takes no training, or the widest cheaper one where the
        budget excludes it. Raises BudgetError if none is, or if it misses another constraint.

        Without an upper bound it is `USUAL` wide.
        """
        limits = [limit for limit in under if "training" not in limit.measure.requires]
        upper = [limit for limit in limits if limit.relation == "<="]
        families: list[Family] = [partial(self.plain, task), *self.cheaper(task)]
        for family in families:
            width = self._widest(family, task, upper) if upper else USUAL
            if width and meets(family(width), self.space(task), task, limits):
                return family(width)
        raise BudgetError(f"no plain network meets {', '.join(map(str, limits))}; there is no baseline to compare with")

    def cheaper(self, task: Task) -> Sequence[Family]:
        """Other hand-designed networks by their width, for budgets that are too tight for the plain one, the best first."""
        return ()

    def _widest(self, family: Family, task: Task, limits: list[Constraint]) -> int:
        """The widest that meets the limits; 0 if none does."""
        counted = all(limit.measure.requires <= {"graph"} for limit in limits)
        widths = range(NARROWEST, WIDEST + 1) if counted else MEASURED
        count = fitting(widths, lambda width: meets(family(width), self.space(task), task, limits))
        return widths[count - 1] if count else 0

    def passes(self, task: Task) -> float:
        """How often a network should see the training data at least, before a larger one is worth its time; 0: no matter."""
        return 0.0

    def starts(
        self, task: Task, under: Iterable[Constraint] = (), bounds: Callable[[Genome], list[Constraint]] | None = None
    ) -> list[Start]:
        """What a search begins with, all within the constraints: the plain network, then those of the portfolio, best first.

        bounds: what more a graph has to meet, told from the plain network within the constraints; where not even the narrowest
        plain one does, it is as if there were none.

        Raises BudgetError where there is not even a plain one.
        """
        limits = list(under)
        plain = self.baseline(task, limits)
        if bounds is not None and (more := bounds(plain)):
            counted = [limit for limit in limits if limit.measure.requires <= {"graph"}]
            with suppress(BudgetError):
                plain = self.baseline(task, [*counted, *more])
                limits += more
        return [Start("plain", plain), *self.known(task, limits, plain)]

    def known(self, task: Task, limits: Sequence[Constraint], plain: Genome) -> list[Start]:
        """What the portfolio has for such a task, without what does not fit and what is there already."""
        entries = portfolio(self.name, self.problem(task, plain))
        if not entries:
            return []
        space, sized = self.space(task), cache(self.sized(task, limits, plain))
        found: list[Start] = []
        seen: list[tuple[Any, dict[str, int]]] = [(space.decode(plain), {})]
        for entry in entries:
            genome = sized(entry.kind, entry.share)
            if genome is None or (one := (space.decode(genome), dict(entry.recipe))) in seen:
                continue
            seen.append(one)
            found.append(Start(entry.name, genome, entry.recipe))
        return found

    def problem(self, task: Task, plain: Genome) -> str:
        """Which of its portfolios is for such a task, whose plain network within the budget is this."""
        return "many"

    def sized(self, task: Task, limits: Sequence[Constraint], plain: Genome) -> Sized:
        """Networks within the budget by the `kinds` that a portfolio may name."""
        raise NotImplementedError(f"{type(self).__name__} has a portfolio, and no sized(task, limits, plain)")


USUAL, NARROWEST, WIDEST = 64, 4, 160
"""Widths of plain networks: without a budget, at least, and at most."""
MEASURED = (*range(NARROWEST, 32), *range(32, 64, 2), *range(64, 128, 4), *range(128, WIDEST + 1, 8))
"""Those that a device is asked about, which takes seconds each."""

domains: Registry[Domain] = Registry("domains", instance(Domain, "a Domain"))


def read(
    source: Any,
    target: str | tuple[str, ...] | None = None,
    *,
    kind: str | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    on_bad: str | None = None,
    limit: int | None = None,
    domain: str | None = None,
) -> Task:
    """Read data of any kind into a task: inputs, answer, and training, validation and test splits, in memory.

    source: a known name, a folder, a file, arrays (x, y), a DataFrame, a torch Dataset or DataLoader, or "hf:NAME"
        (`nasmyth list readers` and `nasmyth list data` show all). A task is given back as it is.
    target: the column to predict, of a table; several for a regression with several outputs.
    kind: "classification" or "regression", where the inference is not what you want.
    seed: of the split, where the source has no official one.
    size: of images in pixels, height first; by default the most common size, up to 224.
    on_bad: "skip" leaves out what cannot be used (unreadable pictures, missing labels, classes too small to split) and
        says so; "refuse" raises. By default inputs are skipped and labels are refused.
    limit: at most so many training examples, for a quick try.
    domain: "text", "vision" ... (`nasmyth list domains`) where the kind of data is not what it looks like, such as rows
        of whole
        numbers that are tokens.

    `task.notes` says in sentences what was inferred and decided. Raises DataError, with the cure.
    """
    if is_task(source):
        return source
    options = Options(target, kind, seed, size, on_bad, limit, domain)
    raw = load(source, options)
    asked = (options.target,) if isinstance(options.target, str) else options.target
    if asked is not None and asked != raw.targets:
        raise DataError(
            f"{raw.name}: what is to be predicted is {several(raw.targets)}; target= (--target) names a column of a table,"
            " leave it out"
        )
    for name, part in raw.parts.items():
        if not len(part):
            raise DataError(f"{raw.name}: the {name} part has no examples; add some")
    found = domain_of(raw) if domain is None else domains.get(domain)
    task = found.task(raw, options)
    return replace(task, recipe=found.recipe(task))


def domain_of(raw: Raw) -> Domain:
    """The domain whose kind of data this is. Raises DataError where there is none."""
    for _, domain in domains:
        if domain.accepts(raw):
            return domain
    x = raw.train.x
    got = f"x of type {getattr(x, 'dtype', type(x).__name__)} and shape {getattr(x, 'shape', '?')}"
    raise DataError(f"{raw.name}: {got} fits no domain; expected {', or '.join(domain.about for _, domain in domains)}")


def domain_for(task: Task) -> Domain:
    """The domain that a task belongs to. Raises DataError where there is none."""
    for _, domain in domains:
        if domain.suits(task):
            return domain
    raise DataError(
        f"{task.name}: inputs of type {type(task.inputs).__name__} fit no domain ({', '.join(domains.names())})"
    )


def assemble(raw: Raw, inputs: InputForm, settled: Settled) -> Task:
    """The task of data that is split, with inputs fitted on its training part."""
    import torch

    from nasmyth.forms.outputs import Classes, fit_values
    from nasmyth.train.split import Split
    from nasmyth.train.task import Task

    classes = settled.kind == "classification"
    outputs = Classes(settled.names, settled.type) if classes else fit_values(raw.train.y, settled.names)
    # a DataFrame takes its time to find each of its columns
    examples = {n: dict(part.x.items()) if hasattr(part.x, "columns") else part.x for n, part in raw.parts.items()}
    splits = {n: Split(inputs.encode(examples[n]), torch.from_numpy(part.y)) for n, part in raw.parts.items()}
    return Task(raw.name, inputs, outputs, **splits, notes=raw.notes)
