"""The table of `nudge demo` in the README, from results/demo.json.

python benchmarks/demo.py --table
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "demo.json"


def table(figures: dict[str, Any]) -> str:
    """Markdown: each measure on all, seen and unseen questions, before and after."""
    level = f"{100 * figures['test']['level']:g} %"
    rows = [
        f"| measure | questions | before | after | change ({level} interval) | better / worse |",
        "|---|---|---|---|---|---|",
    ]
    for line in figures["test"]["lines"]:
        points = {key: 100 * line[key] for key in ("before", "after", "difference", "low", "high")}
        change = f"{points['difference']:+.1f} ({points['low']:+.1f} … {points['high']:+.1f})"
        rows.append(
            f"| {line['measure']} | {line['subset']} {line['questions']} | {points['before']:.1f} | {points['after']:.1f} "
            f"| {change} | {line['better']} / {line['worse']} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
