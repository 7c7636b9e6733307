"""The laws of a domain: what it makes of data is its own, and its space, baseline and recipe go together."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from nasmyth.domains.domain import Domain, domain_for, read
from nasmyth.network.network import build
from nasmyth.testing.laws import law
from nasmyth.train import Recipe, Task, fit


def check_domain(domain: Domain, source: Any, /, **reading: Any) -> None:
    """Every law of a domain on data of its kind, with what `read` is told of it. Raises AssertionError.

    Its baseline is trained for a tenth of an epoch, so give it little data.
    """
    law(bool(domain.name) and bool(domain.about), domain, "has no name, or does not say what data it takes")
    task = read(source, **reading)
    law(domain.suits(task), domain, f"made {task}, and says that it is none of its own")
    law(domain_for(task) is domain, domain, f"made {task}, which goes to {domain_for(task).name}")
    law(
        read(source, **reading).fingerprint == task.fingerprint, domain, "the same data is another task when read again"
    )
    law(isinstance(domain.recipe(task), Recipe), domain, f"has the recipe {domain.recipe(task)!r}")
    _has_a_space(domain, task)
    _baseline_learns(domain, task)


def _has_a_space(domain: Domain, task: Task) -> None:
    space = domain.space(task)
    law(domain.space(task).key == space.key, domain, "gives two spaces for one task")
    baseline = domain.baseline(task)
    answer = space.decode(baseline).output
    law(space.encode(baseline) == space.encode(dict(baseline)), domain, "its baseline is no genome of its space")
    for seed in range(5):
        output = space.decode(space.sample(Random(seed))).output
        law(output == answer, domain, f"a network of its space gives {output}, and its baseline {answer}")


def _baseline_learns(domain: Domain, task: Task) -> None:
    network = build(domain.space(task).decode(domain.baseline(task)), 0, task.inputs, task.outputs)
    scores = fit(network, task, domain.recipe(task), epochs=0.1, device="cpu").scores
    law(task.objective in scores, domain, f"training gives {sorted(scores)}, and no {task.objective}")
    law(all(map(math.isfinite, scores.values())), domain, f"its baseline trains to {scores}")
