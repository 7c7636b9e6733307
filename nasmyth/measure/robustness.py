"""Accuracy under attack, as a measure: a budget or a goal like any other, and computed only where it is asked for.

    robust("pgd") >= 0.4                        robust@pgd>=0.4: 10 steps within 8/255 of every pixel
    robust("pgd", eps=0.1, steps=40)            robust@pgd,eps=0.1,steps=40
    robust("fgsm", eps=0.1)                     robust@fgsm,eps=0.1: one step; cheap, and too kind
    masking("pgd", eps=0.1) <= 0                masking@pgd,eps=0.1: signs that the attack failed, not the network held

Robustness as the goal of a search: Cubuk et al. (2017, arXiv:1711.02846). A network may also *seem* robust because its
gradients lead nowhere. Athalye et al. (2018, arXiv:1802.00420, section 3.1) say how that shows, and `masked` looks for it:
a figure is worth little while one of the signs is there.

The norm is the largest change of a pixel (L-infinity). Of their signs, that attacks without access to the network do better
than those with it is not looked for: it takes a second, stolen network.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from nasmyth.errors import UnitError
from nasmyth.measure.measure import Measure, measures
from nasmyth.measure.trained import NEEDS

if TYPE_CHECKING:
    from torch import Tensor

    from nasmyth.forms.metric import Metric
    from nasmyth.measure.attacks import Attack

EPS, STEPS = 8 / 255, 10
FAR = 50
"""Steps of the attack without bounds."""
LITTLE = 0.05
"""Accuracy that an attack without bounds may leave, and the share of examples that may have no gradient."""


def robust(attack: str = "pgd", eps: float | str = EPS, steps: int = STEPS, restarts: int = 1) -> Measure:
    """The share of examples that a classifier of images gets right under attack: fgsm, pgd, or noise (see the file).

    eps: the most that a pixel may change, of 0 to 1, or as text, "8/255". Of at most 1000 examples.
    """
    kind, size = _kind(attack, ("fgsm", "pgd", "noise"), "robust"), _size(eps)
    if kind == "fgsm" and (steps, restarts) != (STEPS, 1):
        raise UnitError("robust@fgsm takes one step from the image itself; for more, write robust@pgd,steps=40")
    return _robust(kind, size, _count("steps", steps), _count("restarts", restarts))


def masking(attack: str = "pgd", eps: float | str = EPS, steps: int = STEPS) -> Measure:
    """How many signs there are that a classifier hides its gradients, of six: 0 lets `robust` be believed."""
    return _masking(_kind(attack, ("pgd",), "masking"), _size(eps), _count("steps", steps))


robust.place = masking.place = "pgd"  # type: ignore[attr-defined]  # what `nasmyth list` and errors show as an example


@cache
def _robust(kind: str, eps: float, steps: int, restarts: int) -> Measure:
    name = _name("robust", kind, eps=eps, steps=steps, restarts=restarts)

    def examples(network: Any, task: Any, split: str = "valid") -> tuple[Metric, Tensor]:
        from nasmyth.forms.metric import by_example
        from nasmyth.measure.attacks import Attack, survivors

        return by_example(name, "max", survivors(network, task, Attack(kind, eps, steps, restarts), split))

    def accuracy(network: Any, task: Any, split: str = "valid") -> float:
        metric, columns = examples(network, task, split)
        return metric.told(columns)

    accuracy.examples = examples  # type: ignore[attr-defined]  # what two networks can be compared by, in pairs
    accuracy.__doc__ = f"The share of images answered rightly under {kind} within {_text(eps)} of every pixel."
    return _made(name, accuracy, "1", "max")


@cache
def _masking(kind: str, eps: float, steps: int) -> Measure:
    name = _name("masking", kind, eps=eps, steps=steps)

    def signs(network: Any, task: Any, split: str = "valid") -> float:
        return float(len(masked(network, task, eps, steps, split).signs))

    signs.__doc__ = f"Signs, of six, that gradients are masked, so that {kind} within {_text(eps)} tells too little."
    return _made(name, signs, "", "min")


def _made(name: str, function: Any, unit: str, direction: Any) -> Measure:
    def suits(task: Any) -> None:
        from nasmyth.measure.attacks import images_of

        images_of(name, task)

    function.suits = suits
    return Measure(name, function, unit=unit, direction=direction, needs=NEEDS, stochastic=True)


# --- the check --------------------------------------------------------------------------------------------------------


class Masked(NamedTuple):
    """What the check saw. `signs` are sentences; where there is none, nothing suggests that gradients are masked."""

    signs: tuple[str, ...]
    figures: dict[str, float]


def masked(
    network: Any, task: Any, eps: float = EPS, steps: int = STEPS, split: str = "valid", examples: int = 200
) -> Masked:
    """Look for the signs of masked gradients, on at most so many examples. Costs about 120 evaluations of these.

    Differences count from two standard errors.
    """
    from nasmyth.measure.attacks import Attack, evenly, survivors

    def left(attack: Attack) -> float:
        return float(survivors(network, task, attack, split, examples).double().mean())

    figures = {
        "clean": left(Attack("noise", 0.0, 1)), "fgsm": left(Attack("fgsm", eps)), "pgd": left(Attack("pgd", eps, steps)),
        "noise": left(Attack("noise", eps, steps)), "half": left(Attack("pgd", eps / 2, steps)),
        "double": left(Attack("pgd", min(1.0, 2 * eps), steps)), "unbounded": left(Attack("pgd", 1.0, FAR)),
        "flat": _flat(network, task, split, examples),
    }  # fmt: skip
    return Masked(signs_of(figures, len(evenly(len(getattr(task, split)), examples))), figures)


def signs_of(figures: dict[str, float], examples: int) -> tuple[str, ...]:
    """The signs in accuracies under several attacks: "clean", "fgsm", "pgd", "noise", "half", "double", "unbounded"; "flat"
    is the share of examples whose gradient is zero."""

    def below(one: str, other: str) -> bool:
        a, b = figures[one], figures[other]
        return b - a > 2 * sqrt((a * (1 - a) + b * (1 - b)) / examples) + 1e-9

    f = figures
    found = [
        (below("fgsm", "pgd"), f"one step ({f['fgsm']:.3f} left) does more harm than many ({f['pgd']:.3f})"),
        (below("noise", "pgd"), f"random noise ({f['noise']:.3f} left) does more harm than the gradient ({f['pgd']:.3f})"),
        (f["unbounded"] > LITTLE, f"without bounds the attack still leaves {f['unbounded']:.3f}"),
        (below("half", "pgd"), f"half the distance ({f['half']:.3f} left) does more harm than the whole ({f['pgd']:.3f})"),
        (below("pgd", "double"), f"twice the distance ({f['double']:.3f} left) does less harm than the whole "
                                 f"({f['pgd']:.3f})"),
        (f["flat"] > LITTLE, f"the gradient is zero for {f['flat']:.3f} of the examples"),
    ]  # fmt: skip
    return tuple(sentence for there, sentence in found if there)


def _flat(network: Any, task: Any, split: str, examples: int) -> float:
    """The share of examples whose gradient is zero at every pixel, to the last bit."""
    from nasmyth.measure.attacks import Victim, attacked, evenly

    victim, data = Victim("masking", network, task), getattr(task, split)
    rows = evenly(len(data), examples)
    with attacked(network):
        gradient = victim.gradient(victim.pixels(data.x[rows]), data.y[rows].to(victim.device))
    return float((gradient.flatten(1).abs().amax(1) == 0).double().mean())


# --- names ------------------------------------------------------------------------------------------------------------


def _kind(given: str, known: tuple[str, ...], family: str) -> str:
    if given not in known:
        raise UnitError(
            f"{family}@{given}: there is no such attack; write {' or '.join(f'{family}@{k}' for k in known)}"
        )
    return given


def _size(given: float | str) -> float:
    try:
        eps = float(Fraction(given))
    except (ValueError, TypeError, ZeroDivisionError):
        eps = -1.0
    if not 0 < eps <= 1:
        raise UnitError(f"eps={given}: the most that a pixel may change is above 0 and at most 1, such as 8/255 or 0.1")
    return eps


def _count(name: str, given: Any) -> int:
    if type(given) is not int or given < 1:
        raise UnitError(f"{name}={given}: write a whole number of at least 1")
    return given


def _name(family: str, kind: str, **settings: float) -> str:
    usual = {"eps": EPS, "steps": STEPS, "restarts": 1}
    told = [f"{key}={_text(value)}" for key, value in settings.items() if value != usual[key]]
    return ",".join([f"{family}@{kind}", *told])


def _text(value: float) -> str:
    """A number as it is read back: "8/255" for whole levels of a pixel, else with all its digits."""
    levels = round(value * 255)
    if value == int(value):
        return str(int(value))
    return f"{levels}/255" if levels / 255 == value else repr(value)


measures.add("robust", robust)
measures.add("masking", masking)
