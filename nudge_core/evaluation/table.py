"""Text tables."""

from __future__ import annotations


def table(rows: list[list[str]]) -> str:
    """Text columns: the first aligned to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number_or_none(value: float) -> float | None:
    """None in place of NaN, which JSON does not know."""
    return None if value != value else value
