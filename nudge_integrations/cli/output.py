"""What the command line prints: tables, sentences and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from nudge_core import Evaluation, Nudge
    from nudge_core.evaluation import Comparison

out = Console()
err = Console(stderr=True)


def say(text: object, console: Console = out, style: str | None = None) -> None:
    """A line as it is: brackets are no markup, and long lines are left to the terminal."""
    console.print(str(text), style=style, markup=False, highlight=False, soft_wrap=True)


def show(table: Comparison | Evaluation) -> None:
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
