"""What becomes of an error: one message on stderr and an exit status; a traceback only if asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from nasmyth.errors import NasmythError, NasmythWarning

_TYPED = "nasmyth.command"


class Verbs(TyperGroup):
    """The group of all verbs: remembers the line that was typed, and words the errors of every verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[_TYPED] = shlex.join(["nasmyth", *args])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            with worded_warnings():
                return super().invoke(ctx)
        except NasmythError as error:
            if debugging():
                raise
            fail(str(error))
        except KeyboardInterrupt:
            fail("interrupted", status=130)
        except OSError as error:
            if debugging() or error.errno == errno.EPIPE:
                raise
            where = f": {error.filename}" if error.filename else ""
            fail(f"{error.strerror or error}{where}")
        except Exception as error:
            if debugging() or isinstance(error, _own()):
                raise
            fail(
                f"{type(error).__name__}: {error}\n"
                "This is a mistake in Nasmyth or in code that it was given; NASMYTH_DEBUG=1 shows where"
            )


def _own() -> tuple[type[Exception], ...]:
    """What Typer raises to end a command or to word wrong usage."""
    # Typer before 0.26 did not bring its own Click
    home = "typer._click" if find_spec("typer._click") else "click"
    wording: type[Exception] = import_module(f"{home}.exceptions").ClickException
    return (wording, typer.Exit, typer.Abort)


@contextlib.contextmanager
def worded_warnings() -> Iterator[None]:
    """Inside, a warning of Nasmyth's own is one line on stderr, without the place in the source."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, NasmythWarning):
            print(f"warning: {message}", file=sys.stderr)
        else:
            usual(message, category, *rest, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def fail(message: str, status: int = 1) -> NoReturn:
    """Print a message on stderr, red where that can be seen, and end with this status."""
    label = "\033[1;31merror:\033[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else "error:"
    print(f"{label} {message}", file=sys.stderr)
    raise typer.Exit(status)


def usage(message: str) -> NoReturn:
    """End because of wrong usage: status 2."""
    fail(message, status=2)


def debugging() -> bool:
    """Whether NASMYTH_DEBUG asks for tracebacks."""
    return os.environ.get("NASMYTH_DEBUG", "") not in ("", "0")


def typed(ctx: typer.Context) -> str:
    """The line that was typed, quoted for a shell, which is what reproduces it."""
    return str(ctx.meta.get(_TYPED, ""))
