"""Options that several verbs share, so that they are spelt and explained alike."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmyth.units import is_whole

Candidate = Annotated[
    str, typer.Argument(metavar="STUDY#CANDIDATE", help="digits.db#best, #baseline, #12, or net.safetensors")
]
Under = Annotated[
    list[str] | None,
    typer.Option(
        "--under",
        "-u",
        metavar="MEASURE<=BOUND",
        help="A budget, such as 'params<=10k' or 'latency@cpu<=8ms'; repeat for several.",
    ),
]
Maximize = Annotated[
    list[str] | None,
    typer.Option(
        "--maximize",
        metavar="MEASURE",
        help="What to make large: balanced_accuracy, auroc, recall:LABEL ...; accuracy, for classes, unless said.",
    ),
]
Minimize = Annotated[
    list[str] | None,
    typer.Option(
        "--minimize",
        metavar="MEASURE",
        help="What to make small: log_loss, median_error ...; rmse, for numbers, unless said.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", "-s", help="The same seed gives the same search.")]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", metavar="COLUMN", help="The column of a table to predict; repeat for several."),
]
Size = Annotated[str | None, typer.Option("--size", metavar="PIXELS", help="Image size: 64, or 48x64 (height first).")]
OnBad = Annotated[
    str | None,
    typer.Option("--on-bad", metavar="skip|refuse", help="What becomes of pictures and labels that cannot be used."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="classification|regression", help="What is learned, where the inference is not what you want."
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="NAME",
        help="text, vision ... where the data is not what it looks like: `nasmyth list domains`.",
    ),
]
Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="FILE.py|MODULE",
        help="Import it first: a file of yours that defines ops, measures ...; repeat for several.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and the result in one line.")]


def reading(
    target: list[str] | None,
    size: str | None = None,
    on_bad: str | None = None,
    kind: str | None = None,
    domain: str | None = None,
) -> dict[str, Any]:
    """What `nasmyth.read` is asked for, as far as anything was. Ends with status 2 for what is not understood."""
    asked = {
        "target": one_or_several(target),
        "size": pixels(size),
        "on_bad": choice(on_bad, ("skip", "refuse"), "--on-bad"),
        "kind": choice(kind, ("classification", "regression"), "--kind"),
        "domain": domain,
    }
    return {name: value for name, value in asked.items() if value is not None}


def one_or_several(values: list[str] | None) -> str | tuple[str, ...] | None:
    """None, the only value, or a tuple of them."""
    return None if not values else values[0] if len(values) == 1 else tuple(values)


def pixels(text: str | None) -> int | tuple[int, int] | None:
    """ "64" or "48x64" as numbers. Ends with status 2 for anything else."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(is_whole(part.strip()) and len(part) < 8 for part in parts):
        raise typer.BadParameter(
            f"{text!r} is not a size in pixels; write 64, or 48x64 (height first)", param_hint="--size"
        )
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def choice(value: str | None, options: tuple[str, ...], name: str) -> str | None:
    """The value if it is one of the options. Ends with status 2 otherwise."""
    if value is not None and value not in options:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(options)}", param_hint=name)
    return value
