"""What the command line prints: tables, sentences and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

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
    from nudge_core.evaluation import Comparison

    head, *rows = table.rows()
    say("Test questions, scores from 0 to 100")
    drawn = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for i, name in enumerate(head):
        drawn.add_column(name, justify="left" if i < 2 else "right", no_wrap=True)
    for row, following in zip(rows, [*rows[1:], head], strict=True):
        drawn.add_row(*row, end_section=isinstance(table, Comparison) and following[0] != row[0])
    out.print(drawn)


def show_json(values: dict[str, Any]) -> None:
    """Print JSON, and nothing else."""
    say(json.dumps(values, indent=2, ensure_ascii=False))


def as_dict(data: str, tuned: Nudge, comparison: Comparison | None) -> dict[str, Any]:
    """All figures of a run; scores from 0 to 1."""
    return {
        "data": data,
        "documents": tuned.docs,
        "moved": len(tuned),
        "method": tuned.method,
        "gamma": tuned.gamma,
        "gamma_unit": tuned.gamma_unit,
        "angle": tuned.angle,
        "settings": {name: dict(setting) for name, setting in tuned.settings.items()},
        "refit": tuned.refit,
        "validation": None
        if tuned.curve is None
        else {"measure": tuned.curve.measure, "before": tuned.before, "after": tuned.after},
        "seconds": dict(tuned.seconds),
        "test": None if comparison is None else comparison.to_dict(),
    }
