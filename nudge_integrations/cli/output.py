"""What a person sees: tables, sentences and JSON; errors as one line with a remedy and an exit code, a traceback only where it is asked for."""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from nudge_integrations.cli.options import Debug

if TYPE_CHECKING:
    from nudge_core import Evaluation, Nudge
    from nudge_core.evaluation import Comparison
    from nudge_core.report import Report

out = Console()
err = Console(stderr=True)

REFUSED, USAGE, INTERNAL, STOPPED = 1, 2, 3, 130


def say(text: object, console: Console = out, style: str | None = None) -> None:
    """A line as it is: brackets are no markup, and long lines are left to the terminal."""
    console.print(str(text), style=style, markup=False, highlight=False, soft_wrap=True)


def show(table: Comparison | Evaluation | Report) -> None:
    """Print scores, or scores before and after."""
    say("Test questions, scores from 0 to 100")
    out.print(table)


def show_json(values: dict[str, Any]) -> None:
    """Print JSON, and nothing else."""
    say(json.dumps(values, indent=2, ensure_ascii=False))


def as_dict(data: str, tuned: Nudge, comparison: Comparison | None) -> dict[str, Any]:
    """All figures of a run; scores from 0 to 1."""
    return {
        "data": data,
        **tuned.to_dict(),
        "test": None if comparison is None else comparison.to_dict(),
    }


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option --debug to a command, and make its errors one line and an exit code."""

    @wraps(command)
    def run(*args: Any, debug: bool, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (KeyboardInterrupt, Exception) as error:  # told in full, in one line
            if isinstance(error, typer.Exit | typer.Abort):
                raise
            if debug:
                say(traceback.format_exc().rstrip(), err)
            _refuse(error)

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "debug": Debug}
    return run


def _refuse(error: BaseException) -> NoReturn:
    """Say an error in one line, and leave with its exit code."""
    from nudge_core.errors import NudgeError

    said, code = " ".join(str(error).split()), REFUSED
    if isinstance(error, KeyboardInterrupt):
        said, code = "stopped; a file that was being written is as it was before", STOPPED
    elif isinstance(error, OSError) and not isinstance(error, NudgeError) and error.strerror:
        where = f"{str(error.filename)!r}: " if error.filename else ""
        said = f"{where}{error.strerror}: choose another place, or make room or permission there"
    elif isinstance(error, MemoryError):
        said = "there is not enough memory for these vectors: close other programs, or nudge a part of the documents"
    elif not isinstance(error, NudgeError):
        said = f"{type(error).__name__}: {said}: an error in nudge itself; run the command again with --debug and report what it prints"
        code = INTERNAL
    say(f"nudge: {said}", err, style="red")
    raise typer.Exit(code) from error


class Commands(TyperGroup):
    """The group of commands; a command line that is not understood is refused in one line too."""

    def main(self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override]
        """Run, and exit with the code of the command."""
        try:
            code = super().main(args, **extra | {"standalone_mode": False})
        except (KeyboardInterrupt, typer.Abort):
            say("nudge: stopped", err, style="red")
            code = STOPPED
        except Exception as error:
            if not hasattr(error, "format_message"):  # that of click, wherever typer has it
                raise
            code = _not_understood(error)
        if standalone_mode:
            sys.exit(code)
        return code


def _not_understood(error: Any) -> int:
    """Print what is wrong with a command line; the help, where nothing was given."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        said = " ".join(error.format_message().split())
        command = error.ctx.command_path if getattr(error, "ctx", None) else "nudge"
        say(f"nudge: {said}{'' if said.endswith(('.', '?')) else '.'} See `{command} --help`", err, style="red")
    return int(error.exit_code)
